/* SPDX-License-Identifier: Apache-2.0 */
/* Messages whose bytes lie in several pieces. */
#include "src/base/frame.h"

#include <criterion/criterion.h>

#include <stdio.h>

static int freed;

static void
count_freed (void *data, void *hint)
{
    cr_assert_not_null (data);
    *(int *) hint += 1;
}

/* Whether `message` is `expected` on the wire, put into one piece. */
static void
check_joined (const godwit__message_t *message, const char *expected)
{
    const size_t size = strlen (expected);
    godwit__message_t joined;
    cr_assert_eq (godwit__message_size (message), size);
    cr_assert (godwit__message_join (&joined, message));
    cr_assert_eq (joined.size, size);
    cr_assert_eq (joined.insert_count, 0);
    cr_assert_arr_eq (joined.data, expected, size);
    cr_assert_eq (freed, 0, "the pieces are still their owner's");
    godwit__message_release (&joined);
}

Test (message, joined_at_every_place)
{
    char data[] = "abcd";
    char piece[] = "123";
    for (size_t at = 0; at <= 4; at++) {
        const godwit__insert_t insert = {
            .at = at, .data = piece, .size = 3, .free_fn = count_freed, .hint = &freed};
        char expected[8] = "";
        snprintf (expected, sizeof expected, "%.*s123%s", (int) at, data, data + at);
        check_joined (&(godwit__message_t){.data = data, .size = 4, .inserts = &insert, .insert_count = 1},
                      expected);
    }
}

Test (message, several_inserts_side_by_side_and_empty)
{
    char data[] = "abcd";
    const godwit__insert_t inserts[] = {
        {.at = 0, .data = "1", .size = 1, .free_fn = count_freed, .hint = &freed},
        {.at = 2, .data = "22", .size = 2, .free_fn = count_freed, .hint = &freed},
        {.at = 2, .data = "", .size = 0, .free_fn = count_freed, .hint = &freed},
        {.at = 2, .data = "3", .size = 1, .free_fn = count_freed, .hint = &freed},
        {.at = 4, .data = "4", .size = 1, .free_fn = count_freed, .hint = &freed},
    };
    const godwit__message_t message = {.data = data, .size = 4, .inserts = inserts, .insert_count = 5};
    check_joined (&message, "1ab223cd4");
    check_joined (&(godwit__message_t){.inserts = inserts, .insert_count = 1}, "1");
    check_joined (&(godwit__message_t){.data = data, .size = 4}, "abcd");
    check_joined (&(godwit__message_t){0}, "");

    godwit__message_release (&message);
    cr_assert_eq (freed, 5, "each insert is given back once, and data is not, which has no function");
}
