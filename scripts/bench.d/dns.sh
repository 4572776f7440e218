# shellcheck shell=bash
# dns: what a server spends, user and system, on one query that it refuses.
# shellcheck disable=SC2154 # the driver and its library set them

servers=()
# add_server NAME PID PORT
add_server() {
    servers+=("$1 $2 $3")
}

start_echo() {
    run_beside "$tools/bench-echo" >"$work/echo"
    add_server echo "$pid" "$(await "$pid" "$work/echo" '[0-9]+')"
}

start_unbound() {
    local port
    port=$(free_port)
    cat >"$work/unbound.conf" <<END
server:
  interface: 127.0.0.1
  port: $port
  num-threads: 1
  access-control: 127.0.0.0/8 refuse
  do-daemonize: no
  chroot: ""
  username: ""
  directory: "$work"
  pidfile: ""
  use-syslog: no
  logfile: "$work/unbound.log"
  module-config: "iterator"
remote-control:
  control-enable: no
END
    run_beside env LD_LIBRARY_PATH="$peer_libraries" unbound -d -c "$work/unbound.conf" \
        >"$work/unbound.out" 2>&1
    await_port "$pid" "$port"
    add_server unbound "$pid" "$port"
}

start_knot() {
    local port
    port=$(free_port)
    mkdir -p "$work/knot"
    cat >"$work/knot.conf" <<END
server:
  rundir: "$work/knot"
  listen: 127.0.0.1@$port
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: "$work/knot"
log:
  - target: stderr
    any: error
END
    run_beside env LD_LIBRARY_PATH="$peer_libraries" knotd -c "$work/knot.conf" >"$work/knot.out" 2>&1
    await_port "$pid" "$port"
    add_server knot "$pid" "$port"
}

start_nsd() {
    local port
    port=$(free_port)
    cat >"$work/nsd.conf" <<END
server:
  ip-address: 127.0.0.1@$port
  server-count: 1
  username: ""
  zonesdir: "$work"
  database: ""
  zonelistfile: "$work/nsd.zones"
  xfrdfile: "$work/nsd.xfrd"
  xfrdir: "$work"
  pidfile: "$work/nsd.pid"
  logfile: "$work/nsd.log"
remote-control:
  control-enable: no
END
    run_beside env LD_LIBRARY_PATH="$peer_libraries" nsd -d -c "$work/nsd.conf" >"$work/nsd.out" 2>&1
    await_port "$pid" "$port"
    add_server nsd "$pid" "$port"
}

# Without a server to ask, dnsmasq refuses.
start_dnsmasq() {
    local port
    port=$(free_port)
    run_beside env LD_LIBRARY_PATH="$peer_libraries" dnsmasq --keep-in-foreground --conf-file=/dev/null \
        --port="$port" --listen-address=127.0.0.1 --bind-interfaces --no-resolv --no-hosts --user= \
        --pid-file= --log-facility="$work/dnsmasq.log" >"$work/dnsmasq.out" 2>&1
    await_port "$pid" "$port"
    add_server dnsmasq "$pid" "$port"
}

# load PORT SECONDS: how many queries were answered; any answer but REFUSED ends the measurement.
load() {
    LD_LIBRARY_PATH=$peer_libraries bounded 30 dnsperf -s 127.0.0.1 -p "$1" -d "$work/queries" -l "$2" \
        -t 2 >"$work/dnsperf" 2>&1 || die 3 "dns: dnsperf: $(tail -n 3 "$work/dnsperf")"
    awk '/Queries completed:/ {done = $3} /Response codes:/ {codes = $0} END {
        if (codes !~ /REFUSED/ || codes ~ /,/) exit 1
        print done}' "$work/dnsperf" || die 3 "dns: not all refused: $(grep codes: "$work/dnsperf")"
}

measure_server() { # NAME PID PORT
    local before after answered
    before=$("$tools/bench-cpu" "$2")
    answered=$(load "$3" 1)
    after=$("$tools/bench-cpu" "$2")
    sample cpu "$1" "$(((after - before) / answered))"
}

measure() {
    local name i server peers=()
    have dnsperf || { cannot "no dnsperf here; scripts/setup --bench installs it"; return 0; }
    for ((i = 0; i < 1000; i++)); do
        echo "name-$i.example. $([ $((i % 4)) = 0 ] && echo AAAA || echo A)"
    done >"$work/queries"
    start_sidecar
    start_launcher
    add_server firma-run "$pid" "$stub_port"
    start_echo
    for name in unbound knot:knotd nsd dnsmasq; do
        if have "${name#*:}"; then
            "start_${name%:*}"
            peers+=("${name%:*}")
        else
            note "no ${name%:*} here: left out"
        fi
    done
    for ((i = $(runs 9); i > 0; i--)); do
        for server in "${servers[@]}"; do
            # shellcheck disable=SC2086 # three words
            measure_server $server
        done
    done
    compare "CPU a query" cpu ns firma-run echo ≤ 1.15
    [ ${#peers[@]} -gt 0 ] || return 0
    name=$(best cpu lower "${peers[@]}")
    compare "CPU a query, best peer" cpu ns firma-run "$name" ≤ 0.9
    for server in "${peers[@]}"; do
        [ "$server" = "$name" ] || compare "CPU a query" cpu ns firma-run "$server"
    done
}
