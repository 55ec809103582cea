#!/usr/bin/env bash
# What an operator does with daftarid: check a configuration, make keys that openssl accepts, start, look at metrics, renew
# the certificate and reload, stop, kill, start again.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
bin=${BUILD:-$top/build/release}/bin
dir=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
check() { # check WHAT COMMAND...
    local what=$1; shift
    if "$@" >"$dir/out" 2>&1; then echo "ok - $what"; else echo "not ok - $what"; sed 's/^/# /' "$dir/out"; fi
}
fails() { local code=$1; shift; "$@"; local got=$?; [ "$got" -eq "$code" ] || { echo "exit $got, not $code"; return 1; }; }
says() { local text=$1; shift; "$@" 2>&1 | tee "$dir/said" | grep -qF -- "$text" || { cat "$dir/said"; return 1; }; }

# ---- configuration ----
printf 'listen_port = 70000\nnonsense = 1\n' >"$dir/bad.conf"
check 'a bad configuration does not pass' fails 1 "$bin/daftarid" --config "$dir/bad.conf" --check-config
check 'every problem is told with its line' says 'bad.conf:2: no such setting: nonsense' "$bin/daftarid" --config "$dir/bad.conf" --check-config
check 'nor does a server start from it' fails 1 "$bin/daftarid" --config "$dir/bad.conf"
"$bin/daftarid" --print-config >"$dir/sample.conf"
check 'the installed sample is what is printed' cmp "$dir/sample.conf" "$top/server/app/daftari.conf"

# ---- keys ----
echo 'a long enough password' >"$dir/password"
check 'init makes books' "$bin/daftarid" init --data "$dir/books" --keys "$dir/keys" --owner-email ana@example.com \
    --owner-name 'Ana Otieno' --password-file "$dir/password" --hosts books.example,192.0.2.7
check 'init does not make them again' fails 1 "$bin/daftarid" init --data "$dir/books" --keys "$dir/keys" \
    --owner-email ana@example.com --owner-name 'Ana Otieno' --password-file "$dir/password"
ln -s gone/away "$dir/link"
init_elsewhere() { "$bin/daftarid" init --data "$dir/books2/" --keys "$dir/keys2/" --owner-email ana@example.com \
    --owner-name 'Ana Otieno' --password-file "$dir/password" "$@"; }
check 'a master key is not made through a link' fails 1 init_elsewhere --master-key "$dir/link"
check 'and the link is not removed' [ -L "$dir/link" ]
check "nor anything left" [ -z "$(find "$dir" -maxdepth 1 \( -name "*init-*" -o -name "*books2*" -o -name "*keys2*" \) -print)" ]
check 'folders may be named with a slash' init_elsewhere
check 'and nothing else is left' [ -z "$(find "$dir" -name '*init-*')" ]
verify() { openssl verify -x509_strict -CAfile "$dir/keys/ca.crt" "$@"; }
check 'openssl accepts the server certificate' verify -purpose sslserver -verify_hostname books.example "$dir/keys/server.pem"
check 'and its address' verify -purpose sslserver -verify_ip 192.0.2.7 "$dir/keys/server.pem"
check 'and no other name' fails 2 verify -purpose sslserver -verify_hostname other.example "$dir/keys/server.pem"
fingerprint=$("$bin/daftarid" certificate client --keys "$dir/keys" --email ana@example.com --file "$dir/ana.pem")
check 'openssl accepts a client certificate' verify -purpose sslclient "$dir/ana.pem"
check 'its fingerprint is what was printed' [ "$(openssl x509 -in "$dir/ana.pem" -outform DER | sha256sum | cut -d' ' -f1)" = "$fingerprint" ]
check 'a certificate is not overwritten' fails 1 "$bin/daftarid" certificate client --keys "$dir/keys" --email a@b --file "$dir/ana.pem"
check 'usage is told' fails 2 "$bin/daftarid" certificate server

# ---- configuration and what it names ----
tried() { "$bin/daftarid" --config "$dir/tried.conf" --check-config; }
told() { local code=$1; shift; tried >"$dir/said" 2>&1; [ $? -eq "$code" ] && diff <(printf '%s\n' "$@") "$dir/said"; }
master=$(sed -n 's/^master_key_file = "\(.*\)"/\1/p' "$dir/keys/daftari.conf")
cp "$dir/keys/daftari.conf" "$dir/tried.conf"
check 'what init made passes' told 0 "$dir/tried.conf: good"
sed -e "s|^data_dir = .*|data_dir = \"$dir/books\"|" -e "s|^key_dir = .*|key_dir = \"$dir/keys\"|" \
    -e "s|^master_key_file = .*|master_key_file = \"$master\"|" "$dir/sample.conf" >"$dir/tried.conf"
check 'so does the sample with these folders' told 0 "$dir/tried.conf: good"
printf 'key_dir = /nonexistent/keys\ndata_dir = /nonexistent/books\n\nmaster_key_file = /nonexistent/master-key\n' >"$dir/tried.conf"
check 'folders and files that are missing are told with their lines' told 1 \
    "$dir/tried.conf:2: data_dir: /nonexistent/books: No such file or directory; daftarid init makes it" \
    "$dir/tried.conf:1: key_dir: /nonexistent/keys/server.pem: No such file or directory" \
    "$dir/tried.conf:1: key_dir: /nonexistent/keys/log.key: No such file or directory" \
    "$dir/tried.conf:1: key_dir: /nonexistent/keys/ca.crt: No such file or directory" \
    "$dir/tried.conf:4: master_key_file: /nonexistent/master-key: No such file or directory"
printf 'nonsense = 1\nlisten_port = many\nkey_dir = %s\ndata_dir = /nonexistent/books\nmaster_key_file = "\n' "$dir/keys" >"$dir/tried.conf"
tried >"$dir/said" 2>&1
check 'a mistake of form does not hide what is missing' grep -q 'tried.conf:4: data_dir: /nonexistent/books: No such file' "$dir/said"
check 'and what was not taken is not looked at' [ "$(grep -c '^' "$dir/said")" -eq 4 ]
cp -a "$dir/books" "$dir/keyless" && : >"$dir/keyless/keys/data-keys"
sed "s|^data_dir = .*|data_dir = $dir/keyless|" "$dir/keys/daftari.conf" >"$dir/tried.conf"
tried >"$dir/said" 2>&1; code=$?
check 'books without their data keys do not pass' [ $code -eq 1 ]
check 'and which key is said' grep -q "data_dir: .*keyless/log: data key [0-9]*, .* is not there" "$dir/said"
mkdir "$dir/empty" "$dir/credentials"
cp "$master" "$dir/open-key" && chmod 0644 "$dir/open-key"
printf '%s\n' "data_dir = $dir/empty" "key_dir = $dir/keys" "master_key_file = $dir/open-key" >"$dir/tried.conf"
check 'so are a folder without books and a master key that others may read' told 1 \
    "$dir/tried.conf:1: data_dir: $dir/empty: holds no books; daftarid init makes a folder that is not there yet" \
    "$dir/tried.conf:3: master_key_file: $dir/open-key: must be a file only its owner may read (mode 0600 or 0400), is 0644"
cp "$master" "$dir/credentials/master-key"
printf '%s\n' "data_dir = $dir/books" "key_dir = $dir/keys" "master_key_file = /nonexistent/master-key" >"$dir/tried.conf"
export CREDENTIALS_DIRECTORY=$dir/credentials
check 'a systemd credential goes before the file' told 0 "$dir/tried.conf: good"
unset CREDENTIALS_DIRECTORY

printf '%064d\n' 7 >"$dir/other-key" && chmod 0600 "$dir/other-key"
printf '%s\n' "data_dir = $dir/books" "key_dir = $dir/keys" "master_key_file = $dir/other-key" >"$dir/tried.conf"
check 'a master key of other books is told' told 1 \
    "$dir/tried.conf:3: master_key_file: $dir/other-key: must be the master key that $dir/books/keys/data-keys was made with; this one does not open data key 1"
cp "$master" "$dir/books/key-inside" && chmod 0600 "$dir/books/key-inside" && ln -s "$dir/books/key-inside" "$dir/key-link"
printf '%s\n' "data_dir = $dir/books/" "key_dir = $dir/keys" "master_key_file = $dir/key-link" >"$dir/tried.conf"
check 'a master key in the data folder is told behind a link too' told 1 \
    "$dir/tried.conf:3: master_key_file: $dir/key-link: lies in data_dir: who steals the one must not get the other"
rm "$dir/books/key-inside"

# ---- running ----
printf '%s\n' 'listen_port = 0' 'metrics_port = 0' 'log_map_mib = 65536' 'state_map_mib = 16384' 'view_map_mib = 16384' 'ids_map_mib = 4096' >>"$dir/keys/daftari.conf"
start() {
    rm -f "$dir/ready"
    "$bin/daftarid" --config "$dir/keys/daftari.conf" --ready-file "$dir/ready" 2>>"$dir/log" &
    pid=$!
    for _ in $(seq 600); do [ -s "$dir/ready" ] && break; kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    port=$(sed -n 's/^port=//p' "$dir/ready") metrics=$(sed -n 's/^metrics_port=//p' "$dir/ready")
    [ -n "$port" ]
}
stop() { # ends well within 20 s
    kill -TERM "$pid"
    for _ in $(seq 200); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null
    wait "$pid"; local code=$?
    pid=
    [ $code -eq 0 ] || { tail "$dir/log"; return 1; }
}
page() { exec 3<>"/dev/tcp/127.0.0.1/$metrics" && printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3 && timeout 10 cat <&3; exec 3>&-; }
observed() { page >"$dir/said"; grep -q "^$1_count [1-9]" "$dir/said" || { cat "$dir/said"; return 1; }; }
client() { timeout 10 openssl s_client -connect "127.0.0.1:$port" -alpn daftari/1 -CAfile "$dir/keys/ca.crt" -verify_return_error "$@" </dev/null 2>&1; }
reload() { # waits until the server says that it has
    local before
    before=$(grep -c 'app reloaded' "$dir/log")
    kill -HUP "$pid"
    for _ in $(seq 200); do [ "$(grep -c 'app reloaded' "$dir/log")" -gt "$before" ] && break; sleep 0.1; done
}
shown() { client -tls1_3 | openssl x509 -noout -fingerprint -sha256; }
printf '%s\n' "data_dir = /nonexistent/books" "key_dir = $dir/keys" 'master_key_file = /nonexistent/master-key' >"$dir/tried.conf"
check 'before a start the same is looked at' fails 1 "$bin/daftarid" --config "$dir/tried.conf"
"$bin/daftarid" --config "$dir/tried.conf" 2>"$dir/said"
check 'and all that is missing is told, with its line' diff <(tried 2>&1) "$dir/said"
check 'the server starts' start
check 'TLS 1.3 and the protocol are agreed' says 'ALPN protocol: daftari/1' client -tls1_3
check 'TLS 1.2 is refused' says 'alert protocol version' client -tls1_2
check 'metrics are on the loopback address' says 'daftari_log_position ' page
check 'and say how far each view is' says 'daftari_view_lag_records{view="balances"} 0' page
check 'and whether it is ready' says 'daftari_view_state{view="audit"} 1' page
check 'how long the views work' observed daftari_view_slice_seconds
check 'a second server does not take the folder' fails 1 "$bin/daftarid" --config "$dir/keys/daftari.conf"

# ---- a certificate instead of a password ----
export DAFTARI_SERVER="localhost:$port" DAFTARI_CA="$dir/keys/ca.crt" DAFTARI_HOME="$dir/home"
greet() { # Hello, as a program with the certificate says it; the Welcome's readable parts
    { printf '\x00\x00\x00\x02\x01\x00\x00\x00\x08\x01'; sleep 1; } | client_from -quiet -cert "$dir/ana.pem" -key "$dir/ana.pem" | strings
}
nobody() { greet >"$dir/greeted"; grep -q Books "$dir/greeted" && ! grep -q ana@ "$dir/greeted"; }
client_from() { timeout 10 openssl s_client -connect "127.0.0.1:$port" -alpn daftari/1 -CAfile "$dir/keys/ca.crt" "$@" 2>/dev/null; }
check 'the owner logs in' "$bin/daftari" log-in --email ana@example.com --password-file "$dir/password"
check 'a certificate that nobody enrolled opens nothing' nobody
check 'it is enrolled' "$bin/daftari" user enroll-certificate --email ana@example.com --fingerprint "$fingerprint" --label till
check 'and opens a session' says ana@example.com greet
check 'which is on record' says certificate "$bin/daftari" sessions list
check 'metrics say how long queries work' observed daftari_query_step_seconds
check 'it is revoked' "$bin/daftari" user revoke-certificate --fingerprint "$fingerprint"
check 'and opens nothing' nobody

# ---- reload ----
cp "$dir/keys/daftari.conf" "$dir/conf-before"
sed -i 's|^data_dir = .*|data_dir = /nonexistent|' "$dir/keys/daftari.conf"
reload
check 'a reload with a folder that is missing takes nothing over' grep -q 'WARNING app reloaded status=INVALID' "$dir/log"
sed 's|^listen_port = .*|listen_port = 1|' "$dir/conf-before" >"$dir/keys/daftari.conf"
echo 'drain_ms = 1234' >>"$dir/keys/daftari.conf"
cp -a "$dir/keys" "$dir/keys-2"
"$bin/daftarid" certificate server --keys "$dir/keys-2" --hosts other.example >/dev/null 2>&1
sed -i "s|^key_dir = .*|key_dir = \"$dir/keys-2\"|" "$dir/keys/daftari.conf"
echo 'log_level = "debug"' >>"$dir/keys/daftari.conf"
before=$(shown)
reload
check 'what waits for a restart is named, and nothing else' grep -q 'restart-needed changed="key_dir listen_port drain_ms"' "$dir/log"
check 'and the folder of the keys does wait' [ "$(shown)" = "$before" ]
cp "$dir/conf-before" "$dir/keys/daftari.conf"
rm -rf "$dir/keys-2"
cp "$dir/keys/server.pem" "$dir/server.pem"
cp "$dir/keys/daftari.conf" "$dir/kept.conf"
echo rubbish >"$dir/keys/server.pem"
echo 'log_level = "error"' >>"$dir/keys/daftari.conf"
reload
check 'with a bad certificate the old one stays' [ "$(shown)" = "$before" ]
check 'and the log level, which lets the warning through' grep -qE 'WARNING app reloaded status=[A-Z]' "$dir/log"
mv "$dir/server.pem" "$dir/keys/server.pem"
mv "$dir/kept.conf" "$dir/keys/daftari.conf"
check 'a certificate is renewed' "$bin/daftarid" certificate server --keys "$dir/keys" --hosts books.example
reload
after=$(shown)
check 'and taken into use at a reload' [ -n "$after" -a "$after" != "$before" ]

# ---- stopping ----
check 'SIGTERM ends it well' stop
check 'what it left is trusted' start
check 'and says so' grep -q 'app ready .*trusted=1' "$dir/log"
kill -9 "$pid"; wait "$pid" 2>/dev/null
check 'after kill -9 it starts again' start
check 'and ends well again' stop
