/* SPDX-License-Identifier: Apache-2.0 */
/* Which notifications a filter lets through, and which patterns it refuses. */
#include "src/listener/filter.h"
#include "src/wire/notification.h"
#include "tests/support/must.h"

#include <godwit/godwit.h>

#include <criterion/criterion.h>
#include <string.h>

/* A notification of context {user: "ann", n: 1}, payload {host: "a1", list: []}. */
static void
fill (godwit_notification_t *notification)
{
    godwit_value_t *context = NULL, *payload = NULL;
    MUST (godwit_value_new_map (&context, GODWIT_ARGS (GODWIT_STR ("user", "ann"), GODWIT_INT ("n", 1)),
                                &error));
    MUST (godwit_value_new_map (&payload, GODWIT_ARGS (GODWIT_STR ("host", "a1")), &error));
    *notification = (godwit_notification_t){.publisher_id = "compute.host1",
                                            .event_type = "compute.instance.create",
                                            .message_id = "abc",
                                            .timestamp = "2026-11-30 12:00:00.000000",
                                            .own_context = context,
                                            .own_payload = payload,
                                            .context = context,
                                            .payload = payload};
}

static bool
matches (const godwit_filter_t *given)
{
    godwit_notification_t notification;
    godwit__filter_t *filter = NULL;
    fill (&notification);
    MUST (godwit__filter_new (&filter, given, &error));
    const bool result = godwit__filter_match (filter, &notification) == GODWIT__MATCH_YES;
    godwit__filter_destroy (&filter);
    godwit__notification_release (&notification);
    return result;
}

#define KEYS(place_, ...)                                                                                    \
    GODWIT_FILTER (.place_ = (const godwit_key_filter_t[]){__VA_ARGS__},                                     \
                   .place_##_count =                                                                         \
                       sizeof ((const godwit_key_filter_t[]){__VA_ARGS__}) / sizeof (godwit_key_filter_t))

Test (filter, none_lets_all_through)
{
    cr_assert (matches (NULL));
    cr_assert (matches (GODWIT_FILTER (.event_type = NULL)));
}

Test (filter, anchored_at_the_start_only)
{
    cr_assert (matches (GODWIT_FILTER (.event_type = "compute\\.inst")));
    cr_assert_not (matches (GODWIT_FILTER (.event_type = "instance")));
    cr_assert (matches (GODWIT_FILTER (.event_type = "nothing|compute")));
    cr_assert_not (matches (GODWIT_FILTER (.event_type = "nothing|instance")));
    cr_assert (matches (GODWIT_FILTER (.event_type = ".*create$")));
    cr_assert (matches (GODWIT_FILTER (.event_type = "")));
}

Test (filter, all_have_to_match)
{
    cr_assert (matches (GODWIT_FILTER (.event_type = "compute", .publisher_id = "compute\\.host[0-9]+")));
    cr_assert_not (matches (GODWIT_FILTER (.event_type = "compute", .publisher_id = "network")));
}

Test (filter, keys_of_maps)
{
    cr_assert (matches (KEYS (context, {"user", "ann"})));
    cr_assert_not (matches (KEYS (context, {"user", "bob"})));
    cr_assert (matches (KEYS (payload, {"host", "a"})));
    cr_assert_not (matches (KEYS (payload, {"host", "a"}, {"host", "b"})));
    cr_assert (matches (KEYS (metadata, {"message_id", "abc"}, {"timestamp", "2026-"})));
}

Test (filter, what_is_missing_or_no_text_does_not_match)
{
    cr_assert_not (matches (KEYS (context, {"tenant", ".*"})));
    cr_assert_not (matches (KEYS (context, {"n", ".*"}))); /* a number */
    cr_assert_not (matches (KEYS (payload, {"user", ".*"})));
    cr_assert_not (matches (KEYS (metadata, {"user", ".*"})));
}

Test (filter, a_payload_that_is_no_map)
{
    godwit_notification_t notification;
    godwit__filter_t *filter = NULL;
    godwit_value_t *text = NULL;
    fill (&notification);
    MUST (godwit_value_new (&text, GODWIT_STR (NULL, "a1"), &error));
    notification.payload = text;
    MUST (godwit__filter_new (&filter, KEYS (payload, {"host", ".*"}), &error));
    cr_assert_eq (godwit__filter_match (filter, &notification), GODWIT__MATCH_NO);
    godwit__filter_destroy (&filter);
    godwit_value_unref (&text);
    godwit__notification_release (&notification);
}

static void
refused (const godwit_filter_t *given, const char *text)
{
    godwit__filter_t *filter = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit__filter_new (&filter, given, &error), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_str_eq (godwit_error_message (error), text);
    godwit_error_destroy (&error);
}

Test (filter, patterns_that_are_wrong)
{
    refused (
        GODWIT_FILTER (.publisher_id = "a["),
        "filter.publisher_id: expected a POSIX extended regular expression, got \"a[\": Unmatched [, [^, "
        "[:, [., or [=");
    refused (
        KEYS (context, {"user", "*("}),
        "filter.context.user: expected a POSIX extended regular expression, got \"*(\": Invalid preceding "
        "regular expression");
    refused (GODWIT_FILTER (.event_type = "(a)\\1"),
             "filter.event_type: expected a POSIX extended regular expression, got \"(a)\\1\": it has a "
             "back-reference");
    refused (KEYS (payload, {NULL, "a"}), "filter.payload[0].key: expected a key, got NULL");
    refused (KEYS (payload, {"a", NULL}), "filter.payload.a: expected a pattern, got NULL");
}

/* A backslash in brackets, and an escaped backslash, are no back-reference. */
Test (filter, what_only_looks_like_a_back_reference)
{
    cr_assert (matches (GODWIT_FILTER (.event_type = "[]c\\1]ompute")));
    cr_assert_not (matches (GODWIT_FILTER (.event_type = "\\\\1")));
}

/* The time is in proportion to the text, whatever the pattern: this one takes for ever where alternatives are
 * tried one after the other. */
Test (filter, no_text_takes_for_ever, .timeout = 20)
{
    godwit_notification_t notification;
    godwit__filter_t *filter = NULL;
    static char text[4096];
    memset (text, 'a', sizeof text - 1);
    fill (&notification);
    notification.event_type = text;
    MUST (godwit__filter_new (&filter, GODWIT_FILTER (.event_type = "(a|aa|a*)*b"), &error));
    cr_assert_eq (godwit__filter_match (filter, &notification), GODWIT__MATCH_NO);
    godwit__filter_destroy (&filter);
    godwit__notification_release (&notification);
}
