#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Does what "Five minutes" and "Rotate" of docs/security.md show, on three hosts, and compares what is printed (tests/support/transcript.sh):
# security_transcript.sh BUILD SOURCE
#
# A terminal is named HOST or HOST.NAME. It starts in the home of its host, where the programs of examples/realm are.
set -euo pipefail
build=$1
# shellcheck source=tests/support/transcript.sh
source "$2/tests/support/transcript.sh"
# shellcheck source=examples/hosts.sh
source "$2/examples/hosts.sh"
trap 'end_terminals; hosts_end' EXIT

if ! hosts_are_possible; then
    echo "security_transcript: skipped: $why_no_hosts"
    exit 77
fi
# shellcheck disable=SC2154 # transcript.sh has it
folder=$transcript_own
hosts_make 3 "$folder"
mkdir "$folder/bin"
hosts_have_ssh "$folder/bin"
ln -s "$build/tools/godwit" "$folder/bin/"
export PATH=$folder/bin:$PATH
for host in "${!host_pids[@]}"; do ln -s "$build"/examples/realm/{billing,web,backoffice} "$folder/$host/home/"; done

# shellcheck disable=SC2317 # follow_page calls it
open_shell() { # HOST[.NAME]
    enter "${1%%.*}"
    exec setsid "${entrance[@]}" bash --norc
}

for section in "## Five minutes" "## Rotate"; do follow_page "$2/docs/security.md" "$section"; done
await_terminals
echo "the page is true"
