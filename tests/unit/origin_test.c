/* The window of ids, and the table of origins. */
#include "src/server/session.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test (window, takes_each_id_once)
{
    godwit__window_t window = {0};
    for (uint64_t id = 1; id <= 5000; id++) {
        cr_assert (godwit__window_add (&window, id, NULL));
        cr_assert_not (godwit__window_add (&window, id, NULL));
    }
    cr_assert_eq (window.top, 5000);
}

Test (window, knows_the_last_1024)
{
    godwit__window_t window = {0};
    cr_assert (godwit__window_add (&window, 10000, NULL));
    cr_assert (godwit__window_add (&window, 10000 - 1023, NULL), "the oldest that is known was not seen");
    cr_assert_not (godwit__window_add (&window, 10000 - 1023, NULL));
    cr_assert_not (godwit__window_add (&window, 10000 - 1024, NULL), "what is older counts as seen");
    cr_assert_not (godwit__window_add (&window, 1, NULL));
    cr_assert (godwit__window_add (&window, 9999, NULL));
}

Test (window, forgets_nothing_by_a_leap)
{
    const uint64_t leaps[] = {1, 2, 63, 64, 65, 1022, 1023, 1024, 1025, 100000};
    for (size_t i = 0; i < sizeof leaps / sizeof leaps[0]; i++) {
        godwit__window_t window = {0};
        for (uint64_t id = 1; id <= 2000; id++)
            godwit__window_add (&window, id, NULL);
        uint64_t missed = 99;
        const uint64_t next = 2000 + leaps[i];
        cr_assert (godwit__window_add (&window, next, &missed));
        cr_assert_eq (missed, leaps[i] - 1);
        for (uint64_t id = next - 1023; id <= next; id++)
            cr_assert_eq (godwit__window_add (&window, id, &missed), id > 2000 && id < next,
                          "leap %zu id %zu", i, (size_t) id);
        cr_assert_eq (missed, 0);
    }
}

/* Against a table of all ids. */
Test (window, agrees_with_a_table)
{
    godwit__window_t window = {0};
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
        cr_assert_eq (godwit__window_add (&window, id, NULL), expected, "id %zu top %zu", (size_t) id,
                      (size_t) top);
        seen[id] = true;
        top = id > top ? id : top;
    }
}

Test (window, takes_the_highest_id)
{
    godwit__window_t window = {0};
    uint64_t missed;
    cr_assert (godwit__window_add (&window, UINT64_MAX, &missed));
    cr_assert_not (godwit__window_add (&window, UINT64_MAX, &missed));
    cr_assert (godwit__window_add (&window, UINT64_MAX - 1, &missed));
}

Test (origins, finds_what_was_added)
{
    godwit__origins_t origins;
    godwit__origins_init (&origins, 100000);
    cr_assert_null (godwit__origins_find (&origins, 1));
    for (uint64_t id = 1; id <= 10000; id++)
        cr_assert (godwit__origins_add (&origins, id << 20, 1));
    for (uint64_t id = 1; id <= 10000; id++)
        cr_assert_eq (godwit__origins_find (&origins, id << 20)->id, id << 20);
    cr_assert_null (godwit__origins_find (&origins, 1));
    for (uint64_t id = 1; id <= 10000; id += 2)
        godwit__origins_remove (&origins, godwit__origins_find (&origins, id << 20));
    for (uint64_t id = 1; id <= 10000; id++)
        cr_assert_eq (godwit__origins_find (&origins, id << 20) != NULL, id % 2 == 0);
    cr_assert_eq (origins.count, 5000);
    godwit__origins_clear (&origins);
}

Test (origins, forgets_the_most_silent_when_full)
{
    godwit__origins_t origins;
    godwit__origins_init (&origins, 3);
    godwit__origins_add (&origins, 1, 10);
    godwit__origins_add (&origins, 2, 20);
    godwit__origins_add (&origins, 3, 30);
    godwit__origins_touch (&origins, godwit__origins_find (&origins, 1), 40);
    godwit__origins_add (&origins, 4, 50);
    cr_assert_null (godwit__origins_find (&origins, 2));
    cr_assert (godwit__origins_find (&origins, 1));
    cr_assert (godwit__origins_find (&origins, 3));
    cr_assert_eq (origins.count, 3);
    godwit__origins_clear (&origins);
}

Test (origins, expire_by_silence)
{
    godwit__origins_t origins;
    godwit__origins_init (&origins, 100);
    for (uint64_t id = 1; id <= 10; id++)
        godwit__origins_add (&origins, id, (int64_t) id);
    godwit__origins_touch (&origins, godwit__origins_find (&origins, 2), 11);
    godwit__origins_expire (&origins, 6);
    cr_assert_eq (origins.count, 6);
    cr_assert (godwit__origins_find (&origins, 2));
    cr_assert_null (godwit__origins_find (&origins, 5));
    cr_assert (godwit__origins_find (&origins, 6));
    godwit__origins_clear (&origins);
}

/* Where `at <= id` is always true. */
Test (window, skips_to_the_highest_id)
{
    godwit__window_t window = {0};
    godwit__window_skip (&window, UINT64_MAX - 10);
    godwit__window_skip (&window, UINT64_MAX);
    cr_assert_eq (window.top, UINT64_MAX);
    for (uint64_t id = UINT64_MAX; id > UINT64_MAX - 100; id--)
        cr_assert_not (godwit__window_add (&window, id, NULL));
}

Test (window, skips)
{
    const uint64_t tops[] = {0, 5, 1000, 5000};
    const uint64_t skips[] = {1, 64, 1023, 1024, 1025, 100000};
    for (size_t i = 0; i < sizeof tops / sizeof *tops; i++) {
        for (size_t j = 0; j < sizeof skips / sizeof *skips; j++) {
            godwit__window_t window = {0};
            if (tops[i])
                godwit__window_add (&window, tops[i], NULL);
            const uint64_t id = tops[i] + skips[j];
            godwit__window_skip (&window, id);
            godwit__window_skip (&window, id - 1); /* does not go back */
            for (uint64_t at = tops[i] + 1; at <= id; at++)
                cr_assert_not (godwit__window_add (&window, at, NULL));
            if (tops[i] > 1 && skips[j] < 1000)
                cr_assert (godwit__window_add (&window, tops[i] - 1, NULL),
                           "what was not skipped is not seen");
            cr_assert (godwit__window_add (&window, id + 2, NULL));
            cr_assert (godwit__window_add (&window, id + 1, NULL));
            cr_assert_not (godwit__window_add (&window, id + 1, NULL));
        }
    }
}

Test (origins, share_what_was_seen_on_a_numbered_connection)
{
    godwit__origins_t origins;
    godwit__origins_t connections;
    godwit__origins_init (&origins, 100);
    godwit__origins_init (&connections, 100);
    godwit__origin_state_t *origin = godwit__origins_add (&origins, 1, 10);
    cr_assert (godwit__origins_join (&connections, 77, origin, 5, 10));
    cr_assert_not (godwit__origin_sees (origin, 5), "its client has used it");
    cr_assert (godwit__origin_sees (origin, 6));
    cr_assert (godwit__origins_join (&connections, 77, origin, 6, 11));
    cr_assert_not (godwit__origin_sees (origin, 6));

    /* Over another link, while the first is there, and after it. */
    godwit__origin_state_t *other = godwit__origins_add (&origins, 2, 20);
    cr_assert (godwit__origin_sees (other, 6));
    cr_assert (godwit__origins_join (&connections, 77, other, 0, 20));
    cr_assert_not (godwit__origin_sees (other, 6));
    cr_assert (godwit__origin_sees (other, 7));
    cr_assert_not (godwit__origin_sees (origin, 7));
    godwit__origins_touch (&origins, origin, 100);
    godwit__origins_remove (&origins, origin);
    godwit__origins_remove (&origins, other);
    godwit__origins_expire (&connections, 100);
    other = godwit__origins_add (&origins, 3, 101);
    cr_assert (godwit__origins_join (&connections, 77, other, 0, 101));
    cr_assert_not (godwit__origin_sees (other, 7), "it was heard at 100");

    /* It lives as long as a link, and is forgotten after it. */
    godwit__origins_expire (&connections, 1000);
    cr_assert_eq (connections.count, 1);
    godwit__origins_remove (&origins, other);
    godwit__origins_expire (&connections, 1001);
    cr_assert_eq (connections.count, 0);
    godwit__origins_clear (&origins);
    godwit__origins_clear (&connections);
}
