#!/bin/bash
# hardening.sh - scripts/check-hardening on trial: a program built without one of the flags is refused
# for that, and for nothing else.
. "$(dirname "$0")/lib.sh"
check=$(dirname "$0")/../../scripts/check-hardening

readonly sound="-O2 -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2 -pie -Wl,-z,relro,-z,now,-z,noexecstack"

# build FLAGS: the program that is looked at, with only these flags and not the distribution's own.
build() {
    cat >"$work/program.c" <<'END'
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv)
{
    char text[64];
    snprintf(text, sizeof text, "%d %s", argc, argv[0]);
    fprintf(stderr, "%s %d\n", text, argc);
    return (int)strlen(text) & 1;
}
END
    # shellcheck disable=SC2086 # flags are words
    cc $1 -o "$work/program" "$work/program.c" >"$work/log" 2>&1 || fail "it does not build: $1"
}

# refuses WORD FLAGS: for WORD alone.
refuses() {
    build "$2"
    expect 1 "$check" "$work/program"
    [ "$(sed 's/.* lacks //' "$work/log")" = "$1" ] || fail "it should lack $1 alone"
}

hardening-sound() {
    build "$sound"
    expect 0 "$check" "$work/program"
    says ok
}

hardening-no-pie() {
    refuses PIE "${sound/-pie/-no-pie}"
}

hardening-lazy-binding() {
    refuses BIND_NOW "${sound/-z,now/-z,lazy}"
}

hardening-no-relro() {
    refuses RELRO "${sound/-z,relro/-z,norelro}"
}

hardening-no-stack-protector() {
    refuses "stack protector" "${sound/-fstack-protector-strong/-fno-stack-protector}"
}

hardening-no-fortify() {
    refuses "FORTIFY, FORTIFY (fprintf is called)" "${sound/-D_FORTIFY_SOURCE=2/-U_FORTIFY_SOURCE}"
}

hardening-executable-stack() {
    refuses "NX (a segment is writable and executable)" "${sound/noexecstack/execstack}"
}

hardening-rpath() {
    refuses "no RPATH or RUNPATH" "$sound -Wl,-rpath,/opt/lib"
}

hardening-static() {
    refuses "lines of src/, so that nothing tells what it calls" "${sound/-pie/-static-pie}"
}

# As if it were the product's: the C library's own protector and checks in it do not count.
hardening-static-own() {
    local own sources
    sources=$(realpath "$(dirname "$0")/../../src")
    own="${sound/-pie/-static-pie} -g -fdebug-prefix-map=$work=$sources"
    build "$own"
    expect 0 "$check" "$work/program"
    says ok
    refuses "stack protector" "${own/-fstack-protector-strong/-fno-stack-protector}"
    refuses "FORTIFY, FORTIFY (fprintf is called)" "${own/-D_FORTIFY_SOURCE=2/-U_FORTIFY_SOURCE}"
}

hardening-no-program() {
    echo "#!/bin/sh" >"$work/script"
    expect 1 "$check" "$work/script"
    says "not an ELF file"
    expect 3 "$check" "$work/none"
}

run_case "$@"
