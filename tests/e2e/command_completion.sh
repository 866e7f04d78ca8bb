#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `godwit completion`: keys are typed into real shells, in tmux, and the screen is read: command_completion.sh BUILD SOURCE
set -euo pipefail
# shellcheck source=tests/support/cluster_command.sh
source "$2/tests/support/cluster_command.sh"

# ---- what needs no shell ----
run 2 completion
expect 'a shell is missing: bash, zsh or fish' errors
run 2 completion csh
expect 'expected bash, zsh or fish, got "csh"' errors
run 0 completion bash
cp said script.bash
bash -n script.bash
expect ' ls) candidates=(--help --url= --timeout= --json --color=) ;;' script.bash
expect ' call) candidates=(--help --context= --namespace= --version= --server= --retry= --no-check --url=' script.bash
run 0 completion zsh
cp said script.zsh
run 0 completion fish
cp said script.fish
for script in script.*; do
    for command in $("$godwit" --help | sed -nE 's/^  ([a-z]+)  +[A-Z].*/\1/p'); do expect "\b$command\b" "$script"; done
done
run 0 __complete ls st # there is no cluster yet
[[ ! -s said ]] || fail "$(<said)"
rendezvous
serve one stock
serve two stock
serve three bill --exchange=shop
# shellcheck disable=SC2016 # that it is not expanded is what is tested
serve 'four;rm -rf $(HOME)' sto\`ck\` # no shell gets to see such names
complete() { # WORD...: what it could become, in one line
    run 0 __complete "$@"
    words=$(sort said | tr '\n' ' ')
}
is() { [[ $words == "$1" ]] || fail "expected $1, got $words"; }
complete ls ''
is 'bill stock '
complete call s
is 'stock '
complete call stock/
is 'stock/one stock/two '
complete ping shop/
is 'shop/bill '
complete ls --url "$GODWIT_URL" --json b
is 'bill '
complete call stock --server=t
is 'two '
complete ls stock ''
is ''
complete serve --timeout 3 st
is 'stock '
complete nonsense ''
is ''
complete ls
is ''

command -v tmux >/dev/null || {
    echo "there is no tmux here"
    exit 77
}

# ---- shells ----
unset TMUX
export TMUX_TMPDIR=$temporary
socket=none
tmux() { command tmux -L "$socket" -f /dev/null "$@"; }
trap 'tmux kill-server 2>/dev/null || true; finish' EXIT
screen() { tmux capture-pane -p -J -t shell; }
shows() { # TEXT: until the screen does, for 20 s at most
    for _ in $(seq 400); do
        if screen | grep -qE -- "$1"; then return; fi
        sleep 0.05
    done
    fail "no \"$1\" on the screen: $(screen)"
}
begin() { # NAME COMMAND...: a shell whose prompt is "ready>"; each has a server of its own, because one takes its time to end
    tmux kill-server 2>/dev/null || true
    socket=$1
    shift
    tmux new-session -d -s shell -x 100 -y 40 env PATH="$(dirname "$godwit"):$PATH" HOME="$temporary" "$@"
    shows '^ready>'
}
type() { tmux send-keys -t shell -l -- "$1"; }
key() { tmux send-keys -t shell "$1"; }
fresh() { # an empty line on an empty screen
    key C-u
    type 'clear'
    key Enter
    for _ in $(seq 400); do
        if [[ $(screen | grep -c .) == 1 ]]; then return; fi
        sleep 0.05
    done
    fail "the screen is not empty: $(screen)"
}
becomes() { # TYPED LINE: with a Tab the line is this, and a blank if one follows
    fresh
    type "$1"
    key Tab
    type 'X' # zsh takes the blank away before some other characters
    shows "^ready> ?$2X"
}

cat >rc.bash <<'END'
PS1='ready> '
bind 'set enable-bracketed-paste off'
source script.bash
END
begin bash bash --noprofile --rcfile rc.bash -i
becomes 'godwit fan' 'godwit fanout '
becomes 'godwit ls --ti' 'godwit ls --timeout='
becomes 'godwit ls --js' 'godwit ls --json '
becomes 'godwit call sto' 'godwit call stock '
becomes 'godwit call stock/o' 'godwit call stock/one '
becomes 'godwit call stock ec' 'godwit call stock echo '
becomes 'godwit ping bi' 'godwit ping bill '
becomes 'godwit call stock --server=t' 'godwit call stock --server=two '
fresh
type 'godwit ca'
key Tab
key Tab
shows '^call +can +cast'
fresh
type 'godwit ls stock/'
key Tab
key Tab
shows '^stock/one +stock/two'
if screen | grep -qF 'rm -rf'; then fail "$(screen)"; fi
echo "bash: as typed"

if command -v zsh >/dev/null; then
    mkdir zdot
    cat >zdot/.zshrc <<END
PS1='ready> '
autoload -Uz compinit && compinit -u -D
unsetopt beep
cd $temporary
source script.zsh
END
    begin zsh env ZDOTDIR="$temporary/zdot" zsh -i
    becomes 'godwit fan' 'godwit fanout '
    becomes 'godwit ls --ti' 'godwit ls --timeout='
    becomes 'godwit call sto' 'godwit call stock '
    becomes 'godwit call stock/o' 'godwit call stock/one '
    becomes 'godwit call stock --server=t' 'godwit call stock --server=two '
    echo "zsh: as typed"
fi
if command -v fish >/dev/null; then
    mkdir -p .config/fish
    cat >.config/fish/config.fish <<END
function fish_prompt; echo 'ready> '; end
set -g fish_greeting
set -g fish_autosuggestion_enabled 0
cd $temporary
source script.fish
END
    begin fish env -u XDG_CONFIG_HOME fish -i
    becomes 'godwit fan' 'godwit fanout '
    becomes 'godwit ls --ti' 'godwit ls --timeout '
    becomes 'godwit call sto' 'godwit call stock '
    echo "fish: as typed"
fi
echo passed
