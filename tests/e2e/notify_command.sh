#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `godwit notify` and `godwit events`, with real processes: each option, what they say and return, and how they end:
# notify_command.sh BUILD SOURCE
set -euo pipefail
build=$1
godwit=$build/tools/godwit
temporary=$(mktemp -d)
declare -A processes
finish() {
    for process in "${processes[@]}"; do kill -9 "$process" 2>/dev/null || true; done
    rm -rf "$temporary"
}
trap finish EXIT
cd "$temporary"
export GODWIT_URL=zmq:///notify-command-$$
unset NO_COLOR

fail() {
    echo "$*" >&2
    exit 1
}
run() { # STATUS COMMAND ARGUMENT...: what it prints is in `said`
    local wanted=$1 status=0
    shift
    timeout 60 "$godwit" "$@" >said 2>&1 </dev/null || status=$?
    if [[ $status != "$wanted" ]]; then fail "godwit $*: status $status, expected $wanted: $(<said)"; fi
}
expect() { # TEXT [FILE]: it is there
    grep -q -- "$1" "${2:-said}" || fail "no \"$1\" in: $(<"${2:-said}")"
}
reject() { # TEXT FILE: it is not there
    if grep -q -- "$1" "$2"; then fail "\"$1\" is in: $(<"$2")"; fi
}
wait_for() { # FILE TEXT: until it is there, for 20 s at most
    for _ in $(seq 2000); do
        if grep -qs -- "$2" "$1"; then return; fi
        sleep 0.01
    done
    fail "no \"$2\" in: $(cat "$1")"
}
listen() { # NAME ARGUMENT...: `godwit events` that listens; lines are in NAME, messages in NAME.err
    local name=$1
    shift
    "$godwit" events "$@" >"$name" 2>"$name.err" &
    processes[$name]=$!
    wait_for "$name.err" 'godwit events: listens to'
}
ended() { # STATUS NAME: it ends by itself
    local status=0
    wait "${processes[$2]}" || status=$?
    unset "processes[$2]"
    if [[ $status != "$1" ]]; then fail "$2: status $status, expected $1: $(<"$2") $(<"$2.err")"; fi
}
stop() { # SIGNAL NAME
    kill "-$1" "${processes[$2]}"
    ended 0 "$2"
}
send() { run 0 notify "$@"; } # it is acknowledged
begin_send() { # NAME ARGUMENT...: what it says is in NAME
    local name=$1
    shift
    "$godwit" notify --timeout 60 "$@" >"$name" 2>&1 <&0 & # without <&0 it reads nothing
    processes[$name]=$!
}
sent() { # NAME: it is acknowledged
    wait "${processes[$1]}" || fail "$1: status $?: $(<"$1")"
    unset "processes[$1]"
    expect "$id" "$1"
}
id='^[0-9a-f]\{8\}-[0-9a-f]\{4\}-4[0-9a-f]\{3\}-[89ab][0-9a-f]\{3\}-[0-9a-f]\{12\}$'

# ---- arguments ----
run 0 --help
expect 'notify .*Send a notification'
expect 'events .*Listen to notifications'
run 0 notify --help
expect 'godwit notify disk.full path=/var free:=0'
run 0 events --help
expect 'godwit events --count 1 --for 30'
run 2 notify
expect 'the EVENT_TYPE is missing'
run 2 notify ''
expect 'the EVENT_TYPE is missing'
run 2 notify e --priority loud
expect '--priority: expected audit, debug, info, warn, error, critical or sample, got "loud"'
run 2 notify e --timeout 0
expect '--timeout: expected a number of seconds above 0, such as 2.5, got "0"'
run 2 notify e --no-wait
expect '--no-wait needs --spool'
run 2 notify e a=1 --payload '{}'
expect 'expected one payload'
run 2 notify e nonsense
expect 'the payload: expected KEY=TEXT or KEY:=JSON, got "nonsense"'
run 2 notify e a:=nonsense
expect 'the payload: expected JSON, got "nonsense": '
run 2 notify e --payload '{"a": 1'
expect '--payload: expected JSON, got '
run 2 notify e --context =x
expect '--context: expected KEY=TEXT or KEY:=JSON, got "=x"'
run 1 notify e --url nonsense://
expect 'transport driver "nonsense"'
run 2 notify e a=1 a=2
expect 'twice'
run 2 events x
expect 'unexpected argument x'
run 2 events --priority loud
expect 'got "loud"'
run 2 events --count 0
expect '--count: expected a number from 1 on, got "0"'
run 2 events --for soon
expect '--for: expected a number of seconds'
run 2 events --follow --for 1
expect '--follow does not go with --for'
run 2 events --payload nonsense
expect '--payload: expected KEY=REGEX, got "nonsense"'
run 2 events --event-type 'a('
expect 'filter.event_type: expected a POSIX extended regular expression, got "a("'

# ---- nobody listens ----
run 3 notify early --timeout 0.2
expect 'not acknowledged within 0.2 s (1 deliveries are not acknowledged; nobody listens to notifications.info)'
expect 'Start a listener (godwit events --topic notifications), wait for longer with --timeout, or keep it with --spool FILE'
reject "$id" said # what is lost has no message_id
run 3 events --for 0.2 --count 1
expect 'godwit events: 0 of 1 came'
run 0 events --for 0.2

# ---- one that listens to all, and one for each option ----
listen all --topic notifications --topic alarms
expect "^godwit events: listens to notifications, alarms in a pool of its own, events-.*-${processes[all]}: " all.err
listen json --json
listen some --priority error --priority critical
listen typed --event-type 'disk\.(full|gone)$'
listen named --publisher shop
listen keyed --payload 'state=dele' --context 'user=ann$'
listen elsewhere --exchange other
send disk.full path=/var free:=0 list:='[1, null]'
expect "$id"
send -p error disk.full.soon --publisher shop.host1 --payload '"text"'
send --priority CRITICAL vm --context user=ann --context level:=3 state=deleted
send vm --context user=anna state=deleted
send --exchange other other
send -t alarms -p warning $'ala\033[2Jrm' text=$'a\nb\033c'
echo '{"from": "a pipe"}' | timeout 60 "$godwit" notify piped - >said
expect "$id"
for name in all json some typed named keyed elsewhere; do stop INT $name; done
expect '^20[0-9-]* [0-9:.]* info     disk.full notify\.[^ ]* {"path": "/var", "free": 0, "list": \[1, null\]}$' all
expect ' error    disk.full.soon shop.host1 "text"$' all
expect ' critical vm .* {"state": "deleted"}$' all
expect ' info     piped .* {"from": "a pipe"}$' all
expect ' warn     ala\\x1b\[2Jrm ' all
[[ $(grep -c . all) == 6 ]] || fail "all: $(<all)"
reject $'\033' all # neither colours nor what a text holds
expect '"priority":"info","event_type":"disk.full","publisher_id":"notify\.[^"]*","message_id":"[0-9a-f-]*","exchange":"godwit","topic":"notifications","redeliveries":0,"context":{},"payload":{"path":"/var","free":0,"list":\[1,null\]}}$' json
expect '"context":{"user":"ann","level":3}' json
[[ $(awk '{printf "%s %s,", $3, $4}' some) == 'error disk.full.soon,critical vm,' ]] || fail "some: $(<some)"
[[ $(grep -c . some) == 2 && $(grep -c . typed) == 1 && $(grep -c . named) == 1 && $(grep -c . keyed) == 1 ]] ||
    fail "$(head some typed named keyed)"
expect ' disk.full ' typed
expect ' other ' elsewhere
[[ $(grep -c . elsewhere) == 1 ]] || fail "elsewhere: $(<elsewhere)"

# ---- colours, on a terminal only ----
if command -v script >/dev/null; then
    : >typescript
    script -qfec "'$godwit' events --count 1" typescript >/dev/null 2>&1 </dev/null &
    processes[terminal]=$!
    wait_for typescript 'listens to'
    send -p error red
    wait "${processes[terminal]}"
    unset 'processes[terminal]'
    grep -q $'\033\\[31merror' typescript || fail "no colour: $(<typescript)"
fi

# ---- a pool that is shared: two get each notification once; what was too much goes back ----
listen first --pool shared --count 2
listen second --pool shared
expect '^godwit events: listens to notifications in the pool "shared": ' second.err
for number in 1 2 3 4 5 6; do send --pool shared "event$number"; done
stop TERM second
if kill -0 "${processes[first]}" 2>/dev/null; then kill -INT "${processes[first]}"; fi
wait "${processes[first]}" || true
unset 'processes[first]'
[[ $(cut -d' ' -f4- first second | grep -o 'event[1-6]' | sort | uniq -c | grep -c '^ *1 ') == 6 ]] ||
    fail "shared: $(<first) $(<second)"

# ---- --count, --for, a pool that is waited for ----
listen counted --count 2
send one
send two
ended 0 counted
[[ $(grep -c . counted) == 2 ]] || fail "counted: $(<counted)"
run 3 notify --pool nobody --timeout 0.3 e
expect 'the pool "nobody" of notifications.info, which has 0 listeners, waits for 1 of them'
begin_send patient --pool late waited-for
listen late --pool late --count 1
sent patient
ended 0 late
expect ' waited-for ' late

# ---- with a spool: kept, and sent by the next that opens it ----
if "$godwit" notify --help | grep -q -- --spool; then
    run 1 notify e --spool /nowhere/spool
    expect 'godwit notify: the spool /nowhere/spool: '
    run 4 notify --spool spool --timeout 0.2 -t kept first
    expect 'It is kept in spool: the next program that opens this spool sends it'
    expect "$id"
    run 0 notify --spool spool --no-wait -t kept second
    expect "$id"
    listen look -t kept # takes nothing away
    send --spool spool -t kept third
    stop INT look
    "$godwit" spool show spool >said
    expect '3 items' said
    listen kept -t kept --pool audit
    send --spool spool -t kept fourth
    stop INT kept
    for event in first second third fourth; do
        [[ $(grep -c " $event " kept) == 1 ]] || fail "kept: $(<kept)"
    done
    "$godwit" spool show spool >said
    expect '0 items' said

    # What the spool has from before waits for a pool that is gone: that says nothing about a new one.
    run 4 notify --spool old --timeout 0.2 -t dead --pool audit first
    listen live -t live --pool live
    run 0 notify --spool old --timeout 20 -t live second
    stop INT live
    listen same -t dead --pool same
    run 0 notify --spool old --timeout 20 -t dead --pool same third
    run 4 notify --spool old --timeout 0.2 -t dead fourth
    expect 'the pool "audit" of dead.info has not acknowledged it'
    stop INT same
    "$godwit" spool show old >said
    expect 'pool audit: 3 not settled' said
else
    run 2 notify e --spool spool
fi

# ---- how `godwit events` ends ----
mkfifo pipe
"$godwit" events --pool piped >pipe 2>piped.err &
processes[piped]=$!
exec 3<pipe
wait_for piped.err 'listens to'
exec 3<&- # the reader goes, and nothing is written: it ends all the same
wait "${processes[piped]}" || fail "a closed pipe: status $?: $(<piped.err)"
unset 'processes[piped]'
"$godwit" events --pool full >/dev/full 2>full.err &
processes[full]=$!
wait_for full.err 'listens to'
begin_send unprinted --pool full unprinted
status=0
wait "${processes[full]}" || status=$?
unset 'processes[full]'
[[ $status == 1 ]] || fail "a full disk: status $status"
expect 'standard output: No space left on device' full.err
listen next --pool full --count 1 --for 30 # it was not acknowledged, because its line was not written
sent unprinted
ended 0 next
expect ' unprinted ' next
# Its reader reads nothing: it cannot print what has come, and only a second signal ends it.
"$godwit" events --pool stuck --json >pipe 2>stuck.err &
processes[stuck]=$!
exec 3<pipe
wait_for stuck.err 'listens to'
printf '"%0300000d"' 1 >large.json
begin_send large --pool stuck large - <large.json
read -r -t 60 -N 1 -u 3 || fail "nothing came through the pipe: $(<large)"
status=0
for _ in $(seq 400); do # until the second one has come, for 20 s at most
    if ! kill -TERM "${processes[stuck]}" 2>/dev/null; then break; fi
    sleep 0.05
done
wait "${processes[stuck]}" || status=$?
unset 'processes[stuck]'
[[ $status == 143 ]] || fail "a second signal: status $status"
listen next --pool stuck --count 1 --for 30
sent large
ended 0 next
expect ' large ' next
echo passed
