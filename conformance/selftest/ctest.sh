#!/bin/bash
# ctest.sh - the CTest door: every row an entry, one row with the observation it needs, and no
# verdict from evidence of an earlier invocation.
. "$(dirname "$0")/lib.sh"
ctest=${FIRMA_CTEST:?ctest}

# A test folder of its own, made from the list that the build makes: no other ctest is disturbed.
door() {
    mkdir "$work/door" &&
        "$conform" list --ctest --out "$work/bundles" >"$work/door/CTestTestfile.cmake" || exit 1
    # Where the entries point is the program that made the list.
    grep -qF "$FIRMA_BIN/firma-conform" "$work/door/CTestTestfile.cmake" ||
        fail "the list names another program"
}

run_ctest() {
    local wanted=$1
    shift
    expect "$wanted" "$ctest" --test-dir "$work/door" --output-on-failure --no-tests=error "$@"
}

count_rows() {
    local listed
    listed=$(grep "Test *#" "$work/log" | grep -cv ": observe\\.")
    [ "$listed" -eq "$1" ] || fail "$listed rows are listed, the register has $1"
}

ctest-lists-every-row() {
    expect 0 "$conform" list
    local rows
    rows=$(sed -n 's/^\([0-9]*\) rows, .*/\1/p' "$work/log")
    [ "$rows" -ge 40 ] || fail "the register has $rows rows"
    # The fixtures of selected rows are listed too: they are no rows.
    expect 0 "$ctest" --test-dir "${FIRMA_BUILD:?}" -N -L macos_vz
    count_rows "$rows"
    says "by.tcp4" "io.exit-42"
    door
    run_ctest 0 -N -L '^macos_vz$'
    count_rows "$rows"
}

ctest-runs-one-row() {
    door
    run_ctest 0 -R '^ct.argv$'
    says "observe.contract" "100% tests passed" "out of 2"
    run_ctest 8 -R '^no.such.row$'
}

# -FA: without the observation, on what the invocation before left.
ctest-judges-no-stale-evidence() {
    door
    run_ctest 0 -R '^ct.argv$'
    run_ctest 8 -R '^ct.argv$' -FA '.*'
    says "INCONCLUSIVE" "another run"
}

ctest-fails-a-bare-runner() {
    door
    export FIRMA_RUN_VZ_GUEST_RUNNER=null
    run_ctest 8 -R '^fs.first-instruction$'
    says "FAIL"
}

run_case "$@"
