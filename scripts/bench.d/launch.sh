# shellcheck shell=bash
# launch: a whole launch of the smallest command with a runner that confines nothing.
# shellcheck disable=SC2154 # the driver and its library set them

# The comparisons of both launch sections: bench-launches' lines become samples in microseconds.
time_launches() { # ROUNDS NAME COMMAND… [+ NAME COMMAND…]…
    "$tools/bench-launches" "$@" >"$work/launches" || die 3 "$section: see above"
    awk '{printf "whole %s %.0f\nfirst %s %.0f\ncpu %s %.0f\n", $1, $2 / 1e3, $1, $3 / 1e3, $1, $4 / 1e3}' \
        "$work/launches" >>"$samples"
}

confined=(bwrap --unshare-all --ro-bind / /)

measure() {
    local moment=$work/cwd/bench-moment words name peers=()
    prepare_launches
    start_sidecar
    words=(firma-run "${launcher[@]}" "$moment" + posix_spawn "$moment")
    if have bwrap; then words+=(+ bwrap "${confined[@]}" "$moment") peers+=(bwrap); fi
    if have tini; then words+=(+ tini tini -s -- "$moment") peers+=(tini); fi
    for name in dumb-init catatonit; do
        if have "$name"; then words+=(+ "$name" "$name" -- "$moment") peers+=("$name"); fi
    done
    time_launches "$(runs 40)" "${words[@]}"
    for name in bwrap tini dumb-init catatonit; do
        if ! have "$name"; then
            note "no $name here: left out"
        elif [ "$name" = bwrap ]; then
            compare "call to exit" whole µs firma-run bwrap ≤ 1.0
            compare "call to first instruction" first µs firma-run bwrap
            compare "CPU time" cpu µs firma-run bwrap
        else
            compare "call to exit" whole µs firma-run "$name"
        fi
    done
    compare "call to exit" whole µs firma-run posix_spawn
}
