#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Does what docs/tutorial.md says, in its order, and compares what is printed (tests/support/transcript.sh): run.sh BUILD SOURCE
#
# The terminals start in an empty folder, in which the sources of Godwit are the folder "godwit". HOME is that folder, too.
set -euo pipefail
source_folder=$2
# shellcheck source=tests/support/transcript.sh
source "$source_folder/tests/support/transcript.sh"
trap end_terminals EXIT

# shellcheck disable=SC2154 # transcript.sh has it
transcript_folder=$transcript_own/home
mkdir -p "$transcript_folder/godwit"
(cd "$source_folder" && tar --exclude='./build*' --exclude=./.git -cf - .) | tar -xf - -C "$transcript_folder/godwit"

# shellcheck disable=SC2317 # follow_page calls it
open_shell() {
    cd "$transcript_folder"
    # stdbuf: what goes to a terminal is not kept back until a buffer is full.
    HOME=$transcript_folder exec setsid stdbuf -oL bash --norc
}

follow_page "$source_folder/docs/tutorial.md"
await_terminals
echo "the tutorial is true"
