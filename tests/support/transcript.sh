# SPDX-License-Identifier: Apache-2.0
# Does what a page of the documentation says, in its order, and compares what is printed. A script sources this, and then:
#
#     open_shell() { ... }           TERMINAL: becomes the shell of a terminal (with exec)
#     transcript_folder=FOLDER       where files of the page are written
#     follow_page PAGE [HEADING]     all of the page, or the section with this heading line ("## Five minutes")
#     await_terminals                until all that was typed has ended
#     end_terminals                  in any case
#
# A block "```c FILE" (or another language) is a file, which is written. A block "```console TERMINAL" is what is typed and seen in
# that terminal:
#   $ COMMAND   (or NAME$ COMMAND) is typed when the command before it in that terminal has ended
#   ^C          interrupts what runs there, which ends before the next block begins
#   anything else is a line that is printed; in it "…" stands for any text, and alone on a line for any number of lines
# With "```console TERMINAL unordered" the lines may come in any order.
# A line that is printed and not shown, or shown and not printed within 30 s, is an error, with the line of the page.
# shellcheck shell=bash

transcript_own=$(mktemp -d) # what this needs
transcript_folder=.
transcript_page=''
waiting_lines=() # of an unordered block
declare -A shell_of=() input_of=() seen_of=() typed_of=() skips_in=() ends_in=()
line=0 # of the page
limit=30
building_limit=400 # of a command that calls cmake: it builds the library
allowed=$limit

end_terminals() {
    local terminal
    for terminal in "${!shell_of[@]}"; do
        pkill -KILL -s "${shell_of[$terminal]}" || true # the session of the terminal: its shell, and all that it has started
    done
    rm -rf "$transcript_own"
}

fail() { # TEXT: line is the one of the page that is worked on
    printf '%s:%s: %s\n' "$transcript_page" "$line" "$1" >&2
    local terminal
    for terminal in "${!shell_of[@]}"; do
        echo "--- terminal $terminal printed:" >&2
        tail -n 25 "$transcript_own/terminal-$terminal" >&2
    done
    exit 1
}

open_terminal() { # TERMINAL
    local input
    mkfifo "$transcript_own/input-$1"
    : >"$transcript_own/terminal-$1"
    (open_shell "$1") <"$transcript_own/input-$1" >"$transcript_own/terminal-$1" 2>&1 &
    shell_of[$1]=$!
    disown
    exec {input}>"$transcript_own/input-$1"
    input_of[$1]=$input
    seen_of[$1]=0
    typed_of[$1]=0
    skips_in[$1]=""
}

printed() { # TERMINAL: the next line in `got`; false if there is none yet
    local file=$transcript_own/terminal-$1
    [[ $(wc -l <"$file") -gt ${seen_of[$1]} ]] || return 1
    got=$(sed -n "$((seen_of[$1] + 1))p" "$file")
    # What a shell that is not interactive says more than an interactive one.
    if [[ $got =~ ^bash:\ .*\ (Killed|Terminated|Segmentation\ fault) ]]; then got=${BASH_REMATCH[1]}; fi
    seen_of[$1]=$((seen_of[$1] + 1))
}

await_line() { # TERMINAL SECONDS WHAT: waits for the next line
    local deadline=$((SECONDS + $2))
    until printed "$1"; do
        if ((SECONDS > deadline)); then fail "nothing was printed for $2 s; expected: $3"; fi
        sleep 0.02
    done
}

is_line() { # PRINTED SHOWN: the printed line is the one that is shown
    local pattern
    pattern=$(sed 's/[][\\*?]/\\&/g; s/…/*/g' <<<"$2")
    # shellcheck disable=SC2053 # it is a pattern
    [[ $1 == $pattern ]]
}

expect_line() { # TERMINAL LINE
    if [[ $2 == "…" ]]; then
        skips_in[$1]=yes
        return
    fi
    while await_line "$1" "$allowed" "$2"; do
        if is_line "$got" "$2"; then
            skips_in[$1]=""
            return
        fi
        if [[ $got == "::ended ${typed_of[$1]}" ]]; then fail "the command has ended; expected: $2"; fi
        if [[ ! ${skips_in[$1]} ]]; then fail "expected: $2"$'\n'"     printed: $got"; fi
    done
}

expect_waiting_lines() { # TERMINAL: in any order
    local i
    while ((${#waiting_lines[@]})); do
        await_line "$1" "$allowed" "${waiting_lines[*]}"
        for i in "${!waiting_lines[@]}"; do
            if is_line "$got" "${waiting_lines[i]}"; then
                unset "waiting_lines[i]"
                continue 2
            fi
        done
        fail "expected: ${waiting_lines[*]}"$'\n'"     printed: $got"
    done
}

await_end() { # TERMINAL: of the command that was typed last
    [[ ${typed_of[$1]} -gt 0 ]] || return 0
    while await_line "$1" "$allowed" "the end of the command"; do
        if [[ $got == "::ended ${typed_of[$1]}" ]]; then break; fi
        if [[ ! ${skips_in[$1]} ]]; then fail "not expected, but printed: $got"; fi
    done
    skips_in[$1]=""
    typed_of[$1]=$((-typed_of[$1])) # it is known to have ended
}

type_command() { # TERMINAL COMMAND
    if ((typed_of[$1] > 0)); then await_end "$1"; fi
    typed_of[$1]=$((1 - typed_of[$1]))
    allowed=$limit
    if [[ $2 == cmake* ]]; then allowed=$building_limit; fi
    printf 'line %4s, terminal %s: %s\n' "$line" "$1" "$2"
    # shellcheck disable=SC2016 # the terminal's shell expands it
    printf '{ %s\n} </dev/null; (r=$?; echo "::ended %s"; exit $r)\n' "$2" "${typed_of[$1]}" >&"${input_of[$1]}"
}

interrupt() { # TERMINAL
    pkill -INT -P "${shell_of[$1]}" || fail "nothing runs in terminal $1"
    ends_in[$1]=yes
}

take_line() { # TERMINAL TEXT: a line of a console block
    case $2 in
        '$ '*) type_command "$1" "${2#'$ '}" ;;
        '^C') interrupt "$1" ;;
        *)
            if [[ $2 =~ ^[a-z0-9-]+\$\ (.*)$ ]]; then
                type_command "$1" "${BASH_REMATCH[1]}"
            else
                expect_line "$1" "$2"
            fi
            ;;
    esac
}

follow_page() { # PAGE [HEADING]
    local text block='' terminal='' is_unordered='' file='' is_inside=yes
    if [[ ${2:-} ]]; then is_inside=''; fi
    transcript_page=$(basename "$1")
    line=0
    while IFS= read -r text || [[ $text ]]; do
        line=$((line + 1))
        if [[ ${2:-} && ! $block && $text == '## '* ]]; then
            is_inside=''
            if [[ $text == "$2" ]]; then is_inside=yes; fi
        fi
        if [[ ! $is_inside ]]; then continue; fi
        if [[ ! $block ]]; then
            if [[ $text =~ ^\`\`\`console\ ([a-z0-9.-]+)(\ unordered)?$ ]]; then
                block=console
                terminal=${BASH_REMATCH[1]}
                is_unordered=${BASH_REMATCH[2]}
                [[ ${shell_of[$terminal]:-} ]] || open_terminal "$terminal"
            elif [[ $text =~ ^\`\`\`[a-z]+\ ([a-z][a-z_.]*)$ ]]; then
                block="file"
                file=$transcript_folder/${BASH_REMATCH[1]}
                : >"$file"
            elif [[ $text == '```console'* ]]; then
                fail "a block of a terminal without its name"
            elif [[ $text == '```'* ]]; then
                block=other
            fi
        elif [[ $text == '```' ]]; then
            expect_waiting_lines "$terminal"
            if [[ $block == console && ${ends_in[$terminal]:-} ]]; then
                await_end "$terminal"
                ends_in[$terminal]=""
            fi
            block=''
        elif [[ $block == "file" ]]; then
            printf '%s\n' "$text" >>"$file"
        elif [[ $block == console && $is_unordered ]]; then
            waiting_lines+=("$text")
        elif [[ $block == console ]]; then
            take_line "$terminal" "$text"
        fi
    done <"$1"
    if [[ ! ${!shell_of[*]} ]]; then fail "nothing is typed in it"; fi
}

await_terminals() { # all commands have ended
    local terminal
    for terminal in "${!shell_of[@]}"; do
        if ((typed_of[$terminal] > 0)); then await_end "$terminal"; fi
    done
}
