#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The rooms of src/, the drivers and the matchmaker, and who may use whom: layers.sh BUILD SOURCE
#
# A row may use the rows below it. In a row, `>` says that a room may use what stands to its right; rooms that `|`
# separates do not know each other. An arrow is an #include, or a symbol that one object needs and another one defines. An
# arrow upward is red, and so is a circle of files inside a room, unless the room's README.md says why below "## Circles".
set -euo pipefail
build=$(realpath "$1")
cd "$2"

rows='
drivers/sim
service
notify | listener
transport
introspection
client > delivery > server > discovery > connection > runtime
drivers/inproc | drivers/zmq | drivers/zmtp | matchmaker
wire > interface > loop | blackbox > folder | serializer
realm > config > address
value > error > base
'
# These are named by one room only, whatever stands above them.
hidden='drivers/inproc drivers/zmq drivers/zmtp matchmaker'
names_hidden=transport

objects=$build/CMakeFiles/godwit_objects.dir
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Each arrow is a line: FROM TO WHAT, two files and the name that the one needs of the other.
(cd "$objects" && find src drivers matchmaker -name '*.o' -exec "${NM:-nm}" -A -P {} + 2>/dev/null) |
    sed -E 's/\.o(\[[^]]*\])?: / /' | awk '
        $3 ~ /^[TDBRCVW]$/ { definer[$2] = $1; next }
        $3 == "U" { users[++count] = $1 " " $2 }
        END {
            for (i = 1; i <= count; i++) {
                split (users[i], use, " ")
                if (use[2] in definer && definer[use[2]] != use[1]) print use[1], definer[use[2]], use[2]
            }
        }' | while read -r from to what; do
    # An object of a file that is gone stays in the build folder.
    if [[ -e $from && -e $to ]]; then echo "$from $to $what"; fi
done | sort >"$work/calls"
grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include[[:space:]]*"(src|drivers|matchmaker)/' src drivers matchmaker |
    sed -E 's/^([^:]*):[0-9]+:.*"([^"]*)".*/\1 \2 #include/' | sort >"$work/includes"

if [[ ! -s $work/calls ]]; then
    echo "layers: no arrow between objects was found below $objects" >&2
    exit 1
fi

status=0

# The folders are the rooms of the table, and each file is in one.
find src drivers matchmaker -name '*.[ch]' | sort >"$work/files"
if ! awk -v rows="$rows" -v hidden="$hidden" -v names_hidden="$names_hidden" '
    function room_of(path,   part) {
        split (path, part, "/")
        if (part[1] == "src") return part[2]
        return part[1] == "drivers" ? part[1] "/" part[2] : part[1]
    }
    BEGIN {
        row_count = split (rows, row, "\n")
        for (i = 1; i <= row_count; i++) {
            group_count = split (row[i], group, "|")
            for (g = 1; g <= group_count; g++) {
                room_count = split (group[g], room, ">")
                for (r = 1; r <= room_count; r++) {
                    name = room[r]
                    gsub (/[ \t]/, "", name)
                    if (name == "") continue
                    level[name] = i
                    group_of[name] = g
                    place[name] = r
                }
            }
        }
        hidden_count = split (hidden, list, " ")
        for (i = 1; i <= hidden_count; i++) is_hidden[list[i]] = 1
    }
    function may_use(a, b) {
        if (a == b) return 1
        if (b in is_hidden && a != names_hidden) return 0
        if (level[b] > level[a]) return 1
        return level[b] == level[a] && group_of[b] == group_of[a] && place[b] > place[a]
    }
    FILENAME ~ /files$/ {
        name = room_of($1)
        if (!(name in level)) {
            print $1 ": its folder is no room of the table in tests/rules/layers.sh"
            red = 1
        }
        next
    }
    {
        from = room_of($1)
        to = room_of($2)
        if (!(from in level) || !(to in level) || may_use(from, to)) next
        if ($3 == "#include") print $1 " includes " $2 ": " from " may not use " to
        else print $1 " uses " $3 " of " $2 ": " from " may not use " to
        red = 1
    }
    END { exit red }' "$work/files" "$work/includes" "$work/calls"; then
    status=1
fi
if find src -maxdepth 1 -name '*.[ch]' | grep .; then
    echo "^ stands in src/ itself, which holds rooms only"
    status=1
fi

# Circles inside a room, file by file. tsort says which files a circle has.
awk '
    function folder(path) { sub (/\/[^\/]*$/, "", path); sub (/^src\/value\/msgpack$/, "src/value", path); return path }
    folder($1) == folder($2) { print $1, $2 }' "$work/calls" | sort -u >"$work/inside"
tsort "$work/inside" 2>&1 >/dev/null | sed -n 's/^tsort: //p' | grep -E '\.c$' | sort -u >"$work/circle" || true
while read -r file; do
    readme=$(dirname "$file")/README.md
    if ! sed -n '/^## Circles/,$p' "$readme" 2>/dev/null | grep -qF "$(basename "$file")"; then
        echo "$file" >>"$work/unexplained"
    fi
done <"$work/circle"
if [[ -s $work/unexplained ]]; then
    echo "These arrows are in a circle of files, and no README.md says why:"
    awk 'NR == FNR { red[$1]; next } $1 in red && $2 in red { print "    " $1 " -> " $2 }' "$work/unexplained" "$work/inside"
    status=1
fi

# The drawing in the documentation is this table.
while read -r line; do
    if [[ $line ]] && ! grep -qF -- "$line" docs/architecture.md; then
        echo "docs/architecture.md does not have the row: $line"
        status=1
    fi
done <<<"$rows"

if ((status == 0)); then
    echo "$(wc -l <"$work/calls") calls and $(wc -l <"$work/includes") includes between files follow the table"
fi
exit $status
