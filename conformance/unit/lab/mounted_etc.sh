#!/bin/sh
# mounted_etc.sh LAB_TEST: a lab where something is mounted below the machine's /etc, as in containers.
[ "$(id -u)" = 0 ] || set -- "$1" --user --map-current-user --keep-caps
test=$1
shift
unshare "$@" --mount true || exit 77 # namespaces are forbidden, as lab_test says of itself
export LAB_TEST_ETC_MOUNTED=yes
# shellcheck disable=SC2016 # $0 is the inner shell's
exec unshare "$@" --mount sh -c 'mount --bind /etc/passwd /etc/passwd && exec "$0" "/etc is"' "$test"
