# shellcheck shell=bash
# vm-start: the VM runner's whole launch against the machine alone.
# shellcheck disable=SC2154 # the driver and its library set them

milliseconds() {
    echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

name_machine() {
    export FIRMA_RUN_VZ_GUEST=1
    export FIRMA_RUN_VZ_GUEST_RUNNER=$bin/firma-vm-runner FIRMA_RUN_VZ_GUEST_KERNEL=$guest/vmlinuz
    export FIRMA_RUN_VZ_GUEST_INITRD=$guest/initrd.img FIRMA_RUN_VZ_GUEST_ROOTFS=$guest/rootfs.img
}

launch() { # COMMAND…
    bounded 60 "$bin/firma-run" --cwd "$work/cwd" --runtime-dir "$runtime" "${keep[@]}" -- "$@" \
        </dev/null
}

# The process below PID that is called NAME, once there is one.
descendant() { # PID NAME
    local child
    for child in $(pgrep -P "$1"); do
        if [[ $(cat "/proc/$child/comm" 2>/dev/null) == "$2"* ]]; then
            echo "$child"
            return
        fi
        descendant "$child" "$2"
    done
}

# The monitor's own command line, taken from a running machine, becomes the bare one: the same
# machine, its images by name, its channel a FIFO, no shared directories.
read_machine() {
    local pid monitor='' word previous='' skip=no
    launch sleep 30 >/dev/null 2>&1 &
    pid=$!
    while [ -z "$monitor" ]; do
        kill -0 "$pid" 2>/dev/null || die 3 "no machine could be started"
        monitor=$(descendant "$pid" qemu-system | head -n 1)
    done
    while [ ! -s "$work/line" ] || ! tr '\0' '\n' <"$work/line" | grep -q org.firma.channel; do
        cp "/proc/$monitor/cmdline" "$work/line" 2>/dev/null || die 3 "no machine could be started"
    done
    kill "$pid"
    wait "$pid" || true
    machine=()
    while IFS= read -r -d '' word; do
        case $previous in
        -kernel) word=$guest/vmlinuz ;;
        -initrd) word=$guest/initrd.img ;;
        esac
        case $word in
        socket,id=channel,*) word=file,id=channel,path=$work/channel ;;
        socket,id=shares,* | vhost-user-fs-pci,*) skip=yes ;;
        *file.filename=*) word=${word%%file.filename=*}file.filename=$guest/rootfs.img ;;
        esac
        previous=$word
        if [ "$skip" = yes ]; then
            unset 'machine[-1]' # the option before it
            skip=no
            continue
        fi
        machine+=("$word")
    done <"$work/line"
}

# From the monitor's start to the first word of the guest's init.
bare_boot() {
    local begun pid
    begun=$(milliseconds)
    "${machine[@]}" </dev/null >/dev/null 2>"$work/bare" &
    pid=$!
    bounded 60 head -c 1 <"$work/channel" >/dev/null || die 3 "the bare boot: $(cat "$work/bare")"
    echo $(($(milliseconds) - begun))
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null || true
}

whole_launch() {
    local begun
    begun=$(milliseconds)
    launch true >/dev/null 2>"$work/vm-launch" || die 3 "the launch: $(cat "$work/vm-launch")"
    echo $(($(milliseconds) - begun))
}

# What the runner says of one more launch: the log's last line.
print_phases() {
    keep=(--keep)
    whole_launch >/dev/null
    keep=()
    find "$runtime" -name vm-console.log -exec sed -n 's/.*times: /phases of one launch: /p' {} \;
}

measure() {
    local i machine=() keep=()
    [ -f "$guest/manifest.json" ] || { cannot "no images; scripts/build-guest builds them"; return 0; }
    mkdir -p "$work/cwd"
    mkfifo "$work/channel"
    start_sidecar
    name_machine
    read_machine
    whole_launch >/dev/null # digests and accelerator are known from here on
    for ((i = $(runs 9); i > 0; i--)); do
        sample start bare-boot "$(bare_boot)"
        sample start firma-run "$(whole_launch)"
    done
    compare "call to exit" start ms firma-run bare-boot ≤ 1.5
    note "$(print_phases)"
}
