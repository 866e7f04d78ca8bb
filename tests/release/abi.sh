#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The library and the headers of the working tree beside those of the last release (docs/abi.md): abi.sh BUILD SOURCE
#
# Within a series there are only additions. In another one anything may have changed, but then the SONAME is another one.
# shellcheck source=tests/release/release.sh
. "$(dirname "$0")/release.sh"
library=$build/libgodwit.so released=$release/build/libgodwit.so
lists=$release/abi
status=0
wrong() {
    echo "$*" >&2
    status=1
}

soname() { # LIBRARY
    readelf --dynamic "$1" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p'
}

if [[ $(soname "$library") != libgodwit.so.$(series_of "$now") ]]; then
    wrong "the SONAME of version $now is $(soname "$library"), not libgodwit.so.$(series_of "$now")"
fi

mkdir -p "$lists"
if [[ $new_series && $(soname "$library") == "$(soname "$released")" ]]; then
    wrong "$version and $now may differ in their ABI, and have the same SONAME"
fi
if [[ $new_series ]]; then
    echo "$now is of another series than $version"
    exit $status
fi

echo "--- structs, constants, macros"
list() { # OF WITH OUTPUT: what the headers in OF have, as the headers in WITH have it
    "$source/tests/release/list-headers" "$1" >"$lists/$3.c"
    "$CC" -std=c11 -I"$2" "$lists/$3.c" -o "$lists/$3" && "$lists/$3" >"$lists/$3.list"
}
list "$release/source/include" "$release/source/include" released
list "$source/include" "$source/include" now
if list "$release/source/include" "$source/include" both; then
    awk -v version="$version" '
        function wrong(text) { print text > "/dev/stderr"; is_wrong = 1 }
        FILENAME ~ /\/released\.list$/ { then[$1 " " $2] = $0; if ($3 == "size") size[$2] = $4; next }
        FILENAME ~ /\/both\.list$/ && $1 == "grows" {
            if ($4 < size[$2]) wrong($2 " is smaller than in " version ": " $4 " bytes, not " size[$2])
            next
        }
        FILENAME ~ /\/both\.list$/ {
            if ($0 != then[$1 " " $2]) wrong("of " version ": " then[$1 " " $2] "\n   now: " $0)
            next
        }
        # A program of the release leaves the padding of its structs undefined: nothing may be read from there.
        $1 == "member" && !($1 " " $2 in then) {
            split($2, name, ".")
            if (name[1] in size && $4 < size[name[1]])
                wrong($2 " is not behind what " name[1] " was in " version ": " size[name[1]] " bytes")
        }
        END { exit is_wrong }
    ' "$lists"/{released,both,now}.list || status=1
else
    wrong "the headers of $now do not have all that those of $version had (see above)"
fi
if ((status == 0)); then echo "$(wc -l <"$lists/released.list") members, sizes and constants are as in $version"; fi

echo "--- functions, variables, enums"
if command -v abidiff >/dev/null; then
    abidiff --no-added-syms --suppressions "$source/tests/release/abi.suppr" "$released" "$library" ||
        wrong "$now is not compatible with $version (see above)"
elif [[ ${CI:-} == true ]]; then
    wrong "abidiff is not there (abigail-tools, scripts/packages-ci)"
elif ((status == 0)); then
    skip "abidiff is not there (Debian: abigail-tools)"
fi
exit $status
