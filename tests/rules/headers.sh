#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every public header, also of the components, compiles alone, twice over, as C99, C11 and C++17 without a warning:
# headers.sh BUILD SOURCE
set -euo pipefail
cd "$2/include"

warnings=(-Wall -Wextra -Wpedantic -Wundef -Wconversion -Werror -fsyntax-only)
includes=(-I.)
for folder in ../components/*/include; do
    if [[ -d $folder ]]; then includes+=(-I"$folder"); fi
done
failures=0
compile() { # HEADER LANGUAGE COMPILER FLAG...
    local header=$1 language=$2
    shift 2
    printf '#include <%s>\n#include <%s>\nint main (void);\n' "$header" "$header" |
        "$@" "${warnings[@]}" "${includes[@]}" -x "${language%%[0-9]*}" "-std=$language" - ||
        {
            echo "^ $header as $language"
            failures=$((failures + 1))
        }
}
count=0
while read -r header; do
    compile "$header" c99 "$CC" -Wshadow -Wstrict-prototypes
    compile "$header" c11 "$CC" -Wshadow -Wstrict-prototypes
    compile "$header" c++17 "$CXX" -Wold-style-cast
    count=$((count + 1))
done < <(find . ../components/*/include -name '*.h' -printf '%P\n' | sort)

# The macros with a variable number of arguments, in their shortest and longest forms.
use() { # LANGUAGE
    printf '%s\n' '#include <godwit/godwit.h>' \
        'static godwit_status_t handler (godwit_request_t *request, void *self)' \
        '{ (void) self; return godwit_request_reply (request, GODWIT_INT (0, 1)); }' \
        'static const godwit_method_t methods[] = {GODWIT_METHOD ("a", handler, 0)};' \
        'static size_t count (const godwit_endpoint_t *endpoint)' \
        '{ return endpoint->struct_size == sizeof *endpoint ? endpoint->method_count : 0; }' \
        'static size_t sizes (const godwit_transport_options_t *a, const godwit_server_options_t *b,' \
        '    const godwit_client_options_t *c, const godwit_overrides_t *d)' \
        '{ return a->struct_size + b->struct_size + c->struct_size + d->struct_size; }' \
        'int main (void) {' \
        '    const godwit_endpoint_t some[] = {GODWIT_ENDPOINT (methods),' \
        '        GODWIT_ENDPOINT (methods, .version = "1.0", .self = 0)};' \
        '    return count (&some[0]) != 1 || count (&some[1]) != 1 || some[0].version || !some[1].version ||' \
        '        sizes (GODWIT_TRANSPORT_OPTIONS (.port = 1), GODWIT_SERVER_OPTIONS (.weight = 1),' \
        '               GODWIT_CLIENT_OPTIONS (.timeout_ms = 1), GODWIT_OVERRIDES (.topic = "a")) == 0;' \
        '}'
}
compilers=("$CC")
for other in gcc clang; do
    if command -v $other >/dev/null && [[ $(basename "$CC") != "$other" ]]; then compilers+=("$other"); fi
done
for compiler in "${compilers[@]}"; do
    for language in c99 c11; do
        use | "$compiler" "${warnings[@]}" -Wshadow -Wstrict-prototypes -Wcast-qual -I. -x c "-std=$language" - ||
            {
                echo "^ the macros as $language with $compiler"
                failures=$((failures + 1))
            }
    done
done

if ((failures || count == 0)); then exit 1; fi
echo "$count headers"
