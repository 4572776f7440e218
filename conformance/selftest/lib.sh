# lib.sh - what the self tests' scripts share. Source it, define one function per case, call
# `run_case "$@"`. A failed expectation prints what happened and ends the test with 1.
set -u
conform=${FIRMA_BIN:?the folder of the built programs}/firma-conform
work=$(mktemp -d "${TMPDIR:-/tmp}/firma-selftest-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
unset FIRMA_RUN_VZ_GUEST_RUNNER
export ASAN_OPTIONS=exitcode=99

fail() {
    printf 'selftest: %s\n' "$*" >&2
    [ ! -s "$work/log" ] || sed 's/^/    | /' "$work/log" >&2
    exit 1
}

# expect STATUS COMMAND...: runs it (bounded), both streams to $work/log.
expect() {
    local wanted=$1 status=0
    shift
    timeout 90 "$@" >"$work/log" 2>&1 </dev/null || status=$?
    [ "$status" -eq "$wanted" ] || fail "exit status $status, should be $wanted: $*"
}

# says TEXT...: every TEXT stands in what the last command printed.
says() {
    local text
    for text; do
        grep -qF -- "$text" "$work/log" || fail "it does not say \"$text\""
    done
}

says_not() {
    local text
    for text; do
        ! grep -qF -- "$text" "$work/log" || fail "it says \"$text\""
    done
}

# conform STATUS ARGUMENT...: a run of the suite into $work/out.
conform() {
    local status=$1
    shift
    expect "$status" "$conform" run --out "$work/out" "$@"
}

# A copy of the suite's own folder, to break something in.
copy_bin() {
    mkdir "$work/bin" || exit 1
    local name
    for name in fake-sidecar firma-ns-runner firma-probe firma-run null-runner recorder-runner; do
        cp "$FIRMA_BIN/$name" "$work/bin/" || exit 1
    done
}

# script FILE: an executable made of stdin.
script() {
    cat >"$1" && chmod 755 "$1" || exit 1
}

run_case() {
    local name=${1:?the name of a case}
    [ "$(type -t "$name")" = function ] || fail "there is no case $name"
    "$name"
}
