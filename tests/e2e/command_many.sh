#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `godwit ls` with 200 servers: they are all there, and it takes less than 300 ms: command_many.sh BUILD SOURCE
set -euo pipefail
# shellcheck source=tests/support/cluster_command.sh
source "$2/tests/support/cluster_command.sh"
build=$1
rendezvous
mkfifo stay
exec 3<>stay
"$build/tests/e2e/programs/many_servers" "$GODWIT_URL" 200 20 <stay >many 2>&1 &
processes[many]=$!
wait_for many up
for _ in $(seq 500); do # until the rendezvous has been told of all
    run 0 ls
    if [[ $(wc -l <said) == 201 ]]; then break; fi
done
[[ $(wc -l <said) == 201 ]] || fail "$(wc -l <said) lines"

# The best of ten: other programs run on this machine, too.
best=1000000
for _ in $(seq 10); do
    before=${EPOCHREALTIME/[.,]/}
    run 0 ls
    took=$((${EPOCHREALTIME/[.,]/} - before))
    if ((took < best)); then best=$took; fi
done
echo "ls with 200 servers: $best us"
limit=300000
if [[ ${GODWIT_SANITIZE:-} ]]; then limit=3000000; fi
((best < limit)) || fail "it takes $best us, expected less than $limit"
run 0 ls topic7
[[ $(wc -l <said) == 11 ]] || fail "$(<said)"
run 3 ls topic77
expect 'did you mean topic7, topic10 or topic11?\|did you mean topic17, topic7' errors
echo passed
