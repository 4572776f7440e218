# shellcheck shell=bash
# idle: what a launcher costs whose command does nothing.
# shellcheck disable=SC2154 # the driver and its library set them

# How often the process, and its guardian, were on a processor so far.
wake_ups() { # PID…
    local one sum=0 count
    for one in "$@"; do
        read -r _ _ count <"/proc/$one/schedstat"
        sum=$((sum + count))
    done
    echo "$sum"
}

measure() {
    local before resident guardian window=3 both
    start_sidecar
    start_launcher
    guardian=$(pgrep -P "$pid")
    both=("$pid" "$guardian")
    sleep 1 # the window begins when the start is over
    before=$(wake_ups "${both[@]}")
    sleep "$window"
    bound "wake-ups in $window s, launcher and guardian" $(($(wake_ups "${both[@]}") - before)) "" 0
    resident=$(awk '/^VmRSS/ {print $2}' "/proc/$pid/status")
    bound "resident memory of the launcher" "$(awk -v k="$resident" 'BEGIN {printf "%.1f", k / 1024}')" MiB 4
    resident=$(awk '/^VmRSS/ {print $2}' "/proc/$guardian/status")
    note "the guardian's resident memory, most of it shared with the launcher: $resident KiB"
}
