#!/usr/bin/env bash
# The runner itself: what passes, what fails, and that nothing can pass by saying nothing, dying or hanging.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
program() { printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod +x "$1"; }
# expect WHAT LAST-LINE CODE ARGUMENTS...
expect() {
    local what=$1 last=$2 code=$3
    shift 3
    out=$("$top/tests/support/run" "$@" 2>&1)
    got=$?
    if [ "$(tail -n 1 <<<"$out")" = "$last" ] && [ "$got" -eq "$code" ]; then echo "ok - $what"; else echo "not ok - $what: exit $got"; sed 's/^/# /' <<<"$out"; fi
}
program good 'echo "ok 1 - a"; echo "ok 2 - b"'
program bad 'echo "ok 1 - a"; echo "not ok 2 - b"; exit 1'
program silent 'echo nothing to see'
program dies 'echo "ok 1 - a"; kill -SEGV $$'
program hangs 'echo "ok 1 - a"; sleep 60'
program noisy 'echo "okay is no result"; echo "ok - one is"'
expect "two tests pass" "2 passed, 0 failed" 0 ./good
expect "one of two fails" "1 passed, 1 failed" 1 ./bad
expect "to say nothing is to fail" "0 passed, 1 failed" 1 ./silent
expect "to die is to fail" "1 passed, 1 failed" 1 ./dies
expect "to hang is to fail" "1 passed, 1 failed" 1 --seconds 1 ./hangs
expect "only lines that begin with ok count" "1 passed, 0 failed" 0 ./noisy
expect "a program that is not there fails" "0 passed, 1 failed" 1 ./missing
expect "nothing run is no success" "0 passed, 0 failed" 1 --only nothing ./good
expect "side by side adds up the same" "4 passed, 3 failed" 1 --jobs 3 ./good ./bad ./silent ./dies
"$top/tests/support/run" --tally "$work/tally" ./good ./bad >/dev/null 2>&1
if [ "$(cat "$work/tally")" = "3 1" ]; then echo "ok - the tally"; else echo "not ok - the tally: $(cat "$work/tally")"; fi
