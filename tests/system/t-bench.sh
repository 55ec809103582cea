#!/usr/bin/env bash
# daftari-bench gives figures of what it measured, and none of what it did not.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/server.sh
dir=$(mktemp -d)
trap 'server_stop "$dir/books" >/dev/null 2>&1; rm -rf "$dir"' EXIT
say() { if [ "$code" -eq 0 ]; then echo "ok - $1"; else echo "not ok - $1"; sed 's/^/# /' "$dir/out" "$dir/err" | tail -n 30; fi; }
measure() { # [options]: 200 entries on the running server, answer in $dir/out
    daftari-bench pipeline --email "$SERVER_OWNER" --password-file "$dir/books/owner-password" --entries 200 --accounts 10 \
        "$@" >"$dir/out" 2>"$dir/err"
}
server_init "$dir/books" && server_start "$dir/books" && server_log_in "$dir/books"; code=$?
say "a server runs"

measure; code=$?
say "a run"
grep -q '^entries  *200$' "$dir/out" && ! grep -qE '^(commits|records a commit|disk|memory)' "$dir/out"; code=$?
say "nothing is said of commits, disk and memory unasked"
measure --output json && jq -e '.entries == 200 and ([.commits, .records_per_commit, .commits_up_to, .disk_bytes_per_entry,
    .memory_anonymous_bytes, .memory_resident_bytes] | all(. == null))' "$dir/out" >>"$dir/err"; code=$?
say "and they are null in JSON"

measure --output json --data "$dir/books/data" --pid "$(cat "$dir/books/pid")" \
    --metrics "127.0.0.1:$(server_metrics_port "$dir/books")" &&
    jq -e '.commits > 0 and .records_per_commit > 0 and .commits_up_to."16384" == .commits and (.disk_bytes_per_entry | type) == "number"
        and .memory_resident_bytes > 1000000' "$dir/out" >>"$dir/err"; code=$?
say "all are measured when it is said where"
measure --data "$dir/nowhere" --pid 4194304 --metrics 127.0.0.1:1
[ "$(grep -cE -- '--(data|pid|metrics): ' "$dir/err")" -eq 3 ] && ! grep -qE '^(commits|records a commit|disk|memory)' "$dir/out"; code=$?
say "what could not be measured is told, and no figure is made up"

daftari-bench --help >"$dir/out" 2>"$dir/err"
sed -n 's/^    {"\([a-z-]*\)", [01], NULL, OPT_.*/\1/p' tools/bench/main.c >"$dir/options"
while read -r option; do
    if ! grep -qF -- "--$option" "$dir/out" && [ "$option" != version ] && [ "$option" != help ]; then echo "--help does not say --$option"; fi
    grep -qE -- "Fl -$option\b" docs/man/daftari-bench.1 || echo "the manual does not say --$option"
done <"$dir/options" >"$dir/err"
[ ! -s "$dir/err" ] && [ "$(wc -l <"$dir/options")" -gt 10 ]; code=$?
say "every option is in the summary and in the manual"
