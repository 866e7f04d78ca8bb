# SPDX-License-Identifier: Apache-2.0
# For the scripts examples/*/run, which source it: starts programs, waits for what they print, and ends them.
#
#     run [BUILD FOLDER]     default: build-release beside examples/
#
# The programs of one run meet under a virtual host of their own, so that runs do not disturb each other. To watch them
# meet with no configuration at all, start them by hand, each in a terminal.
# shellcheck shell=bash

example=$(basename "$(dirname "$(realpath "$0")")")
source_folder=$(dirname "$(dirname "$(dirname "$(realpath "$0")")")")
build=$(realpath -m "${1:-$source_folder/build-release}")
programs=$build/examples/$example
: "${GODWIT_URL:=zmq:///example-$example-$$}"
# The member file of this machine, if there is one, may allow other topics only.
: "${GODWIT_REALM:=none}"
export GODWIT_URL GODWIT_REALM
wait_limit=${GODWIT_EXAMPLE_TIMEOUT_S:-20} # seconds until a line that does not come is a failure

if [[ ! -d $programs ]]; then
    echo "$example: no programs in $programs; build them:" >&2
    echo "    cmake --preset release && cmake --build build-release --target examples" >&2
    exit 1
fi

scratch=$(mktemp -d "${TMPDIR:-/tmp}/godwit-$example.XXXXXX")
declare -A pids outputs
launcher=() # the words before each program, for scripts whose programs run elsewhere
line='' # the line that the last `expect` found

end() {
    local pid
    for pid in "${pids[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null
    rm -rf "$scratch"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
    echo "$example: FAILED: $*" >&2
    exit 1
}

step() { # TEXT: what comes next, for the reader
    printf '\n== %s\n' "$*"
}

start() { # NAME PROGRAM [ARGUMENT...]
    local name=$1 fd program=$programs/$2
    if [[ $2 == /* ]]; then program=$2; fi
    shift
    printf '%-10s $ %s\n' "$name" "${1##*/} ${*:2}"
    mkfifo "$scratch/$name"
    "${launcher[@]}" "$program" "${@:2}" >"$scratch/$name" 2>&1 &
    pids[$name]=$!
    exec {fd}<"$scratch/$name"
    rm "$scratch/$name"
    outputs[$name]=$fd
}

expect() { # NAME PATTERN: passes the program's lines on until one matches the extended regular expression
    local deadline=$((SECONDS + wait_limit)) fd=${outputs[$1]} status
    while true; do
        status=0
        IFS= read -r -t "$((deadline > SECONDS ? deadline - SECONDS : 1))" -u "$fd" line || status=$?
        if ((status > 128)); then fail "$1 did not print /$2/ within $wait_limit s"; fi
        if ((status)); then fail "$1 ended before it printed /$2/"; fi
        printf '%-10s | %s\n' "$1" "$line"
        if [[ $line =~ $2 ]]; then return; fi
    done
}

finish() { # NAME [STATUS]: passes the rest of the program's lines on; it must end with the status (0)
    local status=0 fd=${outputs[$1]} rest deadline=$((SECONDS + wait_limit)) wanted=${2:-0}
    while IFS= read -r -t "$((deadline > SECONDS ? deadline - SECONDS : 1))" -u "$fd" rest || { status=$? && false; }; do
        printf '%-10s | %s\n' "$1" "$rest"
    done
    if ((status > 128)); then fail "$1 did not end within $wait_limit s"; fi
    status=0
    wait "${pids[$1]}" || status=$?
    unset "pids[$1]" "outputs[$1]"
    exec {fd}<&-
    if ((status != wanted)); then fail "$1 ended with status $status, not $wanted"; fi
}

stop() { # NAME...: asks the programs to end, as Ctrl-C would
    local name
    for name in "$@"; do kill -TERM "${pids[$name]}"; done
    for name in "$@"; do finish "$name"; done
}
