#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Processes export spans to an HTTP server, and protoc decodes what it got with OpenTelemetry's own .proto files: the tree of the calls
# is in it. Also over https, and from a collector that is busy at first: export.sh BUILD SOURCE
#
# The files are brought by scripts/opentelemetry-proto, or are where OPENTELEMETRY_PROTO says. Without them, as where no network is, the
# schema of the component decodes it.
set -euo pipefail
build=$1
source=$2
here=$source/tests/otlp
programs=$build/examples/tracing
wait_limit_s=20
unset "${!OTEL_@}"

skip() {
    echo "export: skipped: $*"
    if [[ ${CI:-} == true ]]; then exit 1; fi
    exit 77
}
for program in python3 protoc openssl; do
    if ! command -v $program >/dev/null; then
        skip "there is no program \"$program\" (Debian: python3, protobuf-compiler, openssl)"
    fi
done
if [[ ! -x $programs/web ]]; then skip "examples/tracing is not built"; fi

protos=${OPENTELEMETRY_PROTO:-$source/build-opentelemetry}
file=opentelemetry/proto/collector/trace/v1/trace_service.proto
message=opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest
if [[ ! -e $protos/$file ]]; then
    echo "export: decoded with the component's own schema; scripts/opentelemetry-proto $protos brings OpenTelemetry's"
    protos=$source/components/otlp file=otlp.proto message=godwit.otlp.ExportTraceServiceRequest
fi

temporary=$(mktemp -d)
declare -A processes=()
finish() {
    local process
    for process in "${processes[@]}"; do kill -KILL "$process" 2>/dev/null || true; done
    wait
    rm -rf "$temporary"
}
trap finish EXIT
cd "$temporary"
export GODWIT_URL=zmq:///export-$$

fail() {
    echo "export: $*" >&2
    tail -n 20 "$temporary"/*.out >&2
    exit 1
}
start() { # NAME COMMAND...: what it prints is in NAME.out; waits until that is "ready"
    local name=$1 deadline=$((SECONDS + wait_limit_s))
    shift
    rm -f "$name.out" # what an earlier one said
    "$@" >"$name.out" 2>&1 &
    processes[$name]=$!
    until grep -qs '^ready' "$name.out"; do
        if ((SECONDS > deadline)); then fail "$name is not ready"; fi
        sleep 0.02
    done
}
stop() { # NAME...
    local name
    for name in "$@"; do kill -TERM "${processes[$name]}"; done
    for name in "$@"; do
        wait "${processes[$name]}" || true
        unset "processes[$name]"
    done
}

export_to() { # CASE SCHEME COLLECTOR_ARGUMENT...: the programs make two orders, one of which fails; all export that
    local case=$1 scheme=$2 port
    shift 2
    mkdir "$case"
    start collector python3 "$here/collector.py" "$case" "$@"
    port=$(sed -n 's/^ready: //p' collector.out)
    export OTEL_EXPORTER_OTLP_ENDPOINT=$scheme://127.0.0.1:$port OTEL_EXPORTER_OTLP_HEADERS='api-key=a%20key'
    export OTEL_RESOURCE_ATTRIBUTES=deployment.environment=test
    start stock "$programs/stock"
    start orders "$programs/orders"
    TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 "$programs/web" shoes unicorn >web.out 2>&1 ||
        fail "web ended with status $?"
    grep -q '^exported 2 spans, dropped 0$' web.out || fail "web did not export"
}
end_export() {
    stop orders stock # which export what is left
    stop collector
}

check_head() { # CASE
    grep -qx 'POST /v1/traces HTTP/1.1' "$1/1.head" || fail "$1: $(<"$1/1.head")"
    grep -qx 'Content-Type: application/x-protobuf' "$1/1.head" || fail "$1: $(<"$1/1.head")"
    grep -qx 'api-key: a key' "$1/1.head" || fail "$1: $(<"$1/1.head")"
}
check_spans() { # CASE
    python3 "$here/check_spans.py" "$1" "$protos" "$file" "$message"
}

echo "--- a collector that is well"
export_to well http
end_export
check_head well
check_spans well

echo "--- a collector that is busy at first: what it refused comes again, the same bytes"
export_to busy http 503 429
deadline=$((SECONDS + wait_limit_s))
until check_spans busy >/dev/null 2>&1; do # before the end: that would not wait as long as the collector wants
    if ((SECONDS > deadline)); then break; fi
    sleep 0.05
done
end_export
check_spans busy
for refused in busy/*.refused; do
    again=
    for body in busy/*.body; do
        if cmp -s "$refused" "$body"; then again=$body; fi
    done
    if [[ ! $again ]]; then fail "$refused was not repeated"; fi
done

echo "--- https, with a certificate of the test's own, and not without it"
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=127.0.0.1 \
    -addext subjectAltName=IP:127.0.0.1 2>/dev/null
OTEL_EXPORTER_OTLP_CERTIFICATE=$PWD/cert.pem export_to secured https --tls cert.pem key.pem
"$programs/web" >web.out 2>&1 shoes
grep -q '^export: 1 spans were not exported: .*certificate' web.out || fail "a certificate that nobody trusts was trusted"
end_export
check_spans secured
