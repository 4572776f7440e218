#!/bin/sh
# Runs a test the way the suite's lab runs a runner: uid 0 in a user namespace that maps one id, with
# namespaces of its own and no rights outside.
exec unshare -Urpfmniu --kill-child --mount-proc sh -c 'ip link set lo up && exec "$@"' sh "$@"
