#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Does what docs/tutorial.md says, in its order, and compares what is printed: run.sh BUILD SOURCE
#
# A block "```c FILE" (or another language) is a file, which is written. A block "```console N" is what is typed and seen in
# terminal N:
#   $ COMMAND   is typed when the command before it in that terminal has ended
#   ^C          interrupts what runs there, which ends before the next block begins
#   anything else is a line that is printed; in it "…" stands for any text, and alone on a line for any number of lines
# A line that is printed and not shown, or shown and not printed within 30 s, is an error, with the line of the page.
#
# The terminals start in an empty folder, in which the sources of Godwit are the folder "godwit". HOME is that folder, too.
set -euo pipefail
source_folder=$2
page=$source_folder/docs/tutorial.md
own=$(mktemp -d) # what this script needs
folder=$own/home
mkdir "$folder"
declare -A shell_of=() input_of=() seen_of=() typed_of=() skips_in=() ends_in=()
limit=30
building_limit=400 # of a command that calls cmake: it builds the library

end_terminals() {
    local number
    for number in "${!shell_of[@]}"; do
        pkill -KILL -s "${shell_of[$number]}" || true # the session of the terminal: its shell, and all that it has started
    done
    rm -rf "$own"
}
trap end_terminals EXIT

fail() { # TEXT: line is the one of the page that is worked on
    printf '%s:%s: %s\n' "docs/tutorial.md" "$line" "$1" >&2
    for number in "${!shell_of[@]}"; do
        echo "--- terminal $number printed:" >&2
        tail -n 25 "$own/terminal$number" >&2
    done
    exit 1
}

open_terminal() { # NUMBER
    mkfifo "$own/input$1"
    : >"$own/terminal$1"
    # stdbuf: what goes to a terminal is not kept back until a buffer is full.
    (cd "$folder" && HOME=$folder exec setsid stdbuf -oL bash --norc <"$own/input$1" >"$own/terminal$1" 2>&1) &
    shell_of[$1]=$!
    disown
    local input
    exec {input}>"$own/input$1"
    input_of[$1]=$input
    seen_of[$1]=0
    typed_of[$1]=0
    skips_in[$1]=""
}

printed() { # NUMBER: the next line in `got`; false if there is none yet
    local file=$own/terminal$1
    [[ $(wc -l <"$file") -gt ${seen_of[$1]} ]] || return 1
    got=$(sed -n "$((seen_of[$1] + 1))p" "$file")
    # What a shell that is not interactive says more than an interactive one.
    if [[ $got =~ ^bash:\ .*\ (Killed|Terminated|Segmentation\ fault) ]]; then got=${BASH_REMATCH[1]}; fi
    seen_of[$1]=$((seen_of[$1] + 1))
}

await_line() { # NUMBER SECONDS WHAT: waits for the next line
    local deadline=$((SECONDS + $2))
    until printed "$1"; do
        if ((SECONDS > deadline)); then fail "nothing was printed for $2 s; expected: $3"; fi
        sleep 0.02
    done
}

expect_line() { # NUMBER LINE
    if [[ $2 == "…" ]]; then
        skips_in[$1]=yes
        return
    fi
    local pattern
    pattern=$(sed 's/[][\\*?]/\\&/g; s/…/*/g' <<<"$2")
    while await_line "$1" "$allowed" "$2"; do
        # shellcheck disable=SC2053 # it is a pattern
        if [[ $got == $pattern ]]; then
            skips_in[$1]=""
            return
        fi
        if [[ $got == "::ended ${typed_of[$1]}" ]]; then fail "the command has ended; expected: $2"; fi
        if [[ ! ${skips_in[$1]} ]]; then fail "expected: $2"$'\n'"     printed: $got"; fi
    done
}

await_end() { # NUMBER: of the command that was typed last
    [[ ${typed_of[$1]} -gt 0 ]] || return 0
    while await_line "$1" "$allowed" "the end of the command"; do
        if [[ $got == "::ended ${typed_of[$1]}" ]]; then break; fi
        if [[ ! ${skips_in[$1]} ]]; then fail "not expected, but printed: $got"; fi
    done
    skips_in[$1]=""
    typed_of[$1]=$((-typed_of[$1])) # it is known to have ended
}

type_command() { # NUMBER COMMAND
    if ((typed_of[$1] > 0)); then await_end "$1"; fi
    typed_of[$1]=$((1 - typed_of[$1]))
    allowed=$limit
    if [[ $2 == cmake* ]]; then allowed=$building_limit; fi
    printf 'line %4s, terminal %s: %s\n' "$line" "$1" "$2"
    # shellcheck disable=SC2016 # the terminal's shell expands it
    printf '{ %s\n} </dev/null; (r=$?; echo "::ended %s"; exit $r)\n' "$2" "${typed_of[$1]}" >&"${input_of[$1]}"
}

interrupt() { # NUMBER
    pkill -INT -P "${shell_of[$1]}" || fail "nothing runs in terminal $1"
    ends_in[$1]=yes
}

mkdir "$folder/godwit"
(cd "$source_folder" && tar --exclude='./build*' --exclude=./.git -cf - .) | tar -xf - -C "$folder/godwit"

line=0
allowed=$limit
block=""
while IFS= read -r text || [[ $text ]]; do
    line=$((line + 1))
    case $block in
        "")
            if [[ $text =~ ^\`\`\`console\ ([0-9])$ ]]; then
                block=console
                number=${BASH_REMATCH[1]}
                [[ ${shell_of[$number]:-} ]] || open_terminal "$number"
            elif [[ $text =~ ^\`\`\`[a-z]+\ ([a-z][a-z_.]*)$ ]]; then
                block="file"
                file=$folder/${BASH_REMATCH[1]}
                : >"$file"
            elif [[ $text == '```console'* ]]; then
                fail "a block of a terminal without its number"
            elif [[ $text == '```'* ]]; then
                block=other
            fi
            ;;
        *)
            if [[ $text == '```' ]]; then
                if [[ $block == console && ${ends_in[$number]:-} ]]; then
                    await_end "$number"
                    ends_in[$number]=""
                fi
                block=""
            elif [[ $block == file ]]; then
                printf '%s\n' "$text" >>"$file"
            elif [[ $block == console ]]; then
                case $text in
                    '$ '*) type_command "$number" "${text#'$ '}" ;;
                    '^C') interrupt "$number" ;;
                    *) expect_line "$number" "$text" ;;
                esac
            fi
            ;;
    esac
done <"$page"

for number in "${!shell_of[@]}"; do
    if ((typed_of[$number] > 0)); then await_end "$number"; fi
done
echo "the tutorial is true"
