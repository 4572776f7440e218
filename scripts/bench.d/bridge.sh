# shellcheck shell=bash
# bridge: what goes through it, against proxies and relays in front of the same sidecar.
# shellcheck disable=SC2154 # the driver and its library set them

start_tinyproxy() { # PORT ORIGIN
    cat >"$work/tinyproxy.conf" <<END
Port $1
Listen 127.0.0.1
Timeout 600
LogLevel Critical
LogFile "$work/tinyproxy.log"
MaxClients 100
Allow 127.0.0.1
Upstream http 127.0.0.1:$2
END
    run_beside tinyproxy -d -c "$work/tinyproxy.conf" >"$work/tinyproxy.out" 2>&1
}

start_squid() { # PORT ORIGIN
    cat >"$work/squid.conf" <<END
http_port 127.0.0.1:$1
http_access allow all
cache deny all
cache_mem 8 MB
memory_pools off
access_log none
cache_log $work/squid.log
cache_store_log none
pid_filename none
coredump_dir $work
shutdown_lifetime 0 seconds
cache_peer 127.0.0.1 parent $2 0 no-query no-digest no-netdb-exchange default
never_direct allow all
END
    run_beside squid -N -f "$work/squid.conf" >"$work/squid.out" 2>&1
}

start_haproxy() { # PORT ORIGIN
    cat >"$work/haproxy-$1.conf" <<END
global
  nbthread 1
defaults
  mode http
  option splice-auto
  timeout connect 10s
  timeout client 600s
  timeout server 600s
listen relay
  bind 127.0.0.1:$1
  server origin 127.0.0.1:$2
END
    run_beside env LD_LIBRARY_PATH="$peer_libraries" haproxy -db -q -f "$work/haproxy-$1.conf" \
        >"$work/haproxy.out" 2>&1
}

# It reads nothing of what it relays: bytes from a port to a port.
start_socat() { # PORT ORIGIN
    run_beside socat -b 65536 "TCP-LISTEN:$1,bind=127.0.0.1,fork,reuseaddr,backlog=128" "TCP:127.0.0.1:$2" \
        >"$work/socat.out" 2>&1
}

start_peers() { # ORIGIN
    local name port
    for name in tinyproxy squid haproxy socat; do
        if ! have "$name"; then
            note "no $name here: left out"
            continue
        fi
        port=$(free_port)
        "start_$name" "$port" "$1"
        await_port "$pid" "$port"
        echo "$name $port $pid" >&5
        peers+=("$name")
    done
}

# Where a relay was busy for far less than 100 per cent, the rate is not its own.

# compare_best WHAT METRIC UNIT lower|higher ≤|≥: the best peer with the goal, then the others.
compare_best() {
    local name other
    name=$(best "$2" "$4" "${peers[@]}")
    compare "$1, best peer" "$2" "$3" firma-run "$name" "$5" 1.0
    for other in "${peers[@]}"; do
        [ "$other" = "$name" ] || compare "$1" "$2" "$3" firma-run "$other"
    done
}

measure() {
    local relay origin peers=()
    mkfifo "$work/contenders"
    "$tools/bench-relay" "$(runs 15)" <"$work/contenders" >"$work/relay" 2>"$work/relay.err" &
    relay=$!
    exec 5>"$work/contenders"
    started+=("$relay")
    origin=$(await "$relay" "$work/relay" '[0-9]+$')
    export FIRMA_RUN_SIDECAR=tcp://127.0.0.1:$origin
    start_launcher
    echo "firma-run $bridge_port $pid" >&5
    start_peers "$origin"
    exec 5>&-
    wait "$relay" || die 3 "bridge: $(cat "$work/relay.err")"
    grep -E '^(tunnel|request)-' "$work/relay" >>"$samples"
    [ ${#peers[@]} -gt 0 ] || { cannot "none of its peers is here"; return 0; }
    compare_best "tunnel, CPU a GiB" tunnel-cpu ms lower ≤
    compare_best "tunnel, throughput" tunnel-rate MiB/s higher ≥
    compare "tunnel, busy" tunnel-busy % firma-run "$(best tunnel-rate higher "${peers[@]}")"
    compare_best "small requests" request-rate /s higher ≥
    compare_best "small requests, p99" request-p99 µs lower ≤
    compare "small requests, CPU each" request-cpu µs firma-run "$(best request-cpu lower "${peers[@]}")"
    compare "small requests, busy" request-busy % firma-run "$(best request-rate higher "${peers[@]}")"
}
