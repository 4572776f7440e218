#!/bin/bash
# subjects.sh - wrong and broken subjects: a mistake is exit 3 with a clear word, a runner that does
# nothing is not one that confines.
. "$(dirname "$0")/lib.sh"

runner-path-typo() {
    conform 3 --runner "$FIRMA_BIN/firma-ns-runer" --row by.tcp4
    says "--runner $FIRMA_BIN/firma-ns-runer" "No such file"
    [ ! -e "$work/out" ] || fail "a run was begun"
    expect 3 "$conform" run --runner nmaespace --row by.tcp4 --out "$work/out"
    says "--runner nmaespace"
}

runner-not-executable() {
    cp "$FIRMA_BIN/null-runner" "$work/runner" && chmod 644 "$work/runner"
    conform 3 --runner "$work/runner" --row by.tcp4
    says "$work/runner" "executable"
}

runner-is-a-directory() {
    conform 3 --runner "$work" --row by.tcp4
    says "$work" "not a regular file"
    mkfifo "$work/fifo"
    conform 3 --runner "$work/fifo" --row by.tcp4
    says "$work/fifo" "not a regular file"
}

launcher-path-typo() {
    conform 3 --launcher "$work/firma-rnu" --row by.tcp4
    says "--launcher $work/firma-rnu" "No such file"
}

# A selector that selects nothing leaves nothing that could pass.
zero-rows() {
    conform 2 --row ""
    says "no such row"
    conform 2 --row "by.tcp4 "
    conform 2 --row BY
}

unknown-row() {
    conform 2 --row by.tcp5
    says "by.tcp5" "firma-conform list"
    conform 2 --row by.tcp4 --row by.tcp5
    says "by.tcp5"
    [ ! -e "$work/out" ] || fail "a run was begun"
}

unknown-launch() {
    expect 3 "$conform" observe --launch nte --out "$work/out"
    says "nte"
    expect 3 "$conform" judge --row by.tcp5 --out "$work/out"
}

help-and-usage() {
    expect 0 "$conform" --help
    says "Exit status"
    expect 3 "$conform"
    expect 3 "$conform" rnu
    expect 3 "$conform" run --rwo by.tcp4
    expect 3 "$conform" run --row
    expect 3 "$conform" run -j 0 --row by.tcp4
    expect 3 "$conform" verify
    expect 3 "$conform" verify "$work/nothing"
}

# A dead guest sends nothing either.
guest-killed-before-the-probe() {
    script "$work/runner" <<END
#!/bin/sh
$FIRMA_BIN/firma-ns-runner "\$@" </dev/null &
kill -KILL \$!
wait
exit 137
END
    conform 2 --runner "$work/runner" --row by.tcp4 --row by.udp6
    says "0 PASS, 0 FAIL, 2 INCONCLUSIVE"
}

# It says that all went well and started no guest at all.
runner-does-nothing() {
    script "$work/runner" <<END
#!/bin/sh
exit 0
END
    conform 2 --runner "$work/runner" --row by.tcp4 --row dn.nscd --row la.helper-twins \
        --row la.swapped-mount --row la.stale-pid
    says "0 PASS, 0 FAIL, 5 INCONCLUSIVE"
}

runner-crashes() {
    script "$work/runner" <<END
#!/bin/sh
kill -SEGV \$\$
END
    conform 2 --runner "$work/runner" --row by.tcp4
    says "0 PASS, 0 FAIL, 1 INCONCLUSIVE"
}

# Every row of these launches is a runner's, of kind deny: none may hold without confinement.
null-runner() {
    conform 1 --runner null --row net --row burst
    says " 0 PASS," " 0 INCONCLUSIVE," " 0 N/A"
    says_not " PASS  " ", 0 FAIL,"
    [ "$(grep -c ' FAIL  ' "$work/log")" -ge 40 ] || fail "fewer than forty rows failed"
}

run_case "$@"
