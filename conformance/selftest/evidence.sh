#!/bin/bash
# evidence.sh - evidence changed after it was recorded: no verdict may rest on it, neither the whole
# run's (verify) nor one row's (judge, the CTest entry).
. "$(dirname "$0")/lib.sh"

# One small run that passes; $run is its folder.
record() {
    conform 0 --row by.tcp4
    run=$(readlink -f "$work/out/latest")
    net=$run/launches/net
}

verify() {
    expect "$1" "$conform" verify "$run"
}

# flip FILE OFFSET: changes one bit.
flip() {
    local byte
    byte=$(od -An -tu1 -j"$2" -N1 "$1")
    printf '%b' "\\0$(printf %o $((byte ^ 1)))" |
        dd of="$1" bs=1 seek="$2" conv=notrunc status=none || exit 1
}

# A copy of the pristine evidence is put back before each change.
save() {
    cp -a "$run" "$work/saved"
}

restore() {
    rm -rf "$run" && cp -a "$work/saved" "$run"
}

each_file() {
    (cd "$net" && find . -type f | sort)
}

evidence-untouched() {
    record
    verify 0
    says "1 verdicts recomputed" "0 differ"
    expect 0 cat "$run/run.json"
    says '"control": "well"' '"subject": "well"'
}

evidence-edited() {
    record
    save
    local file size
    for file in $(each_file); do
        size=$(stat -c %s "$net/$file")
        flip "$net/$file" $((size / 2))
        verify 2
        says "by.tcp4: the report says PASS, the evidence says INCONCLUSIVE"
        restore
    done
}

evidence-truncated() {
    record
    save
    local file
    for file in $(each_file); do
        truncate -s -1 "$net/$file"
        verify 2
        restore
        truncate -s 0 "$net/$file"
        verify 2
        restore
    done
}

evidence-record-removed() {
    record
    save
    local file
    for file in "$net"/subject/*.jsonl "$net"/control/*.jsonl; do
        sed -i 2d "$file"
        verify 2
        says "INCONCLUSIVE"
        restore
    done
}

evidence-record-moved() {
    record
    sed -i '3{h;d};5{G}' "$net/subject/canary.jsonl"
    verify 2
    says "INCONCLUSIVE"
}

evidence-file-missing() {
    record
    save
    local file
    for file in $(each_file); do
        rm "$net/$file"
        verify 2
        restore
    done
    rm -r "$run/launches"
    verify 2
}

evidence-file-added() {
    record
    cp "$net/control/honeypots.jsonl" "$net/control/honeypots-2.jsonl"
    verify 2
    says "INCONCLUSIVE"
}

evidence-of-another-run() {
    conform 0 --row by.tcp4
    local first
    first=$(readlink -f "$work/out/latest")
    record
    [ "$first" != "$run" ] || fail "two runs share a folder"
    rm -r "$net" && cp -a "$first/launches/net" "$net"
    verify 2
    says "another run"
}

# The report is derived: what it says is compared, not believed.
report-edited() {
    conform 1 --runner null --row by.tcp4
    run=$(readlink -f "$work/out/latest")
    sed -i 's/"FAIL"/"PASS"/' "$run/conformance.json"
    verify 1
    says "by.tcp4: the report says PASS, the evidence says FAIL"
    record
    sed -i 's/"by.tcp4"/"by.tcp6"/' "$run/conformance.json"
    verify 2
}

# Rows that were planned, and of which nothing was seen.
plan-extended() {
    record
    save
    sed -i 's/"by.tcp4"/"by.tcp4", "by.tcp6"/' "$run/run.json"
    verify 2
    says "not planned with this row"
    restore
    sed -i 's/"by.tcp4"/"by.tcp4", "io.exit-42"/' "$run/run.json"
    verify 2
    says "no evidence"
}

plan-emptied() {
    record
    sed -i '/^  *"by.tcp4"$/d' "$run/run.json"
    verify 2
}

not-a-run() {
    expect 3 "$conform" verify "$work"
    mkdir "$work/run"
    echo '{}' >"$work/run/run.json"
    echo '{}' >"$work/run/conformance.json"
    expect 3 "$conform" verify "$work/run"
    says "not the record of a run"
    echo '{"planned":["by.tcp4"]' >"$work/run/run.json"
    expect 3 "$conform" verify "$work/run"
}

# ---- one row, as CTest judges it: evidence of this shell's own invocation ----

# observe, judge: children of this very shell, as both are of ctest.
observe() {
    timeout 90 "$conform" observe --launch contract --out "$work/bundles" >"$work/log" 2>&1 ||
        fail "observing failed"
}

# `timeout` would be judge's parent, and another invocation: it bounds the whole test instead.
judge() {
    local wanted=$1 status=0
    shift
    "$conform" judge --row ct.argv --out "$work/bundles" "$@" >"$work/log" 2>&1 || status=$?
    [ "$status" -eq "$wanted" ] || fail "judge: exit status $status, should be $wanted"
}

observe_here() {
    "$conform" observe --launch contract --out "$work/bundles" >"$work/log" 2>&1 ||
        fail "observing failed"
}

judge-edited() {
    observe_here
    judge 0
    local file=$work/bundles/launches/contract/subject/harness.jsonl
    cp "$file" "$work/saved"
    flip "$file" 100
    judge 2
    says "INCONCLUSIVE" "changed after it was recorded"
    cp "$work/saved" "$file"
    judge 0
    truncate -s -1 "$file"
    judge 2
}

# Observed under another parent: whatever it shows, it is not what was asked for now.
judge-stale() {
    observe
    judge 2
    says "INCONCLUSIVE" "another run"
}

judge-another-runner() {
    observe_here
    judge 0
    judge 2 --runner null
    says "another subject"
    cp "$FIRMA_BIN/firma-run" "$work/other" && printf x >>"$work/other"
    judge 2 --launcher "$work/other"
    says "another launcher"
}

judge-nothing-observed() {
    judge 2
    says "no evidence"
}

run_case "$@"
