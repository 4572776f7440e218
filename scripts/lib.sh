# shellcheck shell=bash
# What the scripts beside this file share. Sourced, never run. Bash 3.2 is enough (macOS).

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Debian keeps ip and nft where a plain user's PATH does not look.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

say() {
    printf '%s\n' "$*" >&2
}

# die STATUS MESSAGE: the script's name, what is wrong and what to do about it.
die() {
    local status=$1
    shift
    say "${0##*/}: $*"
    exit "$status"
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# plant [OPTION…] FILE PATCH: plants a defect. Only a patch that still fits to the line does.
plant() {
    patch --fuzz=0 --force --silent --reject-file=- "$@"
}

# Homebrew keeps these beside the system's own libraries, where pkg-config does not look.
find_brewed_libraries() {
    [ "$(uname -s)" = Darwin ] && have brew || return 0
    local prefix name
    prefix=$(brew --prefix)
    for name in openssl@3 curl libpcap; do
        PKG_CONFIG_PATH=$prefix/opt/$name/lib/pkgconfig:${PKG_CONFIG_PATH:-}
    done
    export PKG_CONFIG_PATH
}

# bounded SECONDS COMMAND…: ends a command that hangs, where the system can (macOS has no timeout).
bounded() {
    local limit=$1
    shift
    if have timeout; then
        timeout --kill-after=10 "$limit" "$@"
    else
        "$@"
    fi
}

# A process and all that it started: whoever is interrupted leaves none behind.
end_descendants() { # PID
    local child
    for child in $(ps -o pid= --ppid "$1" 2>/dev/null); do
        end_descendants "$child"
    done
    kill -TERM "$1" 2>/dev/null || true
}

# quietly WHAT LOG COMMAND…: a command's output goes to LOG. Silent when it succeeds within two
# seconds; one line when it takes longer; the end of the log when it fails.
quietly() {
    local what=$1 log=$2 status=
    shift 2
    mkdir -p "$(dirname "$log")"
    exec 4< <("$@" >"$log" 2>&1 </dev/null && echo 0 || echo "$?")
    if ! read -r -t 2 status <&4; then
        say "$what …"
        read -r status <&4 || status=1
    fi
    exec 4<&-
    [ "$status" = 0 ] && return 0
    say "$what failed (exit $status). The end of $log:"
    tail -n 40 "$log" >&2
    return 1
}

# One build at a time in one folder; the lock is held until release_build_lock.
take_build_lock() {
    have flock || return 0
    mkdir -p "$root/build"
    exec 9>"$root/build/.lock-$1"
    flock 9
}

release_build_lock() {
    { exec 9>&-; } 2>/dev/null || true
}

configure_and_build() {
    [ -f "$root/build/$1/build.ninja" ] || cmake -S "$root" --preset "$1" || return
    cmake --build "$root/build/$1"
}

# build PRESET: everything of that preset, in build/PRESET.
build() {
    take_build_lock "$1"
    quietly "building build/$1" "$root/build/log/build-$1.log" configure_and_build "$1" 9>&- || return
    release_build_lock
}

# name_guest_images RUNNER PRESET: what the VM runner boots: the operator's own images if any is
# named, else ours, built when missing or stale. Other runners need none.
name_guest_images() {
    [ "$1" = vm ] || return 0
    local images=$root/build/guest
    [ -z "${FIRMA_RUN_VZ_GUEST_KERNEL:-}${FIRMA_RUN_VZ_GUEST_INITRD:-}${FIRMA_RUN_VZ_GUEST_ROOTFS:-}" ] || return 0
    "$root/scripts/build-guest" --init "$root/build/$2/bin/firma-vm-init" || return
    export FIRMA_RUN_VZ_GUEST_KERNEL=$images/vmlinuz FIRMA_RUN_VZ_GUEST_INITRD=$images/initrd.img
    export FIRMA_RUN_VZ_GUEST_ROOTFS=$images/rootfs.img
}
