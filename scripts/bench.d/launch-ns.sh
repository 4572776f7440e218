# shellcheck shell=bash
# launch-ns: a whole launch of the smallest command with the namespace runner.
# shellcheck disable=SC2154 # the driver and its library set them
# shellcheck source=scripts/bench.d/launch.sh
source "$root/scripts/bench.d/launch.sh"

measure() {
    local moment=$work/cwd/bench-moment words
    have bwrap || { cannot "no bwrap here"; return 0; }
    prepare_launches
    start_sidecar
    words=(firma-run env "FIRMA_RUN_VZ_GUEST_RUNNER=$work/runner/firma-ns-runner" "${launcher[@]}" "$moment"
        + bwrap "${confined[@]}" "$moment")
    if have unshare; then
        words+=(+ unshare unshare --user --map-root-user --pid --fork --mount --net --ipc --uts "$moment")
    fi
    time_launches "$(runs 40)" "${words[@]}"
    compare "call to exit" whole µs firma-run bwrap ≤ 1.5
    compare "call to first instruction" first µs firma-run bwrap
    compare "CPU time" cpu µs firma-run bwrap
    if have unshare; then compare "call to exit" whole µs firma-run unshare; fi
}
