/* SPDX-License-Identifier: Apache-2.0 */
/* The message_id and timestamp of notifications, with a clock and random numbers of the test's. */
#include "src/notify/stamp.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

static int64_t now_ns;
static unsigned draws;
static uint8_t drawn; /* each byte that is drawn */

static int64_t
tell_time (void *user)
{
    (void) user;
    return now_ns;
}

static void
draw (void *user, void *bytes, size_t size)
{
    (void) user;
    draws++;
    memset (bytes, drawn, size);
}

static const godwit__waiter_t waiter;

/* What a stamp needs of a transport. is_simulated: it has a time of its own. */
static void
transport_init (godwit_transport_t *transport, bool is_simulated, uint8_t instance)
{
    memset (transport, 0, sizeof *transport);
    transport->clock = (godwit__clock_t){.now_ns = tell_time, .waiter = is_simulated ? &waiter : NULL};
    transport->random = draw;
    memset (transport->instance, instance, sizeof transport->instance);
    cr_assert_geq (sodium_init (), 0);
}

static void
expect_time (godwit_transport_t *transport, int64_t second, int64_t nanoseconds, const char *text)
{
    godwit__stamp_t stamp;
    now_ns = second * 1000000000 + nanoseconds;
    godwit__stamp_make (&stamp, transport);
    cr_expect_str_eq (stamp.timestamp, text);
}

Test (stamp, the_time_is_that_of_utc)
{
    static godwit_transport_t transport;
    transport_init (&transport, true, 1);
    expect_time (&transport, 0, 0, "1970-01-01 00:00:00.000000");
    expect_time (&transport, 0, 999999999, "1970-01-01 00:00:00.999999");
    expect_time (&transport, 1796058301, 123456789, "2026-11-30 17:05:01.123456");
    expect_time (&transport, 1796058302, 7000, "2026-11-30 17:05:02.000007");
    expect_time (&transport, 1796083199, 0, "2026-11-30 23:59:59.000000");
    expect_time (&transport, 1796083200, 0, "2026-12-01 00:00:00.000000");
    expect_time (&transport, 951782400, 0, "2000-02-29 00:00:00.000000");
    expect_time (&transport, 4107542400, 0, "2100-03-01 00:00:00.000000");
    expect_time (&transport, 4102444799, 0, "2099-12-31 23:59:59.000000");
}

Test (stamp, the_id_is_a_uuid_of_random_bytes)
{
    static godwit_transport_t transport;
    godwit__stamp_t stamp;
    transport_init (&transport, true, 1);
    drawn = 0x00;
    godwit__stamp_make (&stamp, &transport);
    cr_expect_str_eq (stamp.message_id, "00000000-0000-4000-8000-000000000000");
    drawn = 0xff;
    godwit__stamp_make (&stamp, &transport);
    cr_expect_str_eq (stamp.message_id, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    drawn = 0x9a;
    godwit__stamp_make (&stamp, &transport);
    cr_expect_eq (strspn (stamp.message_id, "9a-48b"), 36u, "%s", stamp.message_id);
    cr_expect_eq (draws, 3u, "a simulation draws for each");
}

Test (stamp, few_random_bytes_are_drawn_and_no_id_comes_twice)
{
    enum { MANY = 400 };
    static godwit_transport_t transport, other;
    static godwit__stamp_t stamps[2 * MANY];
    transport_init (&transport, false, 1);
    transport_init (&other, false, 2);
    drawn = 1;
    for (size_t i = 0; i < MANY; i++)
        godwit__stamp_make (&stamps[i], &transport);
    cr_expect_eq (draws, 1u);
    drawn = 2; /* as a child of fork() does: it has another transport */
    for (size_t i = MANY; i < (size_t) 2 * MANY; i++) {
        godwit__stamp_make (&stamps[i], &other);
        cr_expect_eq (draws, 2u, "bytes of another transport are not used");
    }
    for (size_t i = 0; i < (size_t) 2 * MANY; i++)
        for (size_t k = 0; k < i; k++)
            cr_assert_str_neq (stamps[i].message_id, stamps[k].message_id);
}
