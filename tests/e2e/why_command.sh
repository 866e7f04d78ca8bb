#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `godwit why`, `slow`, `tree` and `postmortem`: three services that call each other, calls that end in all ways, and what is said of
# them: why_command.sh BUILD SOURCE
set -euo pipefail
# shellcheck source=tests/support/realm_command.sh
source "$2/tests/support/realm_command.sh"
chain=$build/examples/chain

mkdir -m 700 private
GODWIT_DIR=$PWD/private
export GODWIT_DIR
start() { # NAME PROGRAM: it is ready when it says so
    "$chain/$2" >"$1.out" 2>"$1.log" &
    processes+=($!)
    wait_for "$1.out" '^ready$'
}
order() { # OUTCOME ARGUMENT...: makes the first call; sets `id`, if it fails
    local wanted=$1
    shift
    timeout 60 "$chain/front" "$@" >front.out 2>front.log || true
    grep -q -- "$wanted" front.out || fail "front $*: $(cat front.out front.log)"
    id=$(sed -n 's/^id: \([0-9a-f]\{16\}\) (godwit why)$/\1/p' front.log)
}
fate() { # NAME: that is what `why` finds, in words and as JSON
    run 0 why "$id"
    run 0 why --json "$id"
    expect "\"fate\": *\"$1\""
}

run 3 why 0123456789abcdef
expect '^godwit why: nobody knows 0123456789abcdef'
run 2 why 0123
expect 'expected the id of a call'
run 2 why
expect 'the ID of a call or of a trace is missing'
run 3 slow
run 3 postmortem
expect 'no process of this user has left a black box here'

# Nobody is there. The client is gone when it is asked for.
timeout 60 "$build/examples/by-name/client" attic >client.out 2>client.log || true
id=$(sed -n 's/^id: \([0-9a-f]\{16\}\) (godwit why)$/\1/p' client.log)
[[ $id ]] || fail "no id: $(cat client.out client.log)"
run 0 why "$id"
expect "^call $id: godwit/.*, MessagingTimeout (outcome NOT_SENT) after "
expect '^client  client, pid [0-9]* on .* (ended)$'
expect 'waits: no server is known'
expect '^It did not run: no server has got it\.$'
fate not_sent

start back back
start middle middle

# All is well.
order '^ordered: ' --budget 5000
[[ ! $id ]] || fail "an id of a call that succeeded: $(cat front.log)"
run 0 slow
expect '^UTC  *TOOK  *SIDE  *STATUS  *ID  *METHOD$'
id=$(awk '/godwit\/stock.take/ { print $6; exit }' said)
fate succeeded
run 0 why "$id"
expect '^client  middle, pid '
expect '^server  back, pid '
expect 'handed over to ipc://'
expect 'the handler begins$'
expect '^queue .*, run .*, network and waking '

# The last one takes too long. Its caller has given it up; the handler hears of that, and ends.
order '^not ordered: ' --budget 300 --back 30000
wait_for back.out '^gave up'
run 0 tree "$id"
expect "^$id  godwit/orders.order at middle (middle, pid [0-9]*)  "
inner=$(sed -n 's/^  \([0-9a-f]\{16\}\)  godwit\/stock.take at back (back, pid [0-9]*)  .*/\1/p' said)
[[ $inner ]] || fail "no call below $id: $(<said)"
trace=$(timeout 60 "$godwit" why "$id" | sed -n 's/^trace \([0-9a-f]\{32\}\),.*/\1/p')
run 0 tree "$trace"
expect "^$id  godwit/orders.order"
run 0 tree --json "$trace"
id=$inner
fate '\(too_late\|failed\)' # its reply that it gave up, and the end of its caller's time, come at the same moment
run 0 slow --count=1 --json orders
expect '"topic": *"orders"'

# It is killed while it runs.
timeout 60 "$chain/front" --budget 20000 --back 15000 >front.out 2>front.log &
processes+=($!)
for _ in $(seq 2000); do
    if timeout 60 "$godwit" slow 2>/dev/null | grep -q 'running .*godwit/stock.take'; then break; fi
    sleep 0.01
done
run 0 slow
id=$(awk '/running .*godwit\/stock.take/ { print $6; exit }' said)
[[ $id ]] || fail "nothing runs: $(<said)"
fate runs
kill -9 "${processes[0]}"
wait "${processes[0]}" 2>/dev/null || true
wait "${processes[2]}" 2>/dev/null || true
fate died
run 0 why "$id"
expect '^server  back, pid [0-9]* on .* (dead)$'
expect 'the process was seen for the last time; the handler was running$'
expect '^The process that ran it has died meanwhile\.$'
run 0 postmortem
expect '  died   1 running  '
file=$(sed -n 's/.*  died   1 running  pid [0-9]* *//p' said)
run 0 postmortem "$file"
expect '^back, pid [0-9]* on '
expect '^it died without a word; it was last seen at '
expect "^What it was running, and waiting for: \$"
expect "died  *$id  godwit/stock.take\$"
run 0 postmortem --json "$file"
run 1 postmortem /dev/null
expect '/dev/null: expected the file of a black box$'
run 1 postmortem nofile
expect 'nofile: No such file or directory$'

# Names of others do no harm to a terminal; every example of a help does what it says.
for command in why slow tree postmortem; do
    run 0 "$command" --help
    expect '^Examples:$'
    expect '^Exit status: '
    while read -r -a words; do
        words=("${words[@]:1}")
        words=("${words[@]//5c2f0e9a81d3b764/$id}")
        words=("${words[@]//0af7651916cd43dd8448eb211c80319c/$trace}")
        words=("${words[@]//\/tmp\/godwit-1000\/blackbox-4711-aba7baef04d799cf/$file}")
        status=0
        timeout 60 "$godwit" "${words[@]}" >example 2>&1 || status=$?
        [[ $status == 0 || $status == 3 ]] || fail "${words[*]}: status $status: $(<example)"
    done < <(timeout 60 "$godwit" "$command" --help | sed -n 's/^  \(godwit .*\)/\1/p')
done
