#!/bin/bash
# Boots real machines and breaks them: whatever is killed, nothing is left, the exit status says so and
# the message says why; a terminal is as it was. In namespaces of its own, so that what is left can be
# seen. Usage: boot.sh BIN FOLDER_OF_IMAGES
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) bin=$1 images=$2
if [ "${3:-}" != inside ]; then
    for name in vmlinuz initrd.img rootfs.img manifest.json; do
        [ -f "$images/$name" ] || { echo "no $images/$name: scripts/build-guest makes it" && exit 1; }
    done
    exec unshare --user --map-root-user --pid --fork --kill-child --mount --mount-proc --net --ipc \
        "$0" "$bin" "$images" inside
fi

readonly place=/mnt # covered by a file system of our own
readonly bound=240 # seconds for what takes two on an idle machine
mount -t tmpfs -o mode=1777 tmpfs "$place"
ip link set lo up
umask 077
mkdir $place/work $place/run $place/logs $place/images
cd $place/work
failures=0

"$bin/fake-sidecar" --listen 127.0.0.1:0 --log-fd 9 9>/dev/null >$place/sidecar &
for _ in $(seq 100); do
    [ ! -s $place/sidecar ] || break
    sleep 0.05
done
# The options are this test's own: a second folder with links to the images would have none.
cp "$images"/{vmlinuz,initrd.img,rootfs.img,manifest.json} $place/images/
printf '{"accelerator": "tcg", "log_dir": "%s"}\n' "$place/logs" >$place/images/machine.json
port=$(grep -o '[0-9]*$' $place/sidecar)
export HOME=$place/nowhere FIRMA_RUN_VZ_GUEST=1 FIRMA_RUN_SIDECAR=tcp://127.0.0.1:$port \
    FIRMA_RUN_VZ_GUEST_RUNNER=$bin/firma-vm-runner \
    FIRMA_RUN_VZ_GUEST_KERNEL=$place/images/vmlinuz FIRMA_RUN_VZ_GUEST_INITRD=$place/images/initrd.img \
    FIRMA_RUN_VZ_GUEST_ROOTFS=$place/images/rootfs.img
run=("$bin/firma-run" --runtime-dir "$place/run")

check() { # WHAT EXPECTED FOUND
    # shellcheck disable=SC2053 # a pattern is meant
    if [[ $3 == $2 ]]; then
        echo "ok      $1"
    else
        failures=$((failures + 1))
        printf 'not ok  %s\n  expected: %s\n  found:    %s\n' "$1" "$2" "$3"
    fi
}

processes() { # PATTERN of a command line: their ids
    local folder words
    for folder in /proc/[0-9]*; do
        words=$(tr '\0' ' ' <"$folder/cmdline" 2>/dev/null) || continue
        # shellcheck disable=SC2053 # a pattern is meant
        [[ $words != $1 ]] || echo "${folder#/proc/}"
    done
}

left() { # what a launch may not leave
    processes '*qemu-system*'
    processes '*virtiofsd*'
    processes '*--launch-contract*'
    ls -A $place/run
}

await() { # WORD FILE PID: until the word stands there
    while ! grep -qs "$1" "$2"; do
        kill -0 "$3" 2>/dev/null || { echo "ended without '$1' in $2" && cat $place/err && exit 1; }
        sleep 0.1
    done
}

# strike WHAT PATTERN: kills its first process while a command runs.
strike() {
    local victim status=0
    : >$place/out
    timeout $bound "${run[@]}" -- /bin/sh -c 'echo ready; sleep 1000' >$place/out 2>$place/err &
    await ready $place/out $!
    victim=$(processes "$2")
    kill -KILL "${victim%%[[:space:]]*}"
    wait $! || status=$?
    check "$1 killed: exit status" '1[23][57]' "$status" # 125, or 137 where the runner itself died
    check "$1 killed: nothing is left" '' "$(left)"
}

# ---- what the command is, says and returns; a program that fills the screen

status=0
printf 'through' | timeout $bound "${run[@]}" -- /bin/sh -c 'uname -r; cat; exit 42' >$place/out || status=$?
check 'a command: exit status' 42 "$status"
check 'a command: another kernel than ours' '*-cloud-*' "$(head -n 1 $place/out)"
check 'a command: what it read' through "$(tail -n 1 $place/out)"
check 'a full-screen program' ok "$(timeout $bound python3 "$here/screen.py" "${run[@]}" 2>&1)"

strike monitor '*/qemu-system*'
check 'monitor killed: the message' '*the machine ended without a result*' "$(cat $place/err)"
strike 'file server' '*/virtiofsd*'
strike runner '*--launch-contract*'

# ---- a kernel that panics: an initrd without an init

mkdir -p stage/dev
(cd stage && find . -mindepth 1 | cpio --quiet -o --format=newc) >$place/images/initrd.img
sha256=$(sha256sum <$place/images/initrd.img | cut -d ' ' -f 1)
bytes=$(stat -c %s $place/images/initrd.img)
sed -i "s/\"initrd\": .*/\"initrd\": {\"bytes\": $bytes, \"sha256\": \"$sha256\"},/" \
    $place/images/manifest.json
status=0
timeout $bound "${run[@]}" -- /bin/true >$place/out 2>$place/err || status=$?
check 'panic: exit status' 125 "$status"
check 'panic: the message' '*last printed:*[Kk]ernel panic*' "$(cat $place/err)"
check 'panic: nothing is left' '' "$(left)"

# ---- another initrd than the manifest's

printf x >>$place/images/initrd.img
status=0
timeout $bound "${run[@]}" -- /bin/true >$place/out 2>$place/err || status=$?
check 'changed initrd: exit status' 125 "$status"
check 'changed initrd: the message' "*artifact: initrd: $place/images/initrd.img is not the one in manifest.json*" \
    "$(cat $place/err)"
cp "$images"/{initrd.img,manifest.json} $place/images/

# ---- a terminal: raw while the command runs, as it was after the runner was killed

# A shell with job control, as people have: firma-run is alone in the foreground then.
cat >$place/session <<SESSION
set -m
stty -a >$place/before
"\$@" -- /bin/bash -c 'echo guest on 2 >&2; stty size; echo ready; sleep 1000' 2>$place/err
echo "status \$?"
stty -a >$place/after
SESSION
: >$place/out
timeout $bound script -qec "stty rows 31 cols 97; bash $place/session ${run[*]}" /dev/null >$place/out </dev/null &
await ready $place/out $!
victim=$(processes '*--launch-contract*')
kill -KILL "${victim%%[[:space:]]*}"
wait $! || true
check 'terminal: its size' '*31 97*' "$(cat $place/out)"
check 'terminal: stderr stays apart' '*guest on 2*' "$(cat $place/err)"
check 'terminal: the status after a KILL of the runner' '*status 137*' "$(cat $place/out)"
check 'terminal: restored' '' "$(diff $place/before $place/after)"
check 'terminal: nothing is left' '' "$(left)"

check 'every log ends with its times' '*times: images * ms, boot * ms*' "$(tail -qn 1 $place/logs/*.log)"
exit $((failures > 0))
