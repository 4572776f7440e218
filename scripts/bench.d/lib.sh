# shellcheck shell=bash
# What the sections of scripts/bench share: launches, samples, rows. Sourced by it, never run.
# Uses root, bin, tools, work, asked_runs, named, section, samples.
# shellcheck disable=SC2154,SC2034 # the driver sets and uses them

rows=() json=() notes=() missed=0

# runs DEFAULT: how many rounds.
runs() {
    echo "${asked_runs:-$1}"
}

note() {
    notes+=("$section: $*")
}

# cannot REASON: ends the measurement if the section was asked for, else leaves it out.
cannot() {
    [ "$named" = no ] || die 3 "$section: $*"
    note "not measured: $*"
}

# ---- what runs meanwhile

# run_beside COMMAND…: its pid is in $pid; it ends with the section.
run_beside() {
    "$@" </dev/null 5>&- & # 5: a section may hold a FIFO open there
    pid=$!
    started+=("$pid")
}

end_started() {
    local one
    for one in ${started[@]+"${started[@]}"}; do
        end_descendants "$one"
        wait "$one" 2>/dev/null || true
    done
    started=()
}

# await PID FILE PATTERN: the first match in what PID writes to FILE.
await() {
    local found=''
    while [ -z "$found" ]; do
        kill -0 "$1" 2>/dev/null || die 3 "$section: did not start: $(tail -n 3 "$2")"
        found=$(grep -oE "$3" "$2" | head -n 1) || found=''
    done
    echo "$found"
}

# await_port PID PORT: until somebody listens there.
await_port() {
    until bash -c ">/dev/tcp/127.0.0.1/$2" 2>/dev/null; do
        kill -0 "$1" 2>/dev/null || die 3 "$section: a peer did not start on port $2"
    done
}

free_port() {
    "$tools/bench-port"
}

# ---- launches

# The programs are copied, as an installation would: what a linker wrote piece by piece lies in the
# page cache so, too, and is slower to map. The runner lies beside nothing that a writable mount
# holds; the artifacts are empty files.
prepare_launches() {
    local name
    [ ! -d "$work/launch" ] || return 0
    mkdir -p "$work/launch" "$work/runner" "$work/cwd" "$work/bin"
    cp "$bin/firma-run" "$work/bin/"
    cp "$bin/null-runner" "$bin/firma-ns-runner" "$work/runner/"
    cp "$tools/bench-moment" "$work/cwd/"
    for name in kernel initrd rootfs; do
        : >"$work/launch/$name"
    done
    export FIRMA_RUN_VZ_GUEST=1 FIRMA_RUN_VZ_GUEST_KERNEL=$work/launch/kernel
    export FIRMA_RUN_VZ_GUEST_INITRD=$work/launch/initrd FIRMA_RUN_VZ_GUEST_ROOTFS=$work/launch/rootfs
    export FIRMA_RUN_VZ_GUEST_RUNNER=$work/runner/null-runner
    launcher=("$work/bin/firma-run" --cwd "$work/cwd" --runtime-dir "$runtime" --)
}

# One that takes next to no time to say that it is there.
start_sidecar() {
    run_beside "$tools/bench-relay" origin >"$work/sidecar" 2>&1
    FIRMA_RUN_SIDECAR=tcp://127.0.0.1:$(await "$pid" "$work/sidecar" '[0-9]+$')
    export FIRMA_RUN_SIDECAR
}

# A launcher whose command only waits: its pid is in $pid, its ports in $bridge_port and $stub_port.
start_launcher() {
    prepare_launches
    # shellcheck disable=SC2016 # the guest's shell expands it
    run_beside "${launcher[@]}" /bin/sh -c 'echo "$HTTP_PROXY $FIRMA_DNS_STUB_ADDR."; exec sleep 3600' \
        >"$work/ports" 2>&1
    local ports
    ports=$(await "$pid" "$work/ports" '[0-9]+ 127[.0-9]+:[0-9]+[.]')
    bridge_port=${ports%% *}
    stub_port=${ports##*:} stub_port=${stub_port%.}
}

# ---- samples

# sample METRIC NAME VALUE
sample() {
    echo "$1 $2 $3" >>"$samples"
}

# median METRIC NAME
median() {
    quantiles "$1" "$2" | cut -d ' ' -f 2
}

# quantiles METRIC NAME: the 5th, 50th and 95th percentile.
quantiles() {
    awk -v m="$1" -v n="$2" '$1 == m && $2 == n {print $3}' "$samples" | sort -n | awk '
        {v[NR] = $1}
        function at(p) {return v[int((NR - 1) * p / 100 + 0.5) + 1]}
        END {if (NR > 0) print at(5), at(50), at(95)}'
}

# ratios METRIC OURS THEIRS: the 5th and 95th percentile of ours by theirs, round by round.
ratios() {
    awk -v m="$1" -v a="$2" -v b="$3" '
        $1 == m && $2 == a {x[++i] = $3}
        $1 == m && $2 == b {y[++j] = $3}
        END {for (k = 1; k <= i && k <= j; k++) print x[k] / y[k]}' "$samples" | sort -n | awk '
        {v[NR] = $1}
        function at(p) {return v[int((NR - 1) * p / 100 + 0.5) + 1]}
        END {printf "%.2f %.2f\n", at(5), at(95)}'
}

# best METRIC lower|higher NAME…: whose median is best.
best() {
    local metric=$1 order=() name
    [ "$2" = lower ] || order=(-r)
    shift 2
    for name in "$@"; do
        echo "$(median "$metric" "$name") $name"
    done | sort -n ${order[@]+"${order[@]}"} | head -n 1 | cut -d ' ' -f 2
}

# ---- rows

# add_row WHAT OURS PEER RATIO SPREAD GOAL VERDICT ROUNDS
add_row() {
    [ "$7" != missed ] || missed=1
    rows+=("| $section | $1 | $2 | $3 | $4 | $5 | $6 | $7 |")
    json+=("$(printf '  {"section": "%s", "measured": "%s", "ours": "%s", "peer": "%s", "ratio": %s, "spread": "%s", "goal": "%s", "verdict": "%s", "rounds": %s}' \
        "$section" "$1" "$2" "$3" "${4:-null}" "$5" "$6" "$7" "$8")")
}

# compare WHAT METRIC UNIT OURS THEIRS [≤|≥ GOAL]: one row; without a goal for comparison only.
compare() {
    local what=$1 metric=$2 unit=$3 ours=$4 theirs=$5 way=${6:-} goal=${7:-} mine other ratio verdict=–
    mine=$(median "$metric" "$ours") other=$(median "$metric" "$theirs")
    [ -n "$mine$other" ] || die 3 "$section: no samples of $metric for $ours or $theirs"
    ratio=$(awk -v a="$mine" -v b="$other" 'BEGIN {printf "%.2f", a / b}')
    case $way in
    ≤) verdict=$(awk -v a="$mine" -v b="$other" -v g="$goal" 'BEGIN {print (a <= g * b ? "met" : "missed")}') ;;
    ≥) verdict=$(awk -v a="$mine" -v b="$other" -v g="$goal" 'BEGIN {print (a >= g * b ? "met" : "missed")}') ;;
    esac
    local spread
    spread=$(ratios "$metric" "$ours" "$theirs")
    add_row "$what" "$mine $unit" "$theirs: $other $unit" "$ratio" "${spread/ /–}" \
        "${way:+$way $goal}" "$verdict" "$(grep -c "^$metric $ours " "$samples")"
}

# bound WHAT VALUE UNIT LIMIT: a row that is not a ratio: at most LIMIT.
bound() {
    local verdict
    verdict=$(awk -v a="$2" -v g="$4" 'BEGIN {print (a <= g ? "met" : "missed")}')
    add_row "$1" "$2${3:+ $3}" – "" "" "≤ $4${3:+ $3}" "$verdict" 1
}

write_report() {
    mkdir -p "$root/reports"
    printf '| section | measured | ours | peer | ratio | spread | goal | verdict |\n'
    printf '|---|---|---|---|---|---|---|---|\n'
    printf '%s\n' ${rows[@]+"${rows[@]}"}
    printf '\n'
    printf '%s\n' ${notes[@]+"${notes[@]}"}
    {
        printf '{\n "date": "%s",\n "machine": "%s cores, %s, %s %s",\n "rows": [\n' "$(date -u +%FT%TZ)" \
            "$(nproc)" "$(uname -m)" "$(uname -s)" "$(uname -r)"
        printf '%s\n' ${json[@]+"${json[@]}"} | sed '$!s/$/,/'
        printf ' ],\n "notes": [\n'
        printf '%s\n' ${notes[@]+"${notes[@]}"} | sed 's/[\\"]/\\&/g; s/.*/  "&"/; $!s/$/,/'
        printf ' ]\n}\n'
    } >"$root/reports/bench.json"
}
