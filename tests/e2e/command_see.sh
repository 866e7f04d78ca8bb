#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `godwit ls` and `godwit watch`: what they print, as a table and as JSON, on a terminal and in a pipe; what they say when there
# is nothing; servers that are killed: command_see.sh BUILD SOURCE
set -euo pipefail
# shellcheck source=tests/support/cluster_command.sh
source "$2/tests/support/cluster_command.sh"

# ---- nothing is there, and nobody knows ----
run 3 ls
expect "^godwit ls: there are no servers in the cluster $GODWIT_URL\$" errors
run 3 ls --json
[[ $(<said) == '[]' ]] || fail "$(<said)"
run 1 ls --url='zmq://127.0.0.1:9/?insecure=true' --timeout=0.3
expect 'it is not known which servers there are: .*127.0.0.1:9' errors
expect 'Start one with .godwit matchmaker., or name another with --url' errors
run 2 ls --url=nonsense
run 2 ls a b
expect 'unexpected argument b' errors
run 2 ls a//b
expect 'PATTERN: expected \[EXCHANGE/\]TOPIC\[/SERVER\], got "a//b"' errors
run 2 ls --color=blue
expect '--color: expected auto, always or never, got "blue"' errors
run 2 ls --timeout=0
run 2 watch --for=soon

# ---- a list ----
rendezvous
serve one stock
serve two stock --version=2.1
serve three bill --exchange=shop --namespace=billing
run 0 ls
mask <said >masked
same masked <<'END'
EXCHANGE  TOPIC  SERVER  STATE  PATH  AGE  VERSIONS     ADDRESS
godwit    stock  one     up     ipc   AGE  1.0          ADDRESS
godwit    stock  two     up     ipc   AGE  2.1          ADDRESS
shop      bill   three   up     ipc   AGE  billing 1.0  ADDRESS
END
for pattern in stock godwit/stock 'st*' 'godwit/*' 'stock/*' 'godwit/stock/*'; do
    run 0 ls "$pattern"
    [[ $(awk 'NR > 1 {printf "%s ", $3}' said) == 'one two ' ]] || fail "$pattern: $(<said)"
done
run 0 ls stock/two
[[ $(awk 'NR > 1 {print $3}' said) == two ]] || fail "$(<said)"
run 0 ls '*' --json
for text in '"exchange": "godwit"' '"topic": "stock"' '"server": "two"' '"state": "up"' '"path": "ipc"' '"own": false' \
    '"addresses": \["inproc://[^"]*", "ipc://[^"]*"\]' '"serves": \[{"namespace": null, "version": "2.1"}\]' \
    '"serves": \[{"namespace": "billing", "version": "1.0"}\]' '"source": "rendezvous"' '"since": [0-9]*,' \
    '"instance": "[0-9a-f]*"' '"incarnation": [0-9]*,'; do
    expect "$text"
done
[[ $(wc -l <said) == 1 ]] || fail "not one line: $(<said)"
perl -MJSON::PP -e 'local $/; my $list = decode_json (<STDIN>); die unless @$list == 3' <said || fail "no JSON: $(<said)"

# ---- names that are near ----
run 3 ls stok
expect '^godwit ls: no server matches stok; did you mean stock?$' errors
run 3 ls stock/tow
expect 'no server matches stock/tow; did you mean stock/two' errors
run 3 ls godwit/stock/ones
expect 'did you mean godwit/stock/one' errors
run 3 ls nothing-like-it
expect 'no server matches nothing-like-it; the topics there are: bill and stock$' errors
run 3 ls $'st\033[31mok'
expect 'no server matches st\\x1b\[31mok' errors
reject $'\033' errors

# ---- width and colours ----
for width in 40 60 80 200; do
    COLUMNS=$width run 0 ls
    [[ $(awk '{if (length ($0) > longest) longest = length ($0)} END {print longest}' said) -le $width ]] || fail "$width: $(<said)"
done
COLUMNS=200 run 0 ls stock/one
reject '~' # nothing is cut off
COLUMNS=70 run 0 ls stock/one
expect '~$'
run 0 ls --color=always
expect $'\033\\[32mup\033\\[0m'
reject $'\033' errors
if command -v script >/dev/null; then
    on_terminal() { # VARIABLES: what `godwit ls` prints on a terminal is in `typescript`
        : >typescript
        env "$@" script -qfec "stty cols 70; '$godwit' ls stock/one" typescript >/dev/null 2>&1 </dev/null
    }
    on_terminal A=B
    expect $'\033\\[32mup' typescript
    expect '~' typescript # 70 columns
    for variable in NO_COLOR=1 TERM=dumb; do
        on_terminal $variable
        expect 'one  *up ' typescript
        reject $'\033\\[32m' typescript
    done
    on_terminal NO_COLOR=
    expect $'\033\\[32mup' typescript
fi
"$godwit" ls | head -n 1 >said # a reader that goes is no error
expect '^EXCHANGE'
status=0
"$godwit" ls >/dev/full 2>errors || status=$?
[[ $status == 1 ]] || fail "a full disk: status $status"
expect 'godwit ls: standard output: No space left on device' errors

# ---- watch: those that are there, one that comes, one that is killed, one that leaves ----
watch() { # NAME ARGUMENT...
    local name=$1
    shift
    "$godwit" watch "$@" >"$name" 2>"$name.err" &
    processes[$name]=$!
    wait_for "$name.err" 'servers are there'
}
watch all
watch json --json
watch stock 'stock'
for name in one two; do expect "Z  present  godwit/stock/$name  up  ipc://" all; done
serve four late
wait_for all ' joined   godwit/late/four  up '
kill -9 "${processes[two]}"
wait "${processes[two]}" 2>/dev/null || true
unset 'processes[two]'
wait_for all ' left     godwit/stock/two  - '
wait_for json '"event": "left", "server": {"exchange": "godwit", "topic": "stock", "server": "two"'
stop TERM one
wait_for all ' left     godwit/stock/one '
wait_for stock ' left     godwit/stock/one '
serve one stock
wait_for all ' joined   godwit/stock/one '
stop INT all
stop TERM json
stop INT stock
reject late stock
while read -r line; do
    perl -MJSON::PP -e 'my $event = decode_json (<STDIN>); die unless $event->{event} && $event->{time} && $event->{server}' <<<"$line" ||
        fail "no JSON: $line"
done <json
run 0 watch --for=0.2 stock
expect 'present  godwit/stock/one'
: >late.err
"$godwit" watch >late.out 2>late.err &
processes[late.out]=$!
wait_for late.err 'servers are there'
kill -9 "${processes[matchmaker]}" # the rendezvous itself: the others find each other again, and nobody has left
wait "${processes[matchmaker]}" 2>/dev/null || true
unset 'processes[matchmaker]'
serve five stock
wait_for late.out ' joined   godwit/stock/five '
stop INT late.out
reject ' left ' late.out
echo passed
