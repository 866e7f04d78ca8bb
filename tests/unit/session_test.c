/* SPDX-License-Identifier: Apache-2.0 */
/* The window of ids, and the table of sessions. */
#include "src/server/session.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test (window, takes_each_id_once)
{
    godwit__replay_window_t window = {0};
    for (uint64_t id = 1; id <= 5000; id++) {
        cr_assert (godwit__replay_window_add (&window, id, NULL));
        cr_assert_not (godwit__replay_window_add (&window, id, NULL));
    }
    cr_assert_eq (window.top, 5000);
}

Test (window, knows_the_last_1024)
{
    godwit__replay_window_t window = {0};
    cr_assert (godwit__replay_window_add (&window, 10000, NULL));
    cr_assert (godwit__replay_window_add (&window, 10000 - 1023, NULL),
               "the oldest that is known was not seen");
    cr_assert_not (godwit__replay_window_add (&window, 10000 - 1023, NULL));
    cr_assert_not (godwit__replay_window_add (&window, 10000 - 1024, NULL), "what is older counts as seen");
    cr_assert_not (godwit__replay_window_add (&window, 1, NULL));
    cr_assert (godwit__replay_window_add (&window, 9999, NULL));
}

Test (window, forgets_nothing_by_a_leap)
{
    const uint64_t leaps[] = {1, 2, 63, 64, 65, 1022, 1023, 1024, 1025, 100000};
    for (size_t i = 0; i < sizeof leaps / sizeof leaps[0]; i++) {
        godwit__replay_window_t window = {0};
        for (uint64_t id = 1; id <= 2000; id++)
            godwit__replay_window_add (&window, id, NULL);
        uint64_t missed = 99;
        const uint64_t next = 2000 + leaps[i];
        cr_assert (godwit__replay_window_add (&window, next, &missed));
        cr_assert_eq (missed, leaps[i] - 1);
        for (uint64_t id = next - 1023; id <= next; id++)
            cr_assert_eq (godwit__replay_window_add (&window, id, &missed), id > 2000 && id < next,
                          "leap %zu id %zu", i, (size_t) id);
        cr_assert_eq (missed, 0);
    }
}

/* Against a table of all ids. */
Test (window, agrees_with_a_table)
{
    godwit__replay_window_t window = {0};
    static bool seen[200000];
    uint64_t top = 0;
    srand (7);
    for (int i = 0; i < 200000; i++) {
        uint64_t id = top + (uint64_t) (rand () % 4);
        if (rand () % 8 == 0 && top > 1500)
            id = top - (uint64_t) (rand () % 1500);
        if (rand () % 5000 == 0)
            id = top + 2000;
        if (id >= 200000)
            break;
        const bool expected = id > top || (top - id < 1024 && !seen[id]);
        cr_assert_eq (godwit__replay_window_add (&window, id, NULL), expected, "id %zu top %zu", (size_t) id,
                      (size_t) top);
        seen[id] = true;
        top = id > top ? id : top;
    }
}

Test (window, takes_the_highest_id)
{
    godwit__replay_window_t window = {0};
    uint64_t missed;
    cr_assert (godwit__replay_window_add (&window, UINT64_MAX, &missed));
    cr_assert_not (godwit__replay_window_add (&window, UINT64_MAX, &missed));
    cr_assert (godwit__replay_window_add (&window, UINT64_MAX - 1, &missed));
}

Test (session, finds_what_was_added)
{
    godwit__sessions_t sessions;
    godwit__sessions_init (&sessions, 100000);
    cr_assert_null (godwit__sessions_find (&sessions, 1));
    for (uint64_t id = 1; id <= 10000; id++)
        cr_assert (godwit__sessions_add (&sessions, id << 20, 1));
    for (uint64_t id = 1; id <= 10000; id++)
        cr_assert_eq (godwit__sessions_find (&sessions, id << 20)->id, id << 20);
    cr_assert_null (godwit__sessions_find (&sessions, 1));
    for (uint64_t id = 1; id <= 10000; id += 2)
        godwit__sessions_remove (&sessions, godwit__sessions_find (&sessions, id << 20));
    for (uint64_t id = 1; id <= 10000; id++)
        cr_assert_eq (godwit__sessions_find (&sessions, id << 20) != NULL, id % 2 == 0);
    cr_assert_eq (sessions.table.count, 5000);
    godwit__sessions_clear (&sessions);
}

Test (session, forgets_the_most_silent_when_full)
{
    godwit__sessions_t sessions;
    godwit__sessions_init (&sessions, 3);
    godwit__sessions_add (&sessions, 1, 10);
    godwit__sessions_add (&sessions, 2, 20);
    godwit__sessions_add (&sessions, 3, 30);
    godwit__sessions_touch (&sessions, godwit__sessions_find (&sessions, 1), 40);
    godwit__sessions_add (&sessions, 4, 50);
    cr_assert_null (godwit__sessions_find (&sessions, 2));
    cr_assert (godwit__sessions_find (&sessions, 1));
    cr_assert (godwit__sessions_find (&sessions, 3));
    cr_assert_eq (sessions.table.count, 3);
    godwit__sessions_clear (&sessions);
}

Test (session, expire_by_silence)
{
    godwit__sessions_t sessions;
    godwit__sessions_init (&sessions, 100);
    for (uint64_t id = 1; id <= 10; id++)
        godwit__sessions_add (&sessions, id, (int64_t) id);
    godwit__sessions_touch (&sessions, godwit__sessions_find (&sessions, 2), 11);
    godwit__sessions_expire (&sessions, 6);
    cr_assert_eq (sessions.table.count, 6);
    cr_assert (godwit__sessions_find (&sessions, 2));
    cr_assert_null (godwit__sessions_find (&sessions, 5));
    cr_assert (godwit__sessions_find (&sessions, 6));
    godwit__sessions_clear (&sessions);
}

/* Where `at <= id` is always true. */
Test (window, skips_to_the_highest_id)
{
    godwit__replay_window_t window = {0};
    godwit__replay_window_skip (&window, UINT64_MAX - 10);
    godwit__replay_window_skip (&window, UINT64_MAX);
    cr_assert_eq (window.top, UINT64_MAX);
    for (uint64_t id = UINT64_MAX; id > UINT64_MAX - 100; id--)
        cr_assert_not (godwit__replay_window_add (&window, id, NULL));
}

Test (window, skips)
{
    const uint64_t tops[] = {0, 5, 1000, 5000};
    const uint64_t skips[] = {1, 64, 1023, 1024, 1025, 100000};
    for (size_t i = 0; i < sizeof tops / sizeof *tops; i++) {
        for (size_t j = 0; j < sizeof skips / sizeof *skips; j++) {
            godwit__replay_window_t window = {0};
            if (tops[i])
                godwit__replay_window_add (&window, tops[i], NULL);
            const uint64_t id = tops[i] + skips[j];
            godwit__replay_window_skip (&window, id);
            godwit__replay_window_skip (&window, id - 1); /* does not go back */
            for (uint64_t at = tops[i] + 1; at <= id; at++)
                cr_assert_not (godwit__replay_window_add (&window, at, NULL));
            if (tops[i] > 1 && skips[j] < 1000)
                cr_assert (godwit__replay_window_add (&window, tops[i] - 1, NULL),
                           "what was not skipped is not seen");
            cr_assert (godwit__replay_window_add (&window, id + 2, NULL));
            cr_assert (godwit__replay_window_add (&window, id + 1, NULL));
            cr_assert_not (godwit__replay_window_add (&window, id + 1, NULL));
        }
    }
}

Test (session, share_what_was_seen_on_a_numbered_connection)
{
    godwit__sessions_t sessions;
    godwit__sessions_t connections;
    godwit__sessions_init (&sessions, 100);
    godwit__sessions_init (&connections, 100);
    godwit__session_t *session = godwit__sessions_add (&sessions, 1, 10);
    cr_assert (godwit__sessions_join (&connections, 77, session, 5, 10));
    cr_assert_not (godwit__session_sees (session, 5), "its client has used it");
    cr_assert (godwit__session_sees (session, 6));
    cr_assert (godwit__sessions_join (&connections, 77, session, 6, 11));
    cr_assert_not (godwit__session_sees (session, 6));

    /* Over another link, while the first is there, and after it. */
    godwit__session_t *other = godwit__sessions_add (&sessions, 2, 20);
    cr_assert (godwit__session_sees (other, 6));
    cr_assert (godwit__sessions_join (&connections, 77, other, 0, 20));
    cr_assert_not (godwit__session_sees (other, 6));
    cr_assert (godwit__session_sees (other, 7));
    cr_assert_not (godwit__session_sees (session, 7));
    godwit__sessions_touch (&sessions, session, 100);
    godwit__sessions_remove (&sessions, session);
    godwit__sessions_remove (&sessions, other);
    godwit__sessions_expire (&connections, 100);
    other = godwit__sessions_add (&sessions, 3, 101);
    cr_assert (godwit__sessions_join (&connections, 77, other, 0, 101));
    cr_assert_not (godwit__session_sees (other, 7), "it was heard at 100");

    /* It lives as long as a link, and is forgotten after it. */
    godwit__sessions_expire (&connections, 1000);
    cr_assert_eq (connections.table.count, 1);
    godwit__sessions_remove (&sessions, other);
    godwit__sessions_expire (&connections, 1001);
    cr_assert_eq (connections.table.count, 0);
    godwit__sessions_clear (&sessions);
    godwit__sessions_clear (&connections);
}
