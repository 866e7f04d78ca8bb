#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What programs, URLs, files and peers of the last release know by name or as bytes is as it was: names.sh BUILD SOURCE
# Options (docs/options.md, which unit.options_doc compares with the source), unless the series is another one, and frames
# (tests/golden).
# shellcheck source=tests/release/release.sh
. "$(dirname "$0")/release.sh"
status=0
wrong() {
    echo "$*" >&2
    status=1
}

# Each row of the tables of options: its name, where it can be set, and its default.
options() { # SOURCE
    awk -F ' *\\| *' '/^\| *`/ { gsub(/`/, "", $2); print $2 "|" $3 "|" $5 }' "$1/docs/options.md"
}

echo "--- options"
count=0
while IFS='|' read -r name places default; do
    count=$((count + 1))
    mapfile -t rows < <(options "$source" | grep "^$name|")
    found=''
    for row in "${rows[@]}"; do
        IFS='|' read -r _ now_places now_default <<<"$row"
        missing=''
        while read -r place; do
            if [[ ", $now_places," != *", $place,"* ]]; then missing=$place; fi
        done < <(tr ',' '\n' <<<"$places" | sed 's/^ *//')
        if [[ ! $missing && $now_default == "$default" ]]; then found=1; fi
    done
    if [[ ! $found ]]; then
        echo "the option $name of $version ($places; default $default) is now: ${rows[*]:-gone}" >&2
        if [[ ! $new_series ]]; then status=1; fi
    fi
done < <(options "$release/source")
echo "$count options"
if ((count < 20)); then wrong "docs/options.md of $version: only $count options were found"; fi

echo "--- golden frames"
count=0
for file in "$release"/source/tests/golden/*.hex; do
    count=$((count + 1))
    cmp "$file" "$source/tests/golden/$(basename "$file")" || wrong "the frame $(basename "$file" .hex) of $version has changed"
done
echo "$count frames"
if ((count < 20)); then wrong "tests/golden of $version: only $count frames were found"; fi
exit $status
