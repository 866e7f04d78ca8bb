#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `godwit spool`: what it says and returns, also beside the owner: command.sh BUILD SOURCE
set -euo pipefail
build=$1
godwit=$build/tools/godwit
example=$build/tests/spool/example
temporary=$(mktemp -d)
owner=
finish() {
    if [[ $owner ]]; then kill -9 "$owner" 2>/dev/null || true; fi
    rm -rf "$temporary"
}
trap finish EXIT
cd "$temporary"

fail() {
    echo "$*" >&2
    exit 1
}
run() { # STATUS ARGUMENT...: what it prints is in `said`
    local wanted=$1 status=0
    shift
    timeout 60 "$godwit" spool "$@" >said 2>&1 </dev/null || status=$?
    if [[ $status != "$wanted" ]]; then fail "godwit spool $*: status $status, expected $wanted: $(<said)"; fi
}
expect() { # TEXT: it was printed
    grep -q -- "$1" said || fail "no \"$1\" in: $(<said)"
}

"$godwit" --help | grep -q 'spool .*Show, export and repair' || fail "godwit --help does not name it"
run 0 --help
expect 'export notify.spool --stream'
run 2
expect 'a command is missing: show, export or repair'
run 2 show
expect 'the path of a spool is missing'
run 2 explode x
expect 'there is no command explode'
run 2 show x y
expect 'unexpected argument y'
run 2 export --json x
expect '--json is for show'
run 2 show --stream=a x
expect '--stream is for export'
run 1 show nothing
expect 'godwit spool: the spool nothing: cannot find it: No such file or directory'

# The owner lives on: the three items are told beside it, and after it was killed.
mkfifo ready
"$example" "$temporary/spool" >ready &
owner=$!
read -r line <ready
[[ $line == ready ]] || fail "the owner says $line"

run 0 show spool
expect "^spool spool: owned by pid $owner (example) on .* since 20"
expect '^2 streams, 3 pools, 4 items, '
expect '^stream notifications.info: 3 items, .*, last number 4, the oldest is 2 of 20'
expect '^  pool audit: 2 not settled, the oldest is 2 of 20.*; last seen 20'
expect '^  pool dash: 2 not settled, the oldest is 3 of 20.*; last seen never'
run 0 show --json spool
expect '"path":"spool","owner":"pid '"$owner"
expect '"name":"notifications.info","last":4,"items":3,'
expect '"name":"audit","settled":1,"not_settled":2,"oldest":2,'
if command -v python3 >/dev/null; then python3 -m json.tool said >/dev/null || fail "no JSON: $(<said)"; fi

run 0 export spool
[[ $(wc -l <said) == 4 ]] || fail "expected 4 lines: $(<said)"
expect '^{"stream":"casts.orders","number":1,"value":{"oslo.version":"2.0"}}$'
expect '^{"stream":"notifications.info","number":2,"notification":{"context":{},"publisher_id":"shop","event_type":"sold","priority":"INFO","payload":{"item":"tea"},"message_id":"1","timestamp":"2"}}$'
expect '^{"stream":"notifications.info","number":3,"base64":"AP8="}$'
expect '^{"stream":"notifications.info","number":4,"base64":"kcQBeA=="}$' # binary data in it
run 0 export --stream casts.orders spool
[[ $(wc -l <said) == 1 ]] || fail "expected 1 line: $(<said)"
run 1 export --stream nonsense spool
expect 'there is no stream nonsense'
run 1 repair spool
expect "owned by pid $owner (example) on .* end that process"

kill -9 "$owner"
wait "$owner" 2>/dev/null || true
owner=
run 0 show spool
expect '^spool spool: nobody owns it'
run 0 repair spool
expect '^nothing is wrong with spool$'
cp spool whole

# Page 2 holds the items.
dd if=/dev/zero of=spool bs=4096 seek=1 count=1 conv=notrunc status=none
run 1 export spool
expect 'godwit spool: the spool .*/spool is damaged: .* .godwit spool repair .*/spool. saves'
run 3 repair spool
expect 'is damaged: '
expect '^kept: 0 items$'
expect '^lost: 4 items$'
expect "^the damaged file is $temporary/spool-damaged-1 now\$"
run 0 show spool
expect '^2 streams, 3 pools, 0 items'
cmp -n 4096 spool-damaged-1 whole || fail "the damaged file was changed"

# Names are those of others: on a terminal they are no more than text, and in JSON they are UTF-8.
"$build/tests/spool/names" names || fail "no spool is made"
run 0 show names
expect '^stream a\\x1b\[2J\\x0astream b\\xff: 1 items'
expect '^  pool p\\x0a  pool q: 0\\xc2\\x9b: 1 not settled'
if grep -q $'\033' said || [[ $(wc -l <said) != 4 ]]; then fail "control characters: $(<said)"; fi
run 0 show --json names
expect '"name":"a\\u001B\[2J\\nstream b\\\\xff"'
if command -v python3 >/dev/null; then python3 -m json.tool said >/dev/null || fail "no JSON: $(<said)"; fi
run 0 export names
expect '^{"stream":"a\\u001B\[2J\\nstream b\\\\xff","number":1,"base64":"eA=="}$'
run 0 export --stream $'a\033[2J\nstream b\xff' names
[[ $(wc -l <said) == 1 ]] || fail "expected 1 line: $(<said)"
run 1 export --stream $'a\033[2J' names
if grep -q $'\033' said; then fail "control characters: $(<said)"; fi

echo "a letter" >letter
run 1 show letter
expect 'is damaged'
run 1 repair letter
expect 'nothing can be read of it; it stays as it is'
[[ $(<letter) == "a letter" && ! -e letter-damaged-1 ]] || fail "the letter was changed"
rm -f spool-saved*
[[ ! -e letter-saved && ! -e letter-saved-copy ]] || fail "files are left: $(ls)"
