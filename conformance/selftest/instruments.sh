#!/bin/bash
# instruments.sh - broken instruments: without a probe, a sidecar or a launcher that works, nothing
# was shown, and that is what the suite says.
. "$(dirname "$0")/lib.sh"

# inconclusive: by.tcp4 with the broken folder is neither PASS nor FAIL.
inconclusive() {
    conform 2 --bin "$work/bin" --row by.tcp4
    says "0 PASS, 0 FAIL, 1 INCONCLUSIVE"
}

# because TEXT: the row's own report names the reason.
because() {
    expect 2 "$conform" report "$work/out/latest" --row by.tcp4
    says "$1"
}

probe-missing() {
    copy_bin
    rm "$work/bin/firma-probe"
    inconclusive
    because "firma-probe"
}

probe-crashing() {
    copy_bin
    script "$work/bin/firma-probe" <<'END'
#!/bin/sh
kill -SEGV $$
END
    inconclusive
}

probe-silent() {
    copy_bin
    script "$work/bin/firma-probe" <<'END'
#!/bin/sh
exit 0
END
    inconclusive
}

probe-of-another-machine() {
    copy_bin
    printf '\177ELF\002\001\001%060d' 0 >"$work/bin/firma-probe"
    inconclusive
}

# Receipts as good as any, for attempts that nobody made: the control is not heard.
probe-only-talks() {
    copy_bin
    script "$work/bin/firma-probe" <<'END'
#!/bin/sh
n=0
while read -r word row technique nonce rest; do
    [ "$word" = step ] || continue
    printf '{"receipt":%d,"event":"step","fault":null,"priv":{"uid":0,"caps":"ffffffffffffffff"},"row":"%s","technique":"%s","nonce":"%s","result":"refused","errno":"ENETUNREACH"}\n' \
        $n "$row" "$technique" "$nonce"
    n=$((n + 1))
done <"$2"
END
    inconclusive
    says "not heard"
}

# It dies between its first receipt and its last.
probe-stops-halfway() {
    copy_bin
    cp "$work/bin/firma-probe" "$work/bin/real-probe"
    script "$work/bin/firma-probe" <<END
#!/bin/sh
$work/bin/real-probe "\$@" | head -n 1
END
    inconclusive
}

sidecar-missing() {
    copy_bin
    rm "$work/bin/fake-sidecar"
    inconclusive
    because "fake-sidecar"
}

sidecar-crashing() {
    copy_bin
    script "$work/bin/fake-sidecar" <<'END'
#!/bin/sh
kill -SEGV $$
END
    inconclusive
}

launcher-crashing() {
    copy_bin
    script "$work/bin/firma-run" <<'END'
#!/bin/sh
kill -SEGV $$
END
    inconclusive
}

run_case "$@"
