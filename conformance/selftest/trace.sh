#!/bin/bash
# trace.sh - what the register answers for: a hole is found, wherever it is.
. "$(dirname "$0")/lib.sh"
tables=$(cd "$(dirname "$0")/../.." && pwd)/fakes/broken
subjects=$tables/subjects.tsv machines=$tables/subjects-vm.tsv

# The number of holes that the last trace tells.
holes() {
    sed -nE 's/.* ([0-9]+) holes.*/\1/p' "$work/log"
}

# trace STATUSES FILE…: ends with one of them.
trace() {
    local status=0 expected=$1
    shift
    "$conform" trace "$@" >"$work/log" 2>&1 </dev/null || status=$?
    [[ " $expected " == *" $status "* ]] || fail "exit status $status, should be one of $expected"
}

trace-finds-holes() {
    local before
    trace "0 1" "$subjects"
    before=$(holes)
    [ -n "$before" ] || fail "no number of holes"
    # Without the subjects that a defect names, one hole more; with an id that nobody knows, another.
    awk -F'\t' '(" " $6 " ") !~ / L1 /' "$subjects" >"$work/fewer"
    trace 1 "$work/fewer"
    [ "$(holes)" = $((before + 1)) ] || fail "L1 without a subject is no hole"
    grep -qE '^\| L1 \|.*\|  \| \*\*hole: has no broken subject' "$work/log" || fail "L1 is not named"
    printf 'a\tb\tc\td\t-\tZZ-99\tx\n' | cat "$subjects" - >"$work/strange"
    trace 1 "$work/strange"
    [ "$(holes)" = $((before + 1)) ] || fail "a subject may name what nobody knows"
    says "a names ZZ-99"
}

# Rows that only one subject proves are unproven without it.
trace-lists-unproven-rows() {
    trace "0 1" "$subjects"
    says_not "| ct.bytes | MUST |"
    grep -v '^trailing-newline' "$subjects" >"$work/fewer"
    trace "0 1" "$work/fewer"
    says "| ct.bytes | MUST |"
}

# What a broken machine declares is proven once its table is named, too.
trace-takes-several-tables() {
    grep -v '^vm-signal-status' "$machines" >"$work/fewer-machines"
    grep -vE 'io\.signal-death' "$subjects" >"$work/none-here"
    trace "0 1" "$work/none-here" "$work/fewer-machines"
    says "| io.signal-death | MUST |"
    trace "0 1" "$work/none-here" "$machines"
    says_not "| io.signal-death | MUST |"
}

trace-refuses-what-is-no-table() {
    printf 'one\ttwo\n' >"$work/table"
    trace 3 "$work/table"
    says ":1: not 7 fields"
    trace 3 "$work/none"
    trace 3 "$subjects" "$work/none"
    expect 3 "$conform" list "$work/one" "$work/other"
    expect 3 "$conform" trace
}

run_case "$@"
