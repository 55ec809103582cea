# shellcheck shell=bash
# Shell functions for tests and the demo: books of their own, a server on free loopback ports, an environment for
# `daftari`. Source it with the programs in PATH. Every function takes the folder that holds it all:
#   DIR/data DIR/keys DIR/home DIR/daftari.conf DIR/ready DIR/server.log DIR/pid
#
#   server_init DIR [init options]   makes books, keys, the owner (owner@example.com) and the configuration
#   server_start DIR                 starts it in the background and waits until it is ready
#   server_stop DIR                  ends it (SIGTERM, drain), waits; server_kill DIR is kill -9
#   server_env DIR                   exports DAFTARI_SERVER, DAFTARI_CA, DAFTARI_HOME
#   server_log_in DIR                logs the owner in, so that `daftari` has a session
# More configuration lines: put them in DIR/extra.conf before server_init.

SERVER_OWNER=owner@example.com

server_init() {
  _dir=$1; shift
  mkdir -p "$_dir/home"
  chmod 700 "$_dir" "$_dir/home"
  if [ ! -f "$_dir/owner-password" ]; then
    (umask 077; od -An -N12 -tx1 /dev/urandom | tr -d ' \n' >"$_dir/owner-password"; echo >>"$_dir/owner-password")
  fi
  daftarid init --data "$_dir/data" --keys "$_dir/keys" --config "$_dir/daftari.conf" \
    --owner-email "$SERVER_OWNER" --owner-name "Olive Owner" --password-file "$_dir/owner-password" \
    --books "Demonstration books" --currency KES --scale 2 --symbol KSh --utc-offset +03:00 --first-date 2024-01-01 \
    "$@" >"$_dir/init.log" 2>&1 || { cat "$_dir/init.log" >&2; return 1; }
  # maps small enough for the thread sanitizer, which leaves a program less room for addresses
  { echo "listen_port = ${SERVER_PORT:-0}"; echo "metrics_port = ${SERVER_METRICS_PORT:-0}"
    echo "log_map_mib = 65536"; echo "state_map_mib = 16384"; echo "view_map_mib = 16384"
    echo "ids_map_mib = 4096"; echo "ids_memory_entries = 100"; # few, so that small books have runs of ids too
  } >>"$_dir/daftari.conf"
  if [ -f "$_dir/extra.conf" ]; then cat "$_dir/extra.conf" >>"$_dir/daftari.conf"; fi
}

server_start() {
  _dir=$1
  rm -f "$_dir/ready"
  # In a session of its own: the terminal's signals do not reach it, and it outlives the shell that started it.
  setsid daftarid --config "$_dir/daftari.conf" --ready-file "$_dir/ready" >>"$_dir/server.log" 2>&1 </dev/null &
  echo $! >"$_dir/pid"
  _tries=0
  while [ ! -f "$_dir/ready" ]; do
    _tries=$((_tries + 1))
    if [ "$_tries" -gt 600 ] || ! server_alive "$(cat "$_dir/pid")"; then
      echo "the server did not start:" >&2
      tail -n 20 "$_dir/server.log" >&2
      return 1
    fi
    sleep 0.05
  done
  server_env "$_dir"
}

server_port() { sed -n 's/^port=//p' "$1/ready"; }
server_metrics_port() { sed -n 's/^metrics_port=//p' "$1/ready"; }

server_env() {
  DAFTARI_SERVER="localhost:$(server_port "$1")"
  DAFTARI_CA="$1/keys/ca.crt"
  DAFTARI_HOME="$1/home"
  export DAFTARI_SERVER DAFTARI_CA DAFTARI_HOME
}

server_log_in() {
  daftari log-in --email "$SERVER_OWNER" --password-file "$1/owner-password" >/dev/null
}

# Whether the process runs. One that has ended and that nobody has waited for (state Z) takes kill -0 as if it ran; while
# others of its threads are still ending it holds its files, so it counts as running. With a name, whether it also is that
# program. Form of /proc/PID/stat, proc(5): "pid (name) state ...".
server_alive() { # PID [NAME]
  { read -r _ _name _state _ <"/proc/$1/stat"; } 2>/dev/null || return 1
  [ $# -lt 2 ] || [ "$_name" = "($2)" ] || return 1
  [ "$_state" != Z ] || { set -- "/proc/$1/task/"*; [ $# -gt 1 ]; }
}

server_wait_end() {
  _tries=0
  while server_alive "$1"; do
    _tries=$((_tries + 1))
    [ "$_tries" -le 600 ] || return 1
    sleep 0.05
  done
}

server_stop() {
  [ -f "$1/pid" ] || return 0
  _pid=$(cat "$1/pid")
  kill -TERM "$_pid" 2>/dev/null || true
  server_wait_end "$_pid" || { echo "the server (pid $_pid) does not end" >&2; return 1; }
  rm -f "$1/pid" "$1/ready"
}

server_kill() {
  _pid=$(cat "$1/pid")
  kill -KILL "$_pid" 2>/dev/null || true
  server_wait_end "$_pid"
  rm -f "$1/pid" "$1/ready"
}
