#!/usr/bin/env bash
# A server under load and under attack: a drain loses nothing that was acknowledged, metrics move, a flood and silent peers
# do not keep an honest client out, the service manager is told.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/server.sh
. tests/support/tap.sh
D=$(mktemp -d)
trap 'kill "${helper:-}" 2>/dev/null; tap_end_server "$D"; rm -rf "$D"' EXIT

cat >"$D/extra.conf" <<'TXT'
connections_max = 40
connections_per_address_max = 40
handshake_timeout_ms = 1500
hello_timeout_ms = 1500
frame_timeout_ms = 1500
TXT
chmod 700 "$D"
server_init "$D" && server_start "$D" && server_log_in "$D" || exit 1
{ daftari account open --number 1110 --name Cash --class cash && daftari account open --number 3100 --name Capital --class capital; } >/dev/null
port=$(server_port "$D")
sed -i "s/^listen_port = .*/listen_port = $port/" "$D/daftari.conf"
metric() { # metric NAME: the sum of its samples
  { exec 3<>"/dev/tcp/127.0.0.1/$(server_metrics_port "$D")" && printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3 && timeout 5 cat <&3; exec 3>&-; } >"$D/page" 2>/dev/null
  awk -v name="$1" '$1 == name || index($1, name "{") == 1 { sum += $2; seen = 1 } END { if (!seen) exit 1; printf "%.0f\n", sum }' "$D/page"
}

# ---- metrics
before=$(metric daftari_log_position)
requests=$(metric daftari_requests_total)
daftari entry post --date 2026-03-01 --description one --debit 1110=1 --credit 3100=1 >/dev/null
tap "the log position moves" test "$(metric daftari_log_position)" -gt "$before"
tap "requests are counted" test "$(metric daftari_requests_total)" -gt "$requests"
cp "$D/page" "$D/out"
for series in 'daftari_requests_total{.*method="Entry.Post".*status="OK"' 'daftari_request_seconds_bucket' daftari_commit_records_bucket daftari_commit_seconds_bucket 'daftari_.*queue' \
  'daftari_view_lag' 'daftari_.*map' 'daftari_log_position'; do
  tap "series $series" grep -Eqi "^$series" "$D/page"
done
bad=$(grep -vE '^(#.*|[a-zA-Z_:][a-zA-Z0-9_:]*(\{[^}]*\})? [0-9.eE+-]+|[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? (\+Inf|NaN))$' <(sed '1,/^\r*$/d; s/\r$//' "$D/page") | head -3)
printf '%s' "$bad" >"$D/out"
tap "every line has Prometheus's form" test -z "$bad"

# ---- a drain under load: what was acknowledged is there
awk 'BEGIN { for (i = 1; i <= 20000; i++) printf "{\"date\":\"2026-04-01\",\"description\":\"load %d\",\"lines\":[{\"account\":1110,\"debit\":\"1.00\"},{\"account\":3100,\"credit\":\"1.00\"}]}\n", i }' >"$D/load"
daftari entry post --json "$D/load" --output json --timeout 5 >"$D/acknowledged" 2>"$D/load-err" &
sender=$!
wait_until 20 test -s "$D/acknowledged"
pid=$(cat "$D/pid")
kill -TERM "$pid"
tap "SIGTERM under load ends the server" server_wait_end "$pid"
tap "cleanly" grep -qx clean "$D/data/run"
rm -f "$D/pid"
kill -KILL "$sender" 2>/dev/null
wait "$sender" 2>/dev/null
acknowledged=$(grep -c '"position"' "$D/acknowledged")
server_start "$D" && server_log_in "$D"
daftari entry list --output json | jq -r '.. | objects | select(.description? // "" | startswith("load ")) | .position' | sort -nu >"$D/there"
jq -r '.position' "$D/acknowledged" 2>/dev/null | sort -nu >"$D/said"
echo "$acknowledged acknowledged, $(wc -l <"$D/there") there" >"$D/out"
tap "some were acknowledged, and not all" test "$acknowledged" -gt 0 -a "$acknowledged" -lt 20000
tap "every acknowledged entry is there" test -z "$(comm -23 <(sort "$D/said") <(sort "$D/there"))"
tap "the books are whole" daftari-audit verify --server "$DAFTARI_SERVER"

# ---- peers that say nothing, say it slowly, or come in hundreds
silent() { exec 9<>"/dev/tcp/127.0.0.1/$port"; start=$(date +%s%N); timeout 10 cat <&9 >/dev/null; code=$?; exec 9>&-; echo $((($(date +%s%N) - start) / 1000000)) >"$D/ms"; return $code; }
silent
tap "who does not shake hands is dropped in time" test "$(cat "$D/ms")" -lt 4000
slow() { { printf '\x00\x00'; sleep 6; } | timeout 8 openssl s_client -quiet -connect "127.0.0.1:$port" -alpn daftari/1 -CAfile "$D/keys/ca.crt" >/dev/null 2>&1; }
slow &
slow=$!
tls() { timeout 5 openssl s_client -connect "127.0.0.1:$port" -CAfile "$D/keys/ca.crt" "$@" </dev/null >"$D/out" 2>&1; }
tls -tls1_2 -alpn daftari/1
tap "TLS 1.2 is refused" grep -qi 'alert\|no protocols\|wrong version' "$D/out"
tls -tls1_3 -alpn http/1.1
tap "another protocol is refused" grep -qi 'alert' "$D/out"
printf 'hello' | { timeout 5 openssl s_client -quiet -tls1_3 -connect "127.0.0.1:$port" >"$D/out" 2>&1; }
tap "no protocol gets no answer" test -z "$(grep -a Books "$D/out")"
flood() { for _ in $(seq 300); do { exec 8<>"/dev/tcp/127.0.0.1/$port" && printf '\x16\x03\x01garbage' >&8; exec 8>&-; } 2>/dev/null; done; }
flood &
flood=$!
hold() { for _ in $(seq 20); do ( exec 7<>"/dev/tcp/127.0.0.1/$port"; timeout 3 cat <&7 >/dev/null ) 2>/dev/null & done; wait; }
hold &
hold=$!
# The places are full now and then, and a slow machine frees them slowly: whoever is refused tries again, as people do.
honest() { # honest N
  for _ in 1 2 3 4 5; do
    daftari entry post --date 2026-05-01 --description "honest $1" --debit 1110=1 --credit 3100=1 \
      --command-id "00000000-0000-4000-8000-00000000000$1" >"$D/out" 2>&1 && return 0
    sleep 0.4
  done
  return 1
}
served=0
for n in 1 2 3 4 5 6 7 8; do honest "$n" && served=$((served + 1)); done
tap "an honest client is served meanwhile" test "$served" = 8
wait "$flood" "$hold"
kill "$slow" 2>/dev/null
wait "$slow" 2>/dev/null
quiet() { [ "$(metric daftari_connections)" -le 1 ]; }
tap "afterwards no connection is left over" wait_until 10 quiet
tap "and the server lives" daftari who-am-i

# ---- the service manager
server_stop "$D"
perl -MIO::Socket::UNIX -e '$| = 1; my $s = IO::Socket::UNIX->new(Local => $ARGV[0], Type => SOCK_DGRAM) or die;
  while (defined $s->recv(my $text, 4096)) { print "$text\n" }' "$D/notify" >"$D/told" 2>&1 &
helper=$!
wait_until 5 test -S "$D/notify"
export NOTIFY_SOCKET=$D/notify
server_start "$D"
tap "readiness is notified" wait_until 5 grep -q '^READY=1' "$D/told"
server_stop "$D"
tap "and that it stops" wait_until 5 grep -q '^STOPPING=1' "$D/told"
