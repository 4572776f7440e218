#!/usr/bin/env bash
# Load on a real machine's channel: traffic.sh connections|streams. Needs
# scripts/build-guest's images; everything stays on the loopback device.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=${FIRMA_BIN:?the folder of the built programs}
guest=${FIRMA_GUEST:-$here/../../../build/guest}
[ -f "$guest/manifest.json" ] || { echo "no $guest/manifest.json: scripts/build-guest makes it" && exit 1; }
guest=$(cd "$guest" && pwd)
readonly connections=200 bytes=$((64 * 1024 * 1024))

work=$(mktemp -d)
started=()
# shellcheck disable=SC2317 # the trap calls it
clean_up() {
    [ ${#started[@]} = 0 ] || kill "${started[@]}" 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT

# serve NAME COMMAND…: starts it and waits until it has printed its port.
serve() {
    local name=$1 pid
    shift
    "$@" >"$work/$name" 2>"$work/$name.log" &
    pid=$!
    started+=("$pid")
    until port_of "$name" >/dev/null; do
        kill -0 "$pid" || exit 1
    done
}

port_of() {
    grep -oE '[0-9]+$' "$work/$1"
}

mkdir -m 0700 "$work/run" "$work/cwd"
cp "$here/traffic_guest.py" "$work/cwd/"
serve echo python3 "$here/traffic_host.py"
serve sidecar "$bin/fake-sidecar" --listen 127.0.0.1:0
FIRMA_RUN_SIDECAR=tcp://127.0.0.1:$(port_of sidecar)
export FIRMA_RUN_SIDECAR FIRMA_RUN_VZ_GUEST=1
export FIRMA_RUN_VZ_GUEST_RUNNER=$bin/firma-vm-runner FIRMA_RUN_VZ_GUEST_KERNEL=$guest/vmlinuz
export FIRMA_RUN_VZ_GUEST_INITRD=$guest/initrd.img FIRMA_RUN_VZ_GUEST_ROOTFS=$guest/rootfs.img

launch() {
    timeout 540 "$bin/firma-run" --cwd "$work/cwd" --runtime-dir "$work/run" -- \
        python3 traffic_guest.py "$@"
}

case ${1:-} in
connections)
    launch connections "$(port_of echo)" "$connections" </dev/null
    ;;
streams)
    head -c "$bytes" /dev/urandom >"$work/in"
    launch streams "$(port_of echo)" "$bytes" <"$work/in" >"$work/out"
    cmp "$work/in" "$work/out"
    ;;
*)
    echo "usage: traffic.sh connections|streams" >&2
    exit 2
    ;;
esac
