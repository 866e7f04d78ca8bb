#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A real Prometheus scrapes a process, and answers queries for what it found: prometheus.sh BUILD SOURCE
set -euo pipefail
build=$1
wait_limit_s=60 # of all together

skip() {
    echo "prometheus: skipped: $*"
    if [[ ${CI:-} == true ]]; then exit 1; fi
    exit 77
}
for program in prometheus promtool python3; do
    if ! command -v $program >/dev/null; then
        skip "there is no program \"$program\" (Debian: prometheus, python3)"
    fi
done

temporary=$(mktemp -d)
processes=()
finish() {
    local process
    for process in "${processes[@]}"; do
        kill -KILL "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    rm -rf "$temporary"
}
trap finish EXIT
fail() {
    echo "prometheus: $*" >&2
    tail -20 "$temporary/prometheus.log" >&2 || true
    exit 1
}

# The process ends when its stdin does, so this script holds it.
mkfifo "$temporary/stdin" "$temporary/stdout"
"$build/tests/http/programs/serve" <"$temporary/stdin" >"$temporary/stdout" &
processes+=($!)
exec 3>"$temporary/stdin"
read -r -t "$wait_limit_s" port <"$temporary/stdout" || fail "the process serves nothing"

# A port for Prometheus that is free now.
web=127.0.0.1:$(python3 -c 'import socket
s = socket.socket ()
s.bind (("127.0.0.1", 0))
print (s.getsockname ()[1])')
cat >"$temporary/prometheus.yml" <<END
global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
  - job_name: godwit
    static_configs:
      - targets: ["127.0.0.1:$port"]
END
prometheus --config.file="$temporary/prometheus.yml" --storage.tsdb.path="$temporary/data" --web.listen-address="$web" \
    >"$temporary/prometheus.log" 2>&1 &
processes+=($!)

# Asks until the answer is there: QUERY EXPECTED
expect() {
    local answer=''
    until [[ $answer == *"$2"* ]]; do
        if ((SECONDS > wait_limit_s)); then fail "expected $2 of the query $1, got: $answer"; fi
        answer=$(promtool query instant "http://$web" "$1" 2>/dev/null || true)
        if [[ $answer != *"$2"* ]]; then read -r -t 0.2 -u 4 || true; fi
    done
}
mkfifo "$temporary/pause" # nobody writes to it
exec 4<>"$temporary/pause"

expect 'up{job="godwit"}' '=> 1 @'
expect 'scrape_samples_scraped' '=> '
expect 'rpc_client_call_duration_seconds_count{rpc_method="shop/work"}' '=> 20 @'
expect 'rpc_server_call_duration_seconds_bucket{godwit_server="one",rpc_system_name="godwit",rpc_method="shop/work",le="+Inf"}' '=> 20 @'
expect 'sum (godwit_invocations_failed_total{error_type="NoSuchMethod",godwit_side="server"})' '=> 1 @'
expect 'histogram_quantile (0.5, rpc_server_call_duration_seconds_bucket{rpc_method="shop/work"}) > bool 0' '=> 1 @'
# The name of a method that nobody has, with all that has to be escaped.
expect 'godwit_invocations_started_total{rpc_method=~"(?s)shop/play .*"}' 'rpc_method="shop/play \"\\\\xff\n"'
echo "prometheus: passed"
