# shellcheck shell=bash
# suite: its own speed over time. A goal would be about the machine; the history is what counts.
# shellcheck disable=SC2154 # the driver and its library set them

history=$root/reports/suite-history.tsv

measure() {
    local run=$root/reports/latest/run.json words='' rows_run launches took name matrix=–
    have jq || { cannot "needs jq, to read reports"; return 0; }
    [ -f "$run" ] || { cannot "no report yet; scripts/conformance writes one"; return 0; }
    words=$(jq -r '"\(.run) \(.planned | length) \(.launches | length) \(.duration_ms)"' "$run")
    read -r name rows_run launches took <<<"$words"
    if [ -f "$root/reports/matrix.json" ]; then
        matrix=$(jq -r '.seconds // "–"' "$root/reports/matrix.json")
    fi
    [ -f "$history" ] || printf 'run\trows\tlaunches\tms\tmatrix-s\n' >"$history"
    grep -q "^$name	" "$history" ||
        printf '%s\t%s\t%s\t%s\t%s\n' "$name" "$rows_run" "$launches" "$took" "$matrix" >>"$history"
    add_row "rows a second" "$(awk -v r="$rows_run" -v t="$took" 'BEGIN {printf "%.1f", r * 1000 / t}')" – "" "" "" – 1
    add_row "launches a row" "$(awk -v r="$rows_run" -v l="$launches" 'BEGIN {printf "%.2f", l / r}')" – "" "" "" – 1
    add_row "matrix" "$matrix s" – "" "" "" – 1
    note "$(($(wc -l <"$history") - 1)) runs in reports/suite-history.tsv"
}
