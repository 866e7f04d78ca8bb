/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments are checked against what a server tells of its methods; whatever it tells. */
#include "src/value/json.h"
#include "tests/support/must.h"
#include "tools/godwit/slots_check.h"

#include <criterion/criterion.h>
#include <string.h>

static const char described_text[] =
    "{\"endpoints\": ["
    "{\"namespace\": null, \"version\": \"1.3\", \"methods\": ["
    "{\"name\": \"add\", \"doc\": \"Adds\", \"slots\": ["
    "{\"name\": \"item\", \"type\": \"str\", \"required\": true, \"doc\": \"what is added\"},"
    "{\"name\": \"amount\", \"type\": \"int\", \"required\": false},"
    "{\"name\": \"count\", \"type\": \"uint\"}, {\"name\": \"price\", \"type\": \"double\"},"
    "{\"name\": \"tags\", \"type\": \"list\"}, {\"name\": \"more\", \"type\": \"map\"},"
    "{\"name\": \"now\", \"type\": \"bool\"}, {\"name\": \"any\", \"type\": \"value\"},"
    "{\"name\": \"new\", \"type\": \"a type of the future\"}]},"
    "{\"name\": \"unchecked\"}, {\"name\": \"none\", \"slots\": []}]},"
    "{\"namespace\": \"billing\", \"version\": \"2.1\", \"legacy_namespaces\": [\"bills\"], \"methods\": "
    "[{\"name\": \"refund\", \"slots\": "
    "[]}]}]}";

static godwit_value_t *
read_value (const char *text)
{
    godwit_value_t *value = NULL;
    MUST (godwit__json_read (&value, text, strlen (text), &error));
    return value;
}

typedef struct call {
    const char *described; /* NULL: described_text */
    const char *name_space, *version, *method, *args;
} call_t;

static void
expect (call_t call, godwit_status_t wanted, const char *message)
{
    godwit_value_t *described = read_value (call.described ? call.described : described_text);
    godwit_value_t *args = read_value (call.args ? call.args : "{}");
    godwit_error_t *error = NULL;
    const godwit_status_t status =
        slots_check (described, call.name_space, call.version, call.method, args, &error);
    cr_assert_eq (status, wanted, "%s: %s", godwit_status_type (status), godwit_error_message (error));
    if (message)
        cr_assert_str_eq (godwit_error_message (error), message);
    cr_assert_eq (error != NULL, status != GODWIT_OK);
    godwit_error_destroy (&error);
    godwit_value_unref (&args);
    godwit_value_unref (&described);
}

Test (slots_check, takes_what_fits)
{
    static const char *const fitting[] = {
        "{\"item\": \"tea\"}",
        "{\"item\": \"tea\", \"amount\": -3, \"count\": 3, \"price\": 2.5}",
        "{\"item\": \"tea\", \"price\": 2, \"tags\": [], \"more\": {}, \"now\": true}",
        "{\"item\": \"tea\", \"any\": [1], \"new\": \"whatever\"}",
        "{\"item\": \"tea\", \"amount\": null}",
    };
    for (size_t i = 0; i < sizeof fitting / sizeof *fitting; i++)
        expect ((call_t){.method = "add", .args = fitting[i]}, GODWIT_OK, NULL);
    expect ((call_t){.method = "unchecked", .args = "{\"a\": 1}"}, GODWIT_OK, NULL);
    expect ((call_t){.method = "none"}, GODWIT_OK, NULL);
    expect ((call_t){.method = "refund", .name_space = "billing", .version = "2.0"}, GODWIT_OK, NULL);
    expect ((call_t){.method = "refund", .name_space = "bills", .version = "2.0"}, GODWIT_OK, NULL);
    expect ((call_t){.method = "none", .version = "1.2"}, GODWIT_OK, NULL);
    expect ((call_t){.method = "stats", .name_space = "godwit.introspection", .args = "{\"a\": 1}"},
            GODWIT_OK, NULL);
}

Test (slots_check, says_what_is_wrong)
{
    expect ((call_t){.method = "add", .args = "{}"}, GODWIT_ERR_NOT_FOUND,
            "args.item: missing (str): what is added");
    expect ((call_t){.method = "add", .args = "{\"item\": null}"}, GODWIT_ERR_NOT_FOUND,
            "args.item: missing (str): what is added");
    expect ((call_t){.method = "add", .args = "{\"item\": \"tea\", \"amount\": \"3\"}"},
            GODWIT_ERR_TYPE_MISMATCH,
            "args.amount: expected int, got str; KEY=TEXT is always a text, write amount:=JSON");
    expect ((call_t){.method = "add", .args = "{\"item\": \"tea\", \"amount\": 2.5}"},
            GODWIT_ERR_TYPE_MISMATCH, "args.amount: expected int, got double");
    expect ((call_t){.method = "add", .args = "{\"item\": \"tea\", \"count\": -1}"}, GODWIT_ERR_TYPE_MISMATCH,
            "args.count: expected uint, got int");
    expect ((call_t){.method = "add", .args = "{\"item\": [1]}"}, GODWIT_ERR_TYPE_MISMATCH,
            "args.item: expected str, got list");
    expect ((call_t){.method = "add", .args = "{\"itme\": \"tea\"}"}, GODWIT_ERR_INVALID_ARGUMENT,
            "args.itme: the method has no argument of this name; did you mean item?");
    expect ((call_t){.method = "none", .args = "{\"a\": 1}"}, GODWIT_ERR_INVALID_ARGUMENT,
            "args.a: the method has no argument of this name");
    expect ((call_t){.method = "ad"}, GODWIT_ERR_NO_SUCH_METHOD,
            "the server has no method ad; did you mean add?");
    expect ((call_t){.method = "nothing-like-it"}, GODWIT_ERR_NO_SUCH_METHOD,
            "the server has no method nothing-like-it; the methods there are: none, unchecked and add");
    expect ((call_t){.method = "add", .version = "2.0"}, GODWIT_ERR_UNSUPPORTED_VERSION,
            "the server has no version 2.0; it serves 1.3, billing 2.1");
    expect ((call_t){.method = "add", .name_space = "shop", .version = "1.0"}, GODWIT_ERR_UNSUPPORTED_VERSION,
            "the server has no namespace shop 1.0; it serves 1.3, billing 2.1");
}

/* It comes from outside: what it does not say is not checked, and nothing in it is believed to be of a type.
 */
Test (slots_check, a_strange_description_checks_nothing)
{
    static const char *const strange[] = {
        "null",
        "[]",
        "{}",
        "{\"endpoints\": 7}",
        "{\"endpoints\": {\"a\": 1}}",
        "{\"endpoints\": [{\"methods\": 7}]}",
        "{\"endpoints\": [{\"version\": \"nonsense\", \"methods\": [{\"name\": \"add\", \"slots\": 7}]}]}",
        "{\"endpoints\": [{\"version\": 1, \"methods\": [7, {\"name\": 7}, {\"name\": \"add\"}]}]}",
        "{\"endpoints\": [{\"methods\": [{\"name\": \"add\", \"slots\": [7, {}, {\"name\": 7}, "
        "{\"name\": \"a\", \"type\": 7, \"required\": \"yes\"}]}]}]}",
    };
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++)
        expect ((call_t){.described = strange[i], .method = "add", .args = "{\"a\": 1}"}, GODWIT_OK, NULL);
}
