/* SPDX-License-Identifier: Apache-2.0 */
/* Which servers a pattern means, and which names are near to one that was not found. */
#include "tools/godwit/near.h"
#include "tools/godwit/pattern.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static bool
matches (const char *text)
{
    pattern_t pattern;
    cr_assert (pattern_read (&pattern, text), "%s", text);
    return pattern_matches (&pattern, "godwit", "stock", "one");
}

Test (pattern, means_exchange_topic_and_server)
{
    static const char *const right[] = {"stock",    "st*",   "godwit/stock",     "stock/one",  "*/st?ck",
                                        "stock/o*", "*/*/*", "godwit/stock/one", "[rs]tock/*", "god*/*/o*",
                                        "*",        "*/one"};
    static const char *const wrong[] = {"stoc",      "one",         "godwit", "godwit/one",
                                        "stock/two", "a/stock/one", "St*"};
    cr_assert (matches (NULL));
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        cr_assert (matches (right[i]), "%s", right[i]);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_not (matches (wrong[i]), "%s", wrong[i]);
}

/* A name may hold what a shell would take for a wildcard. */
Test (pattern, a_name_means_itself)
{
    pattern_t pattern;
    cr_assert (pattern_read (&pattern, "a[b"));
    cr_assert (pattern_matches (&pattern, "x", "a[b", "y"));
}

Test (pattern, refuses_what_is_none)
{
    char long_text[PATTERN_PART_SIZE + 1];
    pattern_t pattern;
    memset (long_text, 'a', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    static const char *const malformed[] = {"", "/", "a/", "/a", "a//b", "a/b/c/d"};
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        cr_assert_not (pattern_read (&pattern, malformed[i]), "%s", malformed[i]);
    cr_assert_not (pattern_read (&pattern, long_text));
    cr_assert (pattern_read (&pattern, long_text + 1));
}

static void
expect (const near_t *near, const char *wanted)
{
    char *text = NULL;
    size_t size = 0;
    FILE *const to = open_memstream (&text, &size);
    cr_assert_not_null (to);
    near_print (to, near, "topics");
    fclose (to);
    cr_assert_str_eq (text, wanted, "%s", text);
    free (text);
}

static near_t
offer (const char *wanted, const char *names)
{
    near_t near = {.wanted = wanted};
    char name[200];
    for (int length; sscanf (names, "%199s%n", name, &length) == 1; names += length)
        near_offer (&near, name);
    return near;
}

Test (near, names_those_that_are_near)
{
    near_t near = offer ("stok", "bill stock ship stack stork");
    expect (&near, "; did you mean stock, stork or stack?");
    near = offer ("stok", "bill stock stock");
    expect (&near, "; did you mean stock?");
    near = offer ("comp", "completion call");
    expect (&near, "; did you mean completion?");
}

Test (near, otherwise_says_what_there_is)
{
    near_t near = offer ("zzzzzz", "bill stock ship a b");
    expect (&near, "; the topics there are: a, b, bill and 2 others");
    near = offer ("zzzzzz", "bill ship");
    expect (&near, "; the topics there are: bill and ship");
    near = offer ("zzzzzz", "");
    expect (&near, "");
}

Test (near, cleans_and_cuts_names)
{
    char name[200];
    memset (name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    near_t near = {.wanted = "zz"};
    near_offer (&near, "a\033[2J");
    near_offer (&near, name);
    cr_assert_eq (near.total, 2u);
    cr_assert_eq (strlen (near.names[1]), (size_t) NEAR_NAME_SIZE - 1);
    cr_assert_str_eq (near.names[0], "a\033[2J");
}
