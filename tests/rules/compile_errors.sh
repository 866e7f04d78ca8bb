#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What must not compile does not, and its correct form does, so that it is the mistake that is refused:
# compile_errors.sh BUILD SOURCE
set -uo pipefail
cd "$2/include" || exit 1
cc=${CC:-cc}
failures=0
count=0
warned=0

compiles() { # STATEMENT FLAG...
    local statement=$1
    shift
    printf '%s\n' '#include <godwit/godwit.h>' \
        'struct all { int32_t i; const char *s; char c; char *m; long double f; short h[4]; size_t n; bool b; };' \
        'static const godwit_name_t names[] = {{"one", 1}};' \
        'static const godwit_slot_t inner[] = {GODWIT_SLOT (struct all, i)};' \
        'void test (int64_t number, const char *text, double real, void *raw, const godwit_value_t *value);' \
        'void test (int64_t number, const char *text, double real, void *raw, const godwit_value_t *value) {' \
        '(void) number; (void) text; (void) real; (void) raw; (void) value;' "$statement" '}' |
        "$cc" -std=c11 "$@" -I. -fsyntax-only -x c - 2>/dev/null
}
check() { # WRONG RIGHT: whatever the warnings are set to, unless warned is 1
    local flags=(-w)
    if ((warned)); then flags=(-Wall -Wextra -Werror); fi
    count=$((count + 1))
    if compiles "$1" "${flags[@]}"; then
        echo "compiles, and should not: $1"
        failures=$((failures + 1))
    fi
    if ! compiles "$2" -Wall -Wextra -Werror; then
        echo "does not compile, and should: $2"
        failures=$((failures + 1))
    fi
}
field() { check "godwit_field_t f = $1; (void) f;" "godwit_field_t f = $2; (void) f;"; }
slot() { check "static const godwit_slot_t s[] = {$1}; (void) s;" "static const godwit_slot_t s[] = {$2}; (void) s;"; }

field 'GODWIT_INT ("a", "text")' 'GODWIT_INT ("a", 1)'
field 'GODWIT_INT ("a", 1.5)' 'GODWIT_INT ("a", number)'
field 'GODWIT_INT ("a", text)' "GODWIT_INT (\"a\", 'x')"
field 'GODWIT_INT ("a", NULL)' 'GODWIT_INT ("a", INT64_MIN)'
field 'GODWIT_UINT ("a", "text")' 'GODWIT_UINT ("a", UINT64_MAX)'
field 'GODWIT_UINT ("a", real)' 'GODWIT_UINT ("a", 1u)'
field 'GODWIT_DOUBLE ("a", "text")' 'GODWIT_DOUBLE ("a", 1.5)'
field 'GODWIT_DOUBLE ("a", raw)' 'GODWIT_DOUBLE ("a", real)'
field 'GODWIT_STR ("a", 5)' 'GODWIT_STR ("a", "text")'
field 'GODWIT_STR ("a", 1.5)' 'GODWIT_STR ("a", text)'
field 'GODWIT_STR ("a", value)' 'GODWIT_STR ("a", (char *) raw)'
field 'GODWIT_STR ("a", raw)' 'GODWIT_STR ("a", (const char *) NULL)'
field 'GODWIT_MAP ("a", GODWIT_INT ("b", "c"))' 'GODWIT_MAP ("a", GODWIT_INT ("b", 1))'
field 'GODWIT_BOOL ("a", (struct all){0})' 'GODWIT_BOOL ("a", number > 3)'

slot 'GODWIT_SLOT (struct all, missing)' 'GODWIT_SLOT (struct all, i)'
slot 'GODWIT_SLOT (struct all, c)' 'GODWIT_SLOT (struct all, s)'
slot 'GODWIT_SLOT (struct all, m)' 'GODWIT_SLOT_OPTIONAL (struct all, s)'
slot 'GODWIT_SLOT_OPTIONAL (struct all, f)' 'GODWIT_SLOT_OPTIONAL (struct all, i)'
slot 'GODWIT_SLOT (struct all, i, GODWIT_PRESENT (struct all, i))' 'GODWIT_SLOT (struct all, i, GODWIT_PRESENT (struct all, b))'
slot 'GODWIT_SLOT_ENUM (struct all, s, names)' 'GODWIT_SLOT_ENUM (struct all, i, names)'
slot 'GODWIT_SLOT_ARRAY (struct all, h, i)' 'GODWIT_SLOT_ARRAY (struct all, h, n)'
slot 'GODWIT_SLOT_ARRAY (struct all, i, n)' 'GODWIT_SLOT_ARRAY (struct all, h, n, GODWIT_OPTIONAL)'
slot 'GODWIT_SLOT_ARRAY (struct all, s, n)' 'GODWIT_SLOT_ENUMS (struct all, h, n, names)'
slot 'GODWIT_SLOT_LIST (struct all, s)' 'GODWIT_SLOT_STRUCT (struct all, i, inner)'

check 'const godwit_target_t *t = GODWIT_TARGET (.topics = "x"); (void) t;' \
    'const godwit_target_t *t = GODWIT_TARGET (.fanout = GODWIT_YES); (void) t;'

# A number for a pointer, or one pointer for another, is only a warning for the compilers of today (in a list, a missing
# initialiser).
warned=1
field 'GODWIT_LIST ("a", 1)' 'GODWIT_LIST ("a", GODWIT_INT (NULL, 1))'
check 'godwit_fields_t f = GODWIT_ARGS (1, 2); (void) f;' \
    'godwit_fields_t f = GODWIT_ARGS (GODWIT_INT ("a", 1), GODWIT_NIL ("b")); (void) f;'
field 'GODWIT_STRN ("a", 5, 1)' 'GODWIT_STRN ("a", text, 1)'
field 'GODWIT_STRN ("a", text, text)' 'GODWIT_STRN ("a", "text", 2)'
field 'GODWIT_BIN ("a", 5, 1)' 'GODWIT_BIN ("a", raw, 1)'
field 'GODWIT_VALUE ("a", 5)' 'GODWIT_VALUE ("a", value)'
field 'GODWIT_VALUE ("a", "text")' 'GODWIT_VALUE ("a", NULL)'
field 'GODWIT_INT (5, 1)' 'GODWIT_INT (NULL, 1)'
check 'const godwit_target_t *t = GODWIT_TARGET (.topic = 5); (void) t;' \
    'const godwit_target_t *t = GODWIT_TARGET (.topic = "calc", .version = "1.0"); (void) t;'
# The attribute on what is printf-like:
check 'godwit_error_t *e = godwit_error_new (GODWIT_ERR_FAILED, "%s", number); (void) e;' \
    'godwit_error_t *e = godwit_error_new (GODWIT_ERR_FAILED, "%s", text); (void) e;'

if ((failures)); then exit 1; fi
echo "$count mistakes are refused"
