#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What all commands of `godwit` have in common: they are listed, each has a help text with examples, and a manual page; near names
# are suggested; each example of the commands that join a cluster is run: command_help.sh BUILD SOURCE
set -euo pipefail
# shellcheck source=tests/support/cluster_command.sh
source "$2/tests/support/cluster_command.sh"
source=$2

# ---- the list ----
run 0 --help
cp said help
[[ ! $(awk 'length ($0) > 80' help) ]] || fail "too wide: $(awk 'length ($0) > 80' help)"
for title in 'See the cluster:' 'Call, send and listen:' 'Run and administer:' 'For your shell:'; do expect "^$title\$" help; done
mapfile -t commands < <(sed -nE 's/^  ([a-z]+)  +[A-Z].*/\1/p' help)
((${#commands[@]} >= 13)) || fail "too few commands: ${commands[*]}"
run 2
expect 'a command is missing' errors

# ---- each command ----
examples() { # COMMAND: the lines of its examples
    "$godwit" "$1" --help | awk '/^Examples:/ {on = 1; next} on && /^  / {sub (/^  /, ""); print; next} on && /^[^ ]/ {exit}'
}
for command in "${commands[@]}"; do
    run 0 "$command" --help
    [[ ! $(awk 'length ($0) > 80' said) ]] || fail "$command: too wide: $(<said)"
    [[ $(examples "$command") == *"godwit $command"* ]] || fail "$command: no examples: $(<said)"
    page=$source/tools/godwit/godwit-$command.1
    [[ -s $page ]] || fail "there is no $page"
    grep -q "godwit.-$command (1)" "$source/tools/godwit/godwit.1" || fail "godwit.1 does not name $command"
    while IFS= read -r option; do
        case $option in help | usage | version) continue ;; esac
        sed 's/\\-/-/g' "$page" | grep -q -- "--$option" || fail "$page does not tell of --$option"
    done < <(sed -nE 's/^ .*--([a-z-]+).*  +[A-Z].*/\1/p' said | sort -u)
done
for command in ls ping watch call cast fanout serve; do
    run 0 "$command" --help
    for option in url=URL timeout=SECONDS json color=WHEN; do expect "--$option"; done
    expect 'Exit status: 0; 1 for a failure'
done

# ---- what was not meant ----
run 2 lss
expect '^godwit: there is no command lss; did you mean ls?$' errors
run 2 matchmaker --lisen=a
expect "^godwit matchmaker: unrecognized option '--lisen'; did you mean --listen?\$" errors
run 2 call a b --timout 3
expect "did you mean --timeout?" errors
run 2 nonsense
expect '^godwit: there is no command nonsense$' errors
run 2 ls --nonsense
expect "^godwit ls: unrecognized option '--nonsense'\$" errors
run 3 ls --tim 0.5 # a name may be cut short
run 3 ls -- --nonsense
run 0 ls --version
expect '^godwit [0-9]'

# ---- the examples ----
rendezvous
serve one stock
serve two stock
PATH=$(dirname "$godwit"):$PATH
try() { # LINE
    local status=0
    timeout --foreground -s INT 20 bash -c "$1" >said 2>errors </dev/null || status=$?
    [[ $status == 0 ]] || fail "$1: status $status: $(<said) $(<errors)"
}
mkdir work
cd work
tried=0
for command in ls ping watch call cast fanout completion; do
    while IFS= read -r line; do
        try "$line"
        tried=$((tried + 1))
    done < <(examples $command)
done
((tried >= 17)) || fail "only $tried examples"
[[ -s _godwit && -s godwit.fish ]] || fail "$(ls)"
cd ..
number=0
while IFS= read -r line; do # these run until a signal comes
    number=$((number + 1))
    bash -c "exec $line" >"example$number" 2>&1 &
    processes[example$number]=$!
    wait_for "example$number" 'godwit serve: ready'
    stop INT "example$number"
done < <(examples serve)
((number == 3)) || fail "$number examples of serve"
echo passed
