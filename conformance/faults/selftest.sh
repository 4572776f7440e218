#!/usr/bin/env bash
# Can the campaign fail? Broken subjects of the matrix, and a list that excuses too much.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=scripts/lib.sh
source "$root/scripts/lib.sh"
# shellcheck disable=SC2034 # matrix-build's
tree=$FIRMA_BUILD results=$FIRMA_BUILD/faults/selftest/${1:-} # its own: several may run at once
# shellcheck source=scripts/matrix-build
source "$root/scripts/matrix-build"
list=$root/conformance/faults/ignorable.tsv

campaign() {
    bounded 300 "$FIRMA_BUILD/faults/faults" --bin "$FIRMA_BIN" "$@"
}

# A subject of the table in fakes/broken, built; the option that names it is left in `subject`.
build_subject() { # NAME
    local line program file extra
    line=$(grep -P "^$1\t" "$root/fakes/broken/subjects.tsv")
    IFS=$'\t' read -r _ program file extra _ <<<"$line"
    build_broken "$1" "$program" "$file" "$extra" >"$results/$1.log" 2>&1 || {
        cat "$results/$1.log"
        return 1
    }
    subject=--runner
    [ "$program" = firma-ns-runner ] || subject=--launcher
    subject+=" $tree/broken/$1/$program"
}

# convicts NAME POINT WORD…: exit 1, and the reason holds WORD.
convicts() {
    local name=$1 point=$2 status=0
    shift 2
    build_subject "$name" || return 1
    # shellcheck disable=SC2086 # an option and its value
    campaign --ignorable "$list" $subject --point "$point" >"$results/out" 2>&1 || status=$?
    if [ "$status" != 1 ] || ! grep -q -- "$*" "$results/out"; then
        say "$name at $point: expected exit 1 and '$*', got exit $status:"
        cat "$results/out"
        return 1
    fi
    say "$name at $point: $(grep '^why: ' "$results/out")"
}

sound() {
    campaign --ignorable "$list" --point limit/broken-pipe/3 >"$results/out" 2>&1 &&
        grep -q '^outcome: right' "$results/out"
}

# The runner does without an ipc namespace of its own where it gets none: for want of room, or because
# the call fails once.
falls_back() {
    convicts ipc-shared-if-must limit/ipc-namespaces/0 "after this had failed" &&
        convicts ipc-shared-if-must call/plain/runner/clone/1 "after this had failed"
}

# The runner starts the command without asking the sidecar, which has hung up on the question.
does_not_ask() {
    convicts sidecar-unasked sidecar/cut/70 "after this had failed"
}

# The launcher leaves its directory even when nothing goes wrong: there is nothing to begin with.
never_sound() {
    local status=0
    build_subject directory-left || return 1
    # shellcheck disable=SC2086 # an option and its value
    campaign --ignorable "$list" $subject --point limit/broken-pipe/3 >"$results/out" 2>&1 || status=$?
    [ "$status" = 3 ] && grep -q 'an undisturbed launch .* is left' "$results/out"
}

# A list with a vital call in it is no list.
excuses_too_much() {
    local status=0
    printf '*\tunshare\tit is late\n' >"$results/list"
    campaign --ignorable "$results/list" --point limit/broken-pipe/3 >"$results/out" 2>&1 || status=$?
    [ "$status" = 3 ] && grep -q 'may not be ignored' "$results/out"
}

mkdir -p "$results"
case ${1:-} in
sound | falls_back | does_not_ask | never_sound | excuses_too_much) "$1" ;;
*) die 2 "usage: selftest.sh sound|falls_back|does_not_ask|never_sound|excuses_too_much" ;;
esac
