#!/usr/bin/env bash
# What a command finds in a real machine and what its caller gets of it: status, streams, signals,
# proxy, names, identity, terminal; and what is said of a machine that cannot be. Usage: launches.sh
# BIN FOLDER_OF_IMAGES. FIRMA_GUEST_SHARE is one more writable mount of every launch, in --mount's form.
set -euo pipefail
bin=$1 images=$2
for name in vmlinuz initrd.img rootfs.img manifest.json; do
    [ -f "$images/$name" ] || { echo "no $images/$name: scripts/build-guest makes it" && exit 1; }
done
readonly bound=240 # seconds for what takes two on an idle machine
umask 077
place=$(mktemp -d)
sidecar=
# shellcheck disable=SC2317 # the trap calls it
clean_up() {
    [ -z "$sidecar" ] || kill "$sidecar" 2>/dev/null || true
    rm -rf "$place"
}
trap clean_up EXIT
mkdir "$place"/{work,run,images}
cd "$place/work"
failures=0

"$bin/fake-sidecar" --listen 127.0.0.1:0 --log-fd 9 9>/dev/null >"$place/sidecar" &
sidecar=$!
until grep -qs '[0-9]$' "$place/sidecar"; do
    kill -0 "$sidecar" || exit 1
done
cp "$images"/{vmlinuz,initrd.img,rootfs.img,manifest.json} "$place/images/"
printf '{"accelerator": "tcg", "memory_mib": 512}\n' >"$place/images/machine.json"
FIRMA_RUN_SIDECAR=tcp://127.0.0.1:$(grep -o '[0-9]*$' "$place/sidecar")
export FIRMA_RUN_SIDECAR FIRMA_RUN_VZ_GUEST=1 HOME=$place/nowhere \
    FIRMA_RUN_VZ_GUEST_RUNNER=$bin/firma-vm-runner \
    FIRMA_RUN_VZ_GUEST_KERNEL=$place/images/vmlinuz FIRMA_RUN_VZ_GUEST_INITRD=$place/images/initrd.img \
    FIRMA_RUN_VZ_GUEST_ROOTFS=$place/images/rootfs.img

run=("$bin/firma-run" --runtime-dir "$place/run" --grace 120 ${FIRMA_GUEST_SHARE:+--mount "$FIRMA_GUEST_SHARE"})

check() { # WHAT EXPECTED FOUND
    # shellcheck disable=SC2053 # a pattern is meant
    if [[ $3 == $2 ]]; then
        echo "ok      $1"
    else
        failures=$((failures + 1))
        printf 'not ok  %s\n  expected: %s\n  found:    %s\n' "$1" "$2" "$3"
    fi
}

# launch OPTION… -- COMMAND…: its status in `status`, its streams in `out` and `err`.
launch() {
    status=0
    timeout $bound "${run[@]}" "$@" >"$place/out" 2>"$place/err" || status=$?
    out=$(cat "$place/out") err=$(cat "$place/err")
}

# refits NAME FILE: the manifest says what FILE is now.
refits() {
    local file=$place/images/$2 sha256
    sha256=$(sha256sum <"$file" | cut -d ' ' -f 1)
    sed -i -E "s/(\"$1\": \{.*\"bytes\": )[0-9]+(, \"sha256\": \")[0-9a-f]+/\1$(stat -c %s "$file")\2$sha256/" \
        "$place/images/manifest.json"
}

# ---- streams, status, signals

launch -- /bin/sh -c 'cat; echo aside >&2; exit 42' <<<"through"
check 'streams and status' '42 through aside' "$status $out $err"
launch -- /bin/sh -c 'kill -SEGV $$' </dev/null
check 'death by a signal' 139 "$status"
launch -- /no/such/program </dev/null
check 'no such program' 127 "$status"
launch -- /etc/passwd </dev/null
check 'not executable' 126 "$status"

mkfifo "$place/fifo"
timeout $bound "${run[@]}" -- /bin/sh -c 'trap "exit 7" TERM; echo ready; while :; do sleep 0.1; done' \
    >"$place/fifo" 2>"$place/err" </dev/null &
launcher=$!
read -r word <"$place/fifo"
kill -TERM "$(ps -o pid= --ppid "$launcher" | tr -d ' ')" # timeout's child
status=0
wait "$launcher" || status=$?
check 'a signal is passed on' 'ready 7' "$word $status"

# ---- the proxy, names, and a flood of both

# shellcheck disable=SC2016 # the guest's shell expands it
launch -- /bin/sh -c 'curl -s -o /dev/null -w "%{http_code}" http://198.51.100.1/ || echo "curl $?"
    for i in 1 2 3 4; do curl -s -o /dev/null http://198.51.100.1/$i & done; wait' </dev/null
check 'a request through the proxy' '0 [1-5][0-9][0-9]*' "$status $out"
launch -- python3 -c '
import socket
try:
    socket.getaddrinfo("www.example.test", 80)
except OSError as error:
    print("refused", error.errno)' </dev/null
check 'a name is not resolved' '0 refused -*' "$status $out"

# ---- who the command is, and where

launch -- /bin/sh -c 'id -u; cat /proc/1/comm; hostname; pwd' </dev/null
check 'identity and place' "0 $(id -u) firma-init guest $place/work" "$status ${out//$'\n'/ }"
launch --identity sandbox_user -- /bin/sh -c 'id -u; touch made' </dev/null
check 'sandbox_user is somebody else' '65534*' "$out"

# ---- a terminal

timeout $bound script -qec "stty rows 31 cols 97; ${run[*]} -- /bin/sh -c 'stty size; read line; echo got \$line; exit 5'" \
    /dev/null >"$place/out" 2>&1 <<<"typed" || status=$?
check 'a terminal' '*31 97*got typed*' "$(cat "$place/out")"

# ---- what cannot be: another disk, an init without modules, no machine at all

printf 'no file system' >"$place/images/rootfs.img"
truncate -s 1M "$place/images/rootfs.img"
refits rootfs rootfs.img
launch -- /bin/true </dev/null
check 'a disk that is none' '125 *mount*' "$status $err"
status=0
"$bin/firma-vm-runner" --check "$place/images"/{vmlinuz,initrd.img,rootfs.img} >"$place/out" 2>&1 || status=$?
check 'check' '[01]*' "$status$(cat "$place/out")"
printf '{"memory_mib": "much"}\n' >"$place/images/machine.json"
launch -- /bin/true </dev/null
check 'an option of another type' '125 *memory_mib*' "$status $err"
check 'nothing is left' '' "$(ls -A "$place/run")"
exit $((failures > 0))
