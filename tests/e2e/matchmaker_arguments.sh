#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `godwit matchmaker`: what it says and returns, and a rendezvous that is replaced behind its name:
# matchmaker_arguments.sh BUILD SOURCE
set -euo pipefail
build=$1
godwit=$build/tools/godwit
temporary=$(mktemp -d)
processes=()
finish() {
    for process in "${processes[@]}"; do kill -9 "$process" 2>/dev/null || true; done
    rm -rf "$temporary"
}
trap finish EXIT

fail() {
    echo "$*" >&2
    exit 1
}
port=$((10000 + $$ % 20000))
free_port() { # sets `port` to the next one that nobody listens on
    port=$((port + 1))
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
}
wait_for() { # FILE TEXT: until it is there, for 20 s at most
    for _ in $(seq 2000); do
        if grep -q -- "$2" "$1"; then return; fi
        sleep 0.01
    done
    fail "no \"$2\" in: $(cat "$1")"
}
expect() { # STATUS TEXT ARGUMENT...: what it returns and says
    local wanted=$1 text=$2 status=0
    shift 2
    timeout 60 "$godwit" "$@" >"$temporary/said" 2>&1 </dev/null || status=$?
    if [[ $status != "$wanted" ]]; then fail "godwit $*: status $status, expected $wanted: $(cat "$temporary/said")"; fi
    grep -q -- "$text" "$temporary/said" || fail "godwit $*: no \"$text\" in: $(cat "$temporary/said")"
}
start() { # FILE ARGUMENT...: a matchmaker that says "ready" in that file
    local file=$1
    shift
    "$godwit" matchmaker --insecure "$@" >"$file" 2>&1 &
    processes+=($!)
    wait_for "$file" 'godwit matchmaker: ready at'
}

expect 0 '^godwit [0-9]*\.[0-9]*\.[0-9]*$' --version
expect 0 'matchmaker .*Host rendezvous points' --help
expect 0 '--listen=ADDRESS' matchmaker --help
expect 2 'a command is missing'
expect 2 'there is no command nonsense' nonsense
expect 2 'unexpected argument x' matchmaker x
expect 2 'unrecognized option' matchmaker --nonsense
expect 2 '--refresh-ms: expected a number from 50 to 3600000, got "soon"' matchmaker --refresh-ms=soon
expect 2 '--refresh-ms: expected a number' matchmaker --refresh-ms=49
expect 2 'addresses\[0\]: expected host, host:port' matchmaker --insecure --listen=a/b
expect 2 ' twice' matchmaker --insecure --listen=127.0.0.1:9 --listen=127.0.0.1:9
expect 2 'at most 7 times' matchmaker --insecure -l a -l b -l c -l d -l e -l f -l g -l h
expect 2 'Rendezvous 10.0.0.1 (URL): tcp beyond this host needs a realm' matchmaker --listen=10.0.0.1
expect 2 'Rendezvous 127.0.0.1 (URL): tcp at the loopback, ' matchmaker --listen=127.0.0.1
for address in 10.0.0.1 127.0.0.1 '*'; do
    expect 2 '^With a realm: .* .godwit realm accept.\. Without one, for this command: --insecure$' matchmaker --listen="$address"
done
expect 1 'cannot listen at tcp://192.0.2.1:9573: Cannot assign requested address' matchmaker --insecure -l 192.0.2.1

free_port
start "$temporary/first" --listen="127.0.0.1:$port" -v
grep -q "^godwit matchmaker: ready at 127.0.0.1:$port\$" "$temporary/first" || fail "$(cat "$temporary/first")"
expect 1 'another process hosts it' matchmaker --insecure --listen="127.0.0.1:$port"
kill -TERM "${processes[0]}"
wait "${processes[0]}" || fail "status $? after SIGTERM"
expect 1 'Cannot assign requested address' matchmaker --insecure -l "127.0.0.1:$port" -l 192.0.2.1 # not the one without the other

# Names are looked up for each connection: the machine behind one is replaced. A namespace has its own /etc/hosts.
if [[ -z ${GODWIT_IN_NAMESPACE:-} ]]; then
    if ! unshare -m true 2>/dev/null; then
        echo "no mount namespaces here: the rest is left out"
        exit 0
    fi
    GODWIT_IN_NAMESPACE=1 unshare -m bash "$0" "$@"
    exit
fi
name="godwit-rendezvous.test"
echo "127.0.0.2 $name" >"$temporary/hosts"
mount --bind "$temporary/hosts" /etc/hosts
free_port
start "$temporary/old" --listen="127.0.0.2:$port" -v
old=${processes[-1]}
mkfifo "$temporary/input"
exec 3<>"$temporary/input" # it lives as long as somebody could write to it
"$build/tests/e2e/programs/core_server" "zmq://$name:$port/?insecure=true" one <"$temporary/input" >"$temporary/server" 2>&1 &
processes+=($!)
wait_for "$temporary/old" 'joined: '
echo "127.0.0.3 $name" >"$temporary/hosts" # the same file: it is mounted
start "$temporary/new" --listen="127.0.0.3:$port" -v
kill -9 "$old"
wait_for "$temporary/new" 'joined: '
