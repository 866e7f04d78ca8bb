#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Listens to the wire between two hosts while there is a call and a fanout. With a realm nothing of them can be read: no topic, no
# method, no argument, no payload, no certificate. Without one all of it can, which shows that we look right: capture.sh BUILD SOURCE
set -euo pipefail
build=$1
# shellcheck source=examples/hosts.sh
source "$2/examples/hosts.sh"
godwit=$build/tools/godwit
talk=$build/tests/e2e/programs/talk
wait_limit_s=20
url=zmq://10.0.0.1/

skip() {
    echo "capture: skipped: $*"
    if [[ ${CI:-} == true ]]; then exit 1; fi
    exit 77
}
if ! command -v tshark >/dev/null; then skip 'there is no program "tshark" (Debian: tshark)'; fi
if ! hosts_are_possible; then skip "$why_no_hosts"; fi

folder=$(mktemp -d)
declare -A processes=()
finish() {
    local process
    for process in "${processes[@]}"; do kill -KILL "$process" 2>/dev/null || true; done
    hosts_end
    wait
    rm -rf "$folder"
}
trap finish EXIT
hosts_make 2 "$folder"

fail() {
    echo "capture: $*" >&2
    tail -n 20 "$folder"/*.out >&2
    exit 1
}
wait_for() { # FILE TEXT: until it is there
    local deadline=$((SECONDS + wait_limit_s))
    until grep -aqF -- "$2" "$1" 2>/dev/null; do
        if ((SECONDS > deadline)); then fail "no \"$2\" in $1"; fi
        sleep 0.02
    done
}
start() { # HOST NAME COMMAND...: what it prints is in NAME.out
    enter "$1"
    # shellcheck disable=SC2154 # hosts.sh has it
    "${entrance[@]}" "${@:3}" >"$folder/$2.out" 2>&1 &
    processes[$2]=$!
}
stop() { # SIGNAL NAME
    kill "-$1" "${processes[$2]}"
    wait "${processes[$2]}" || true
    unset "processes[$2]"
}

# Everything on the cable between both hosts: the rendezvous, the call and the fanout.
capture() { # FILE WORD SERVER_QUERY CLIENT_QUERY [MATCHMAKER_OPTION...]
    : >"$1"
    start host-1 tshark tshark -q -i to-2 -F pcapng -w "$1"
    await_capture "$1" begin
    start host-1 rendezvous "$godwit" matchmaker --listen=10.0.0.1 "${@:5}"
    wait_for "$folder/rendezvous.out" ready
    start host-1 server "$talk" serve "$url?$3" "$2"
    wait_for "$folder/server.out" ready
    on host-2 timeout "$wait_limit_s" "$talk" ask "$url?$4" "$2" >"$folder/client.out" 2>&1 || fail "the client failed"
    wait_for "$folder/server.out" fanout
    grep -qxF "$2-reply, 1 reached" "$folder/client.out" || fail "the client got something else"
    await_capture "$1" end
    stop TERM server
    stop TERM rendezvous
    stop INT tshark
}

# What is sent now is in the file from now on, and so is what was sent before.
await_capture() { # FILE WORD
    local deadline=$((SECONDS + wait_limit_s))
    until grep -aqF -- "marker-$2-$$" "$1"; do
        if ((SECONDS > deadline)); then fail "tshark writes nothing"; fi
        on host-2 bash -c "echo marker-$2-$$ >/dev/udp/10.0.0.1/9" || true
        sleep 0.05
    done
}

# As it is, as hexadecimal digits, and in base64 at each of its three alignments.
forms_of() { # WORD
    local padding form
    printf '%s\n' "$1"
    printf %s "$1" | od -An -v -tx1 | tr -d ' \n'
    echo
    for padding in '' x xx; do
        form=$(printf %s "$padding$1" | base64 -w0)
        # The first and the last digits depend on what stands beside the word.
        form=${form:$(((${#padding} * 8 + 5) / 6))}
        form=${form%%=*}
        printf '%s\n' "${form%?}"
    done
}
holds() { # FILE WORD: true if it is there in any form
    forms_of "$2" | grep -aqiF -f - "$1"
}
traffic_of() { # FILE: bytes of TCP between both hosts
    tshark -r "$1" -T fields -e tcp.len -Y tcp 2>/dev/null | awk '{sum += $1} END {print sum + 0}'
}

words=(topic call fanout argument payload reply context)
failed=0
check() { # holds|lacks FILE WORD
    local found=lacks
    if holds "$2" "$3"; then found=holds; fi
    if [[ $found != "$1" ]]; then
        echo "capture: $(basename "$2") $found \"$3\"" >&2
        failed=1
    fi
}

cd "$folder"
"$godwit" realm init prod >/dev/null
"$godwit" realm issue certified-server --serve='*/*' --host --to=server.member >/dev/null
"$godwit" realm issue certified-client --call='*/*' --publish='*/*' --to=client.member >/dev/null

capture "$folder/secured.pcapng" overheard "realm=$folder/server.member" "realm=$folder/client.member" \
    --realm="$folder/server.member"
grep -qxF "call from certified-client" server.out || fail "the server was not told who called"
capture "$folder/insecure.pcapng" understood "realm=none&insecure=true" "realm=none&insecure=true" --realm=none --insecure

for word in "${words[@]}"; do
    check lacks secured.pcapng "overheard-$word"
    check holds insecure.pcapng "understood-$word"
done
for word in certified-server certified-client; do check lacks secured.pcapng "$word"; done
check holds secured.pcapng CURVE # the greeting, which is in the clear
secured=$(traffic_of secured.pcapng)
insecure=$(traffic_of insecure.pcapng)
if ((secured <= insecure || insecure == 0)); then fail "the traffic is missing: $secured and $insecure bytes"; fi
if ((failed)); then exit 1; fi
echo "of $secured bytes none can be read; of $insecure bytes without a realm all ${#words[@]} words can"
