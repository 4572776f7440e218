#!/bin/bash
# example.sh - the runner of the README's walk-through: what is said of it there is what is found.
. "$(dirname "$0")/lib.sh"
conformance=$(cd "$(dirname "$0")/.." && pwd)

# The rows that the README's table lists as failing.
told() {
    # shellcheck disable=SC2016 # the back-ticks are Markdown's
    sed -nE 's/^\| (`.*`) \| FAIL \|.*/\1/p' "$conformance/README.md" | tr -d '`' | tr ' ' '\n'
}

# found VERDICT: the rows of the last run that got it.
found() {
    sed -nE "s/^ +([a-z0-9.-]+) +$1( .*|$)/\\1/p" "$work/log"
}

example-bwrap-runner() {
    local rows=() row program runner=$conformance/examples/bwrap-runner
    for program in bwrap jq socat; do
        command -v "$program" >/dev/null || fail "$program is missing; scripts/setup --tests brings it"
    done
    [ "$(wc -l <"$runner")" -le 60 ] || fail "the README says sixty lines"
    for row in $(told); do
        rows+=(--row "$row")
    done
    [ ${#rows[@]} -ge 10 ] || fail "the README's table cannot be read"
    timeout 280 "$conform" run --out "$work/out" --runner "$runner" --scale small --row net \
        --row squid "${rows[@]}" >"$work/log" 2>&1 </dev/null
    [ $? = 1 ] || fail "a runner with failing rows exits 1"
    [ "$(found FAIL | sort)" = "$(told | sort)" ] || fail "other rows fail than the README lists"
    [ -z "$(found INCONCLUSIVE)" ] || fail "a row is INCONCLUSIVE"
    [ "$(found PASS | wc -l)" -ge 30 ] || fail "the network's rows do not pass"
}

run_case "$@"
