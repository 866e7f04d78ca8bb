/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs, patterns, and what a list of rights allows. */
#include "src/realm/rights.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array_) (sizeof (array_) / sizeof ((array_)[0]))

/* ---- verbs ---- */

Test (realm_rights, verbs_have_names)
{
    for (unsigned i = 0; i < GODWIT__VERB_COUNT; i++) {
        const char *const name = godwit__verb_name ((godwit__verb_t) i);
        godwit__verb_t verb = GODWIT__VERB_COUNT;
        cr_assert (godwit__verb_read (&verb, name, strlen (name)), "%s", name);
        cr_assert_eq (verb, i);
    }
    cr_assert_str_eq (godwit__verb_name (GODWIT__VERB_COUNT), "");
}

Test (realm_rights, other_verbs_are_unknown)
{
    static const char *const names[] = {"", "serv", "serves", "Serve", "call ", "hos", "admin"};
    for (size_t i = 0; i < COUNT (names); i++) {
        godwit__verb_t verb = GODWIT__VERB_COUNT;
        cr_assert_not (godwit__verb_read (&verb, names[i], strlen (names[i])), "%s", names[i]);
        cr_assert_eq (verb, GODWIT__VERB_COUNT);
    }
    godwit__verb_t verb = GODWIT__VERB_COUNT;
    cr_assert_not (godwit__verb_read (&verb, "call\0more", 9));
}

/* ---- patterns ---- */

Test (realm_rights, patterns_that_are_right)
{
    static const char *const patterns[] = {"a/b",   "*/*",     "a*/b*",   "a/b/c",     "*/*/*",
                                           "a/b/*", "a/b/ad*", "g-1/b.c", "a b/c d/e", "\xc3\xa4/b"};
    for (size_t i = 0; i < COUNT (patterns); i++)
        cr_assert_null (godwit__pattern_wrong (patterns[i]), "%s: %s", patterns[i],
                        godwit__pattern_wrong (patterns[i]));
}

Test (realm_rights, patterns_that_are_wrong)
{
    static const struct {
        const char *pattern, *why;
    } rows[] = {
        {"", "expected EXCHANGE/TOPIC[/METHOD]"},
        {"a", "expected EXCHANGE/TOPIC[/METHOD]"},
        {"*", "expected EXCHANGE/TOPIC[/METHOD]"},
        {"a/b/c/d", "expected EXCHANGE/TOPIC[/METHOD]"},
        {"a/b/c/", "expected EXCHANGE/TOPIC[/METHOD]"},
        {"/b", "expected no empty part in EXCHANGE/TOPIC[/METHOD]"},
        {"a/", "expected no empty part in EXCHANGE/TOPIC[/METHOD]"},
        {"a//c", "expected no empty part in EXCHANGE/TOPIC[/METHOD]"},
        {"a/b/", "expected no empty part in EXCHANGE/TOPIC[/METHOD]"},
        {"*a/b", "expected * only at the end of EXCHANGE, TOPIC or METHOD"},
        {"a/b*c", "expected * only at the end of EXCHANGE, TOPIC or METHOD"},
        {"a/b/**", "expected * only at the end of EXCHANGE, TOPIC or METHOD"},
        {"a/b\n", "expected no control character"},
        {"a\x7f/b", "expected no control character"},
    };
    for (size_t i = 0; i < COUNT (rows); i++) {
        const char *const why = godwit__pattern_wrong (rows[i].pattern);
        cr_assert (why, "%s", rows[i].pattern);
        cr_assert_str_eq (why, rows[i].why);
    }
}

Test (realm_rights, patterns_have_a_length)
{
    char pattern[GODWIT__PATTERN_MAX + 2];
    memset (pattern, 'x', sizeof pattern);
    pattern[1] = '/';
    pattern[GODWIT__PATTERN_MAX + 1] = '\0';
    cr_assert_str_eq (godwit__pattern_wrong (pattern), "expected at most 255 bytes");
    pattern[GODWIT__PATTERN_MAX] = '\0';
    cr_assert_null (godwit__pattern_wrong (pattern));
}

/* ---- what is allowed ---- */

static bool
allows (const char *pattern, godwit__verb_t verb, const char *exchange, const char *topic, const char *method)
{
    const godwit__right_t right = {verb, pattern};
    const godwit__deed_t deed = {.verb = verb,
                                 .exchange = exchange,
                                 .topic = topic,
                                 .method = method,
                                 .method_size = method ? strlen (method) : 0};
    return godwit__rights_find (&right, 1, &deed) != NULL;
}

Test (realm_rights, a_call_needs_all_three)
{
    static const struct {
        const char *pattern;
        bool is_allowed; /* for shop/billing/refund */
    } rows[] = {
        {"shop/billing", true},
        {"shop/billing/refund", true},
        {"shop/billing/*", true},
        {"shop/billing/ref*", true},
        {"shop/billing/refund*", true},
        {"*/*", true},
        {"*/*/*", true},
        {"s*/b*/r*", true},
        {"shop/bill*", true},
        {"shop/billing/refunds", false},
        {"shop/billing/refun", false},
        {"shop/billing/Refund", false},
        {"shop/bill", false},
        {"shop/billings", false},
        {"sho/billing", false},
        {"shop/x*", false},
        {"x*/*", false},
        {"billing/shop", false},
        {"shop/billing/refund/x*", false},
    };
    for (size_t i = 0; i < COUNT (rows); i++)
        cr_assert_eq (allows (rows[i].pattern, GODWIT__VERB_CALL, "shop", "billing", "refund"),
                      rows[i].is_allowed, "%s", rows[i].pattern);
}

/* Each part is compared with its own: a '/' in a name moves nothing. */
Test (realm_rights, a_slash_in_a_name_is_no_border)
{
    cr_assert (allows ("a/b*", GODWIT__VERB_CALL, "a", "b/c", "m"));
    cr_assert_not (allows ("a/b/c", GODWIT__VERB_CALL, "a", "b/c", "m"));
    cr_assert_not (allows ("a/b", GODWIT__VERB_CALL, "a/b", "c", "m"));
    cr_assert_not (allows ("a/b/c", GODWIT__VERB_CALL, "a/b", "c", "m"));
    cr_assert (allows ("a/b/c*", GODWIT__VERB_CALL, "a", "b", "c/d"));
}

Test (realm_rights, a_method_need_not_end_with_nul)
{
    const godwit__right_t right = {GODWIT__VERB_CALL, "a/b/add"};
    godwit__deed_t deed = {
        .verb = GODWIT__VERB_CALL, .exchange = "a", .topic = "b", .method = "address", .method_size = 3};
    cr_assert_eq (godwit__rights_find (&right, 1, &deed), &right);
    deed.method_size = 4;
    cr_assert_null (godwit__rights_find (&right, 1, &deed));
    deed.method_size = 0;
    cr_assert_null (godwit__rights_find (&right, 1, &deed));
}

Test (realm_rights, what_has_no_method_needs_a_pattern_for_all)
{
    cr_assert (allows ("a/b", GODWIT__VERB_SERVE, "a", "b", NULL));
    cr_assert (allows ("a/b/*", GODWIT__VERB_SERVE, "a", "b", NULL));
    cr_assert_not (allows ("a/b/c", GODWIT__VERB_SERVE, "a", "b", NULL));
    cr_assert_not (allows ("a/b/c*", GODWIT__VERB_SERVE, "a", "b", NULL));
}

Test (realm_rights, each_verb_is_for_itself)
{
    static const godwit__right_t rights[] = {{GODWIT__VERB_SERVE, "a/served"},
                                             {GODWIT__VERB_CALL, "a/called"},
                                             {GODWIT__VERB_PUBLISH, "a/published"}};
    static const char *const topics[] = {"served", "called", "published"};
    for (unsigned verb = 0; verb <= GODWIT__VERB_HOST; verb++) {
        for (size_t i = 0; i < COUNT (topics); i++) {
            const godwit__deed_t deed = {.verb = (godwit__verb_t) verb, .exchange = "a", .topic = topics[i]};
            cr_assert_eq (godwit__rights_find (rights, COUNT (rights), &deed), verb == i ? &rights[i] : NULL,
                          "%u %s", verb, topics[i]);
        }
    }
}

Test (realm_rights, the_first_that_allows_is_found)
{
    static const godwit__right_t rights[] = {
        {GODWIT__VERB_CALL, "a/b/get"}, {GODWIT__VERB_CALL, "a/*"}, {GODWIT__VERB_CALL, "*/*"}};
    const godwit__deed_t deed = {
        .verb = GODWIT__VERB_CALL, .exchange = "a", .topic = "b", .method = "set", .method_size = 3};
    cr_assert_eq (godwit__rights_find (rights, COUNT (rights), &deed), &rights[1]);
    cr_assert_null (godwit__rights_find (rights, 1, &deed));
    cr_assert_null (godwit__rights_find (NULL, 0, &deed));
}

Test (realm_rights, host_has_no_topic)
{
    const godwit__right_t host = {GODWIT__VERB_HOST, GODWIT__HOST_PATTERN}, call = {GODWIT__VERB_CALL, "*/*"};
    const godwit__deed_t deed = {.verb = GODWIT__VERB_HOST};
    cr_assert_eq (godwit__rights_find (&host, 1, &deed), &host);
    cr_assert_null (godwit__rights_find (&call, 1, &deed));
}

Test (realm_rights, a_lane_counts_as_its_topic)
{
    static const struct {
        const char *topic, *counts_as;
    } rows[] = {
        {"notify:alarms.error", "alarms"},
        {"notify:alarms.disk.error", "alarms.disk"},
        {"notify:alarms", "alarms"},
        {"notify:.error", ""},
        {"notify:", ""},
        {"notifications.error", "notifications.error"},
        {"notify", "notify"},
        {"xnotify:alarms.error", "xnotify:alarms.error"},
        {"alarms.error", "alarms.error"},
    };
    for (size_t i = 0; i < COUNT (rows); i++) {
        char pattern[64];
        snprintf (pattern, sizeof pattern, "a/%s", rows[i].counts_as);
        cr_assert (allows (pattern, GODWIT__VERB_PUBLISH, "a", rows[i].topic, NULL), "%s", rows[i].topic);
        if (strncmp (rows[i].topic, GODWIT__NOTIFY_TOPIC, strlen (GODWIT__NOTIFY_TOPIC)) == 0) {
            snprintf (pattern, sizeof pattern, "a/%s", rows[i].topic);
            cr_assert_not (allows (pattern, GODWIT__VERB_PUBLISH, "a", rows[i].topic, NULL));
        }
    }
}

/* ---- what is said ---- */

static const char *
refusal (const godwit__deed_t *deed)
{
    static char text[GODWIT__DEED_TEXT];
    godwit__deed_refusal (text, "web", deed);
    return text;
}

Test (realm_rights, a_refusal_says_who_may_not_what)
{
    cr_assert_str_eq (refusal (&(godwit__deed_t){.verb = GODWIT__VERB_CALL,
                                                 .exchange = "godwit",
                                                 .topic = "billing",
                                                 .method = "refundable",
                                                 .method_size = 6}),
                      "\"web\" may not call godwit/billing/refund");
    cr_assert_str_eq (
        refusal (&(godwit__deed_t){.verb = GODWIT__VERB_SERVE, .exchange = "godwit", .topic = "billing"}),
        "\"web\" may not serve godwit/billing");
    cr_assert_str_eq (refusal (&(godwit__deed_t){.verb = GODWIT__VERB_PUBLISH,
                                                 .exchange = "godwit",
                                                 .topic = "notify:alarms.error"}),
                      "\"web\" may not publish godwit/alarms");
    cr_assert_str_eq (refusal (&(godwit__deed_t){.verb = GODWIT__VERB_HOST}),
                      "\"web\" may not host a rendezvous");
}

Test (realm_rights, a_refusal_is_one_line_of_text)
{
    cr_assert_str_eq (refusal (&(godwit__deed_t){.verb = GODWIT__VERB_CALL,
                                                 .exchange = "a\nb",
                                                 .topic = "\x1b[31m",
                                                 .method = "m\0n",
                                                 .method_size = 3}),
                      "\"web\" may not call a?b/?[31m/m?n");
}

Test (realm_rights, a_refusal_fits)
{
    char text[GODWIT__DEED_TEXT + 1];
    char name[80], topic[4096];
    memset (name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    memset (topic, 't', sizeof topic);
    topic[sizeof topic - 1] = '\0';
    text[GODWIT__DEED_TEXT] = '!';
    const godwit__deed_t deed = {.verb = GODWIT__VERB_PUBLISH,
                                 .exchange = topic,
                                 .topic = topic,
                                 .method = topic,
                                 .method_size = sizeof topic - 1};
    godwit__deed_refusal (text, name, &deed);
    cr_assert_eq (text[GODWIT__DEED_TEXT], '!');
    cr_assert_eq (strlen (text), GODWIT__DEED_TEXT - 1);
}
