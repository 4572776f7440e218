# shellcheck shell=bash
# launch-ns: a whole launch of the smallest command with the namespace runner.
# shellcheck disable=SC2154 # the driver and its library set them
# shellcheck source=scripts/bench.d/launch.sh
source "$root/scripts/bench.d/launch.sh"

# bwrap with the view of the host that the namespace runner gives, as far as it can: /etc entry by
# entry, so that no later change of the host's reaches the guest. Its words are in $view.
same_view() {
    local entry
    view=(bwrap --unshare-all --ro-bind /usr /usr --proc /proc --dev /dev --tmpfs /tmp --dir /run --dir /var)
    for entry in /bin /sbin /lib /lib32 /lib64 /libx32 /opt; do
        if [ -L "$entry" ]; then
            view+=(--symlink "$(readlink "$entry")" "$entry")
        elif [ -d "$entry" ]; then
            view+=(--ro-bind "$entry" "$entry")
        fi
    done
    for entry in /etc/*; do
        if [ -L "$entry" ]; then
            view+=(--symlink "$(readlink "$entry")" "$entry")
        elif [ -f "$entry" ] || [ -d "$entry" ]; then
            view+=(--ro-bind "$entry" "$entry")
        fi
    done
    view+=(--bind "$work/cwd" "$work/cwd")
}

# Round by round, what two launches took that share nothing: the least that both in one could take.
add_both() { # NAME ONE OTHER
    awk -v name="$1" -v one="$2" -v other="$3" '
        $1 == "whole" && $2 == one {a[++i] = $3}
        $1 == "whole" && $2 == other {b[++j] = $3}
        END {for (k = 1; k <= i && k <= j; k++) print "whole", name, a[k] + b[k]}' "$samples" >"$work/both"
    cat "$work/both" >>"$samples"
}

measure() {
    local moment=$work/cwd/bench-moment ours words view
    have bwrap || { cannot "no bwrap here"; return 0; }
    prepare_launches
    start_sidecar
    ours=("FIRMA_RUN_VZ_GUEST_RUNNER=$work/runner/firma-ns-runner" "${launcher[@]}" "$moment")
    words=(firma-run "${ours[@]}" + bwrap "${confined[@]}" "$moment")
    if have unshare; then
        words+=(+ unshare unshare --user --map-root-user --pid --fork --mount --net --ipc --uts "$moment")
        words+=(+ unconfined "${launcher[@]}" "$moment")
    fi
    time_launches "$(runs 300)" "${words[@]}"
    # Apart: what it mounts is still being cleared up when the next launch begins.
    same_view
    time_launches "$(runs 40)" firma-run-beside "${ours[@]}" + bwrap-same-view "${view[@]}" "$moment"
    compare "call to exit" whole µs firma-run bwrap ≤ 1.5
    compare "call to first instruction" first µs firma-run bwrap
    compare "CPU time" cpu µs firma-run bwrap
    compare "call to exit, same view of the host" whole µs firma-run-beside bwrap-same-view
    compare "CPU time, same view of the host" cpu µs firma-run-beside bwrap-same-view
    have unshare || return 0
    compare "call to exit" whole µs firma-run unshare
    add_both apart unconfined unshare
    compare "call to exit, launcher without confinement and unshare" whole µs apart bwrap
}
