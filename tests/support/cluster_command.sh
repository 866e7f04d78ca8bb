#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# For the tests of the commands that see and call a cluster, which source it, with $1, the build folder: a cluster of their own,
# servers in it, and functions that run the commands.
# shellcheck disable=SC2034 # the tests use what is set here
godwit=$1/tools/godwit
temporary=$(mktemp -d)
declare -A processes
finish() {
    for process in "${processes[@]}"; do kill -9 "$process" 2>/dev/null || true; done
    rm -rf "$temporary"
}
trap finish EXIT
cd "$temporary" || exit
export GODWIT_URL=zmq:///cluster-command-$$ TERM=xterm LC_ALL=C.UTF-8
unset NO_COLOR COLUMNS

fail() {
    echo "$*" >&2
    exit 1
}
run() { # STATUS COMMAND ARGUMENT...: what it prints is in `said`, what it says of errors in `errors`
    local wanted=$1 status=0 input=/dev/null
    shift
    if [[ -e input ]]; then input=input; fi
    timeout 60 "$godwit" "$@" >said 2>errors <"$input" || status=$?
    rm -f input
    if [[ $status != "$wanted" ]]; then fail "godwit $*: status $status, expected $wanted: $(<said) $(<errors)"; fi
}
expect() { # TEXT [FILE]: it is there
    grep -q -- "$1" "${2:-said}" || fail "no \"$1\" in: $(<"${2:-said}")"
}
reject() { # TEXT [FILE]: it is not there
    if grep -q -- "$1" "${2:-said}"; then fail "\"$1\" is in: $(<"${2:-said}")"; fi
}
wait_for() { # FILE TEXT: until it is there, for 20 s at most
    for _ in $(seq 2000); do
        if grep -qs -- "$2" "$1"; then return; fi
        sleep 0.01
    done
    fail "no \"$2\" in: $(cat "$1")"
}
same() { # FILE: it holds what the standard input says
    diff -u - "$1" || fail "$1 is not as expected"
}
rendezvous() { # a process that hosts it, and that nobody kills
    "$godwit" matchmaker >rendezvous 2>&1 &
    processes[matchmaker]=$!
    wait_for rendezvous 'ready at'
}
serve() { # NAME ARGUMENT...: a server; its words are in NAME
    local name=$1
    shift
    "$godwit" serve "$@" --server="$name" >"$name" 2>&1 &
    processes[$name]=$!
    wait_for "$name" 'godwit serve: ready'
}
stop() { # SIGNAL NAME: it ends with 0
    local status=0
    kill "-$1" "${processes[$2]}"
    wait "${processes[$2]}" || status=$?
    unset "processes[$2]"
    if [[ $status != 0 ]]; then fail "$2: status $status after $1: $(<"$2")"; fi
}
# What is another one each time: ages, addresses, paths of sockets.
mask() { sed -E 's/ +[0-9]+ (s|min)  /   AGE  /; s|ipc://[^ ]*|ADDRESS|; s/ +$//'; }
