#!/usr/bin/env bash
# daftari-bench gives figures of what it measured, and none of what it did not; every scenario runs, tiny.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/server.sh
dir=$(mktemp -d)
chmod 711 "$dir" # PostgreSQL, run as another user than root, goes through it
trap 'server_stop "$dir/books" >/dev/null 2>&1; rm -rf "$dir"' EXIT
say() { if [ "$code" -eq 0 ]; then echo "ok - $1"; else echo "not ok - $1"; sed 's/^/# /' "$dir/out" "$dir/err" | tail -n 30; fi; }
measure() { # SCENARIO [options]: 200 entries on the running server, answer in $dir/out
    daftari-bench "$1" --email "$SERVER_OWNER" --password-file "$dir/books/owner-password" --entries 200 --accounts 10 \
        "${@:2}" >"$dir/out" 2>"$dir/err"
}
server_init "$dir/books" && server_start "$dir/books" && server_log_in "$dir/books"; code=$?
say "a server runs"

measure pipeline; code=$?
say "a run"
grep -q '^entries  *200$' "$dir/out" && ! grep -qE '^(commits|records a commit|disk|memory|processor, server)' "$dir/out"; code=$?
say "nothing is said of commits, disk, memory and processor unasked"
measure pipeline --output json && jq -e '.entries == 200 and .refused == 0 and .generator_cpu_ns_per_entry > 0 and ([.commits,
    .records_per_commit, .commits_of, .disk_bytes_per_entry, .server_cpu_ns_per_entry, .entries_per_second_with_views,
    .memory_anonymous_bytes, .memory_resident_bytes] | all(. == null))' "$dir/out" >>"$dir/err"; code=$?
say "and they are null in JSON"

measure batch --batch 50 --output json --data "$dir/books/data" --pid "$(cat "$dir/books/pid")" \
    --metrics "127.0.0.1:$(server_metrics_port "$dir/books")" &&
    jq -e '.commits > 0 and .records_per_commit > 0 and ([.commits_of[]] | add) == .commits and (.disk_bytes_per_entry | type) == "number"
        and .memory_resident_bytes > 1000000 and .entries_per_second_with_views > 0' "$dir/out" >>"$dir/err"; code=$?
say "all are measured when it is said where"
measure single --data "$dir/nowhere" --pid 4194304 --metrics 127.0.0.1:1
[ "$(grep -cE -- '--(data|pid|metrics): ' "$dir/err")" -eq 3 ] && ! grep -qE '^(commits|records a commit|disk|memory)' "$dir/out"; code=$?
say "what could not be measured is told, and no figure is made up"

measure connections --ids random --days 30 --runs 3 --output json &&
    jq -e '.runs == 3 and .min.entries_per_second <= .entries_per_second and .entries_per_second <= .max.entries_per_second
        and .connections == 64 and .p50_us <= .p99_us and .p99_us <= .max_us' "$dir/out" >>"$dir/err"; code=$?
say "several runs give the median between the least and the most"
measure batch --batch 50 --seed 7 && daftari report account-statement --account 100000003 --output csv >"$dir/statement" &&
    grep -q 'Sale of packaged water' "$dir/statement"; code=$?
say "the entries encoded by hand are in the books"

measure sale && daftari report trial-balance --business BENCHSHOP --output json >"$dir/trial" &&
    jq -e '[.rows[] | select(.name == "Bench sales" or .name == "Bench VAT" or .name == "Bench cost") | .debit + .credit] | length == 3 and all(. != "")' \
        "$dir/trial" >>"$dir/err"; code=$?
say "a sale books revenue, tax and the cost of what was sold"
measure single --connections 1024; [ $? -ne 0 ] && ! grep -q '^entries a second' "$dir/out"; code=$?
say "a load that could not begin gives no figures"

daftari-bench all --scratch "$dir" --runs 1 --entries 3000 --accounts 20 --seconds 5 --output json >"$dir/out" 2>"$dir/err"; code=$?
say "every scenario runs on a server of its own"
jq -se --slurpfile names <(daftari-bench --help | sed -n 's/^  \([a-z][a-z-]*\)   *[a-zA-Z0-9].*/"\1"/p') \
    '(map(.scenario) | sort) == ($names | sort) and length > 12' "$dir/out" >>"$dir/err"; code=$?
say "and each tells its figures on one line"
has() { jq -se "map(select(.scenario == \"$1\"))[0] | $2" "$dir/out" >>"$dir/err"; code=$?; say "$1: $2"; }
has limit '.append_per_second > 0 and .append_wide_hashed_per_second > 0 and .commit_p50_us > 0 and .echo_connections_per_second > 0'
has single '.p50_percent_of_bare_commit > 0 and (.server_thread_cpu_ns_per_entry | has("writer") and has("views"))'
has batch '(.writer_ns_per_entry | has("decide") and has("commit")) and .percent_of_limit > 0 and .limit_per_second > 0 and .limit_hashed_per_second > 0 and .batch == 1000 and .entries == 3000 and .accounts == 20 and (.server_cpu_with_views_ns_per_entry | type) == "number"'
has statement-page '.pages > 0 and .account_entries >= 2000 and .page_rows == 50 and .written_per_second > 0'
has trial-balance '.reports > 0 and .p50_us > 0'
has reports '.reports > 8 and (.report_us | length) == .reports'
has restart '.ready_us > 0 and .log_records > 3000'
has replay '.records_per_second > 0 and .state_records_per_second >= .records_per_second'
has verify '.log_records > 3000 and .records_per_second > 0 and .log_records_per_second > .records_per_second and .log_processor_ns > 0'
tools/dev/bench-tables "$dir/out" >"$dir/tables" 2>>"$dir/err" && [ "$(grep -c '^| `batch`' "$dir/tables")" -eq 3 ] &&
    grep -q '^| `trial-balance` | [0-9.]* |$' "$dir/tables" && grep -q '^| `commit_p50_us` | [0-9,]* |$' "$dir/tables"; code=$?
say "the tables of docs/performance.md can be made of it"
[ -z "$(ls -d "$dir"/daftari-bench-* 2>/dev/null)" ] && ! pgrep -f "$dir/daftari-bench-" >/dev/null; code=$?
say "nothing of it is left"

daftari-bench batch --scratch "$dir" --entries 100000000 --accounts 20 >"$dir/out" 2>"$dir/err" &
bench=$!
for _ in $(seq 200); do [ -s "$(echo "$dir"/daftari-bench-*/ready)" ] && break; sleep 0.1; done
kill -TERM "$bench"; wait "$bench"
[ $? -eq 1 ] && grep -q interrupted "$dir/err" && [ -z "$(ls -d "$dir"/daftari-bench-* 2>/dev/null)" ]; code=$?
say "interrupted, it stops its server and removes it"

wrong() { # REGEX ARGUMENTS...: refused with exit 2 and a line that says why
    local why=$1; shift
    env -u DAFTARI_SERVER daftari-bench "$@" >"$dir/out" 2>"$dir/err"
    [ $? -eq 2 ] && head -n 1 "$dir/err" | grep -qE -- "$why"; code=$?
    say "refused: $*"
}
wrong "no scenario 'fast'" fast --scratch "$dir"
wrong 'no scenario is named' --scratch "$dir"
wrong 'give --scratch' batch
wrong 'only with --scratch' limit --server localhost:1 --email a@example.com
wrong 'only with --scratch' replay --server localhost:1 --email a@example.com
wrong 'no --email' batch --scratch "$dir" --email a@example.com
wrong -- '--entries takes a whole number from 1 to' batch --scratch "$dir" --entries 0
wrong -- '--runs takes a whole number from 1 to' batch --scratch "$dir" --runs 99
wrong -- "--ids takes time or random, got 'new'" batch --scratch "$dir" --ids new
wrong -- "--output takes json or table, got 'xml'" batch --scratch "$dir" --output xml
wrong 'nrecognized option' batch --scratch "$dir" --fast
wrong 'compare takes postgres' compare --scratch "$dir"
wrong 'compare takes postgres' compare mysql --scratch "$dir"
if [ -x /usr/lib/postgresql/15/bin/initdb ]; then
    wrong 'compare makes servers of its own' compare postgres
    daftari-bench compare postgres --scratch "$dir" --runs 1 --entries 200 --output json >"$dir/out" 2>"$dir/err"; code=$?
    say "the comparison with PostgreSQL runs"
    jq -se 'length == 5 and all(.daftari_per_second > 0 and .postgres_tls_per_second > 0 and .percent_of_postgres_tls > 0)' \
        "$dir/out" >>"$dir/err" && [ -z "$(ls -d "$dir"/daftari-*-* 2>/dev/null)" ] && ! pgrep -f "$dir/daftari-" >/dev/null; code=$?
    say "it gives both sides of every kind of work and leaves nothing"
else
    wrong 'apt-get install.* postgresql-15' compare postgres --scratch "$dir"
fi
daftari-bench batch --scratch "$dir/nowhere" >"$dir/out" 2>"$dir/err"
[ $? -eq 1 ] && grep -q -- '--scratch: no folder can be made' "$dir/err"; code=$?
say "a scratch folder that is not there is told"

daftari-bench --help >"$dir/out" 2>"$dir/err"
sed -n 's/^    {"\([a-z-]*\)", [01], NULL, OPT_.*/\1/p' tools/bench/main.c >"$dir/options"
daftari-bench --help | sed -n 's/^  \([a-z][a-z-]*\)   *[a-zA-Z0-9].*/\1/p' >"$dir/scenarios"
{
    while read -r option; do
        if ! grep -qF -- "--$option" "$dir/out" && [ "$option" != version ] && [ "$option" != help ]; then echo "--help does not say --$option"; fi
        grep -qE -- "Fl -$option\b" docs/man/daftari-bench.1 || echo "the manual does not say --$option"
    done <"$dir/options"
    while read -r scenario; do
        grep -qE "(Cm|It) .*\b$scenario\b" docs/man/daftari-bench.1 || echo "the manual does not say $scenario"
    done <"$dir/scenarios"
} >"$dir/err"
[ ! -s "$dir/err" ] && [ "$(wc -l <"$dir/options")" -gt 20 ] && [ "$(wc -l <"$dir/scenarios")" -gt 12 ]; code=$?
say "every option and every scenario is in the manual, every option in the summary"
