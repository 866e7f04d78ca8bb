#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `godwit call`, `cast`, `fanout`, `ping` and `serve`: what they send, print and return: command_call.sh BUILD SOURCE
set -euo pipefail
# shellcheck source=tests/support/cluster_command.sh
source "$2/tests/support/cluster_command.sh"
rendezvous
serve one stock
serve two stock --version=1.3
GODWIT_URL="$GODWIT_URL?without_introspection=true" serve mute mute
serve three bill --exchange=shop --namespace=billing

# ---- arguments that make no sense ----
for command in call cast fanout; do
    run 2 $command
    expect 'the TOPIC is missing' errors
    run 2 $command stock
    expect 'the METHOD is missing' errors
    run 2 $command a//b echo
    run 2 $command stock echo nonsense
    expect 'the arguments: expected KEY=TEXT or KEY:=JSON, got "nonsense"' errors
    run 2 $command stock echo a:=nonsense
    expect 'the arguments: expected JSON, got "nonsense"' errors
    run 2 $command stock echo - a=1
    expect 'expected - alone' errors
    run 2 $command stock echo - --context=-
    expect 'cannot both be the standard input' errors
    run 2 $command stock echo --retry=-1
    expect '--retry: expected a number from 0 on' errors
    run 1 $command stock echo --context=/nowhere
    expect '--context: /nowhere: No such file or directory' errors
    run 2 $command stock echo --version=new
    expect 'Version must contain a major and minor integer. Got new' errors
    run 3 $command stok echo
    expect 'did you mean stock?' errors
    run 3 $command stock echo --server=twoo
    expect "godwit $command: stock has no server twoo; did you mean two?" errors
done
echo '[1]' >input
run 2 call stock echo -
expect 'the arguments: expected a map, got list' errors
run 2 ping
expect 'the TOPIC is missing' errors
run 2 ping stock --count=0
run 3 ping stok
run 2 serve
expect 'the TOPIC is missing' errors
run 2 serve stock --version=new

# ---- call ----
run 0 call stock echo item=tea amount:=3 list:='[1, 2.5, null, true]'
[[ $(<said) == '{"item": "tea", "amount": 3, "list": [1, 2.5, null, true]}' ]] || fail "$(<said)"
cat >input <<'END'
{"item": "tea", "deep": {"a": "\u001b[31m\u009b\n"}}
END
run 0 call godwit/stock/two echo -
[[ $(<said) == '{"item": "tea", "deep": {"a": "\u001b[31m\u009b\n"}}' ]] || fail "$(<said)"
COLUMNS=40 run 0 call stock echo text=0123456789 more=0123456789 list:='[]'
same said <<'END'
{
  "text": "0123456789",
  "more": "0123456789",
  "list": []
}
END
COLUMNS=40 run 0 call stock echo text=0123456789 more=0123456789 list:='[]' --json
[[ $(wc -l <said) == 1 ]] || fail "$(<said)"
run 0 call bill echo --namespace=billing # the exchange is known
echo '{"user": "ann"}' >context
run 0 call shop/bill/three echo --namespace=billing --context=context --retry=0
cp context input
run 0 call stock/one echo --context=-
run 4 call stock fail message=$'no\033[31m tea'
expect '^godwit call: RemoteError: Remote error: FailedAsAsked no\\x1b\[31m tea (outcome RAN)' errors
reject $'\033' errors
[[ ! -s said ]] || fail "$(<said)"
run 4 call stock sleep seconds:=5 --timeout=0.3
expect 'MessagingTimeout: .*(outcome MAYBE_RUN)' errors
run 0 call stock sleep seconds:=0.01
[[ $(<said) == 0.01 ]] || fail "$(<said)"
run 4 call stock echo --version=2.0 --no-check
expect 'UnsupportedVersion' errors
run 4 call stock ecko --no-check
expect 'NoSuchMethod' errors
# Before anything is sent:
for command in call cast fanout; do
    run 2 $command stock sleep seconds=1
    expect 'args.seconds: expected double, got str; KEY=TEXT is always a text, write seconds:=JSON$' errors
    expect 'Nothing was sent. --no-check sends it all the same.' errors
    run 2 $command stock sleep
    expect 'args.seconds: missing (double): how long to sleep, up to an hour' errors
    run 2 $command stock sleep seconds:=0 second:=1
    expect 'args.second: the method has no argument of this name; did you mean seconds?' errors
    run 2 $command stock ecko
    expect 'the server has no method ecko; did you mean echo?' errors
    run 2 $command stock echo --version=2.0
    expect 'the server has no version 2.0; it serves 1.[03]' errors
done
for _ in 1 2 3 4; do run 0 call stock echo --version=1.3; done # of two versions
run 4 call stock sleep seconds=1 --no-check
expect 'args.seconds: expected double, got str (outcome REJECTED)' errors
run 0 call stock/one describe --namespace=godwit.introspection
expect '"doc": "Returns its arguments"'

# ---- cast and fanout ----
run 0 cast stock echo item=tea
[[ ! -s said && ! -s errors ]] || fail "$(<said) $(<errors)"
run 0 cast stock echo --json
[[ $(<said) == '{"sent": true}' ]] || fail "$(<said)"
run 0 fanout stock echo a:=1
sed -E 's/ +[0-9.]+ ms/  TIME/' said >masked
same masked <<'END'
SERVER  OUTCOME     TIME  RESULT
one     replied  TIME  {"a": 1}
two     replied  TIME  {"a": 1}
END
COLUMNS=200 run 4 fanout stock fail
expect '^one     failed .* FailedAsAsked as it was asked to'
run 4 fanout stock echo --version=1.3 --no-check
expect '^one     refused '
expect '^two     replied '
run 4 fanout stock fail --json
expect '"server": "one", "outcome": "failed", "seconds": [0-9.e-]*, "error": {"type": "RemoteError", "message": "[^"]*", "outcome": "RAN"}'
run 0 fanout stock echo --json
expect '^\[{"server": "one", "outcome": "replied", "seconds": [0-9.e-]*, "result": {}}, {"server": "two", '

# ---- ping ----
run 0 ping stock --count=2 --interval=0.05
for server in one two; do
    [[ $(grep -c "^godwit/stock/$server: seq=[12] time=[0-9.]* ms\$" said) == 2 ]] || fail "$(<said)"
    expect "^godwit/stock/$server     2     2  *[0-9.]*  *[0-9.]*  *[0-9.]*\$"
done
run 4 ping mute --count=1
expect '^godwit/mute/mute: seq=1 no introspection, but it answered: time=[0-9.]* ms$'
expect '^godwit/mute/mute     1     1 '
run 0 ping stock/one --count=1 --json
expect '^\[{"exchange": "godwit", "topic": "stock", "server": "one", "sent": 1, "received": 1, "min_ms": '
"$godwit" ping stock/one --count=1000000 --interval=0.01 >pinging 2>&1 &
ping=$!
wait_for pinging 'seq=3 '
kill -INT $ping
wait $ping || fail "ping after SIGINT: status $?"
expect '^godwit/stock/one ' pinging
kill -STOP "${processes[one]}"
status=0
"$godwit" ping stock/one --count=1 --timeout=0.5 >said 2>errors || status=$?
kill -CONT "${processes[one]}"
[[ $status == 4 ]] || fail "a stopped server: status $status: $(<said)"
expect '^godwit/stock/one     1     0       -       -       -$'

# ---- serve ends in order ----
stop INT two
stop TERM one
stop TERM three
stop INT mute
run 3 call stock echo
expect 'there are no servers in the cluster' errors
"$godwit" serve stock --server=json --json >json 2>&1 &
processes[json]=$!
wait_for json '^{"topic": "stock", "server": "json"}$'
stop TERM json
echo passed
