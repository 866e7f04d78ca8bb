/* SPDX-License-Identifier: Apache-2.0 */
/* Which unfinished handshake makes room for the next one, and where somebody comes from. */
#include "drivers/zmtp/crowd.h"
#include "drivers/zmtp/descriptors.h"
#include "tests/support/must.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define DESCRIPTORS 256
#define ROOM (DESCRIPTORS / 8)
#define DRAWS 2000

static godwit__zmtp_stream_t *streams; /* so many */
static godwit__zmtp_crowd_t crowd;

static godwit__zmtp_peer_t
peer_at (const char *address)
{
    godwit__zmtp_peer_t peer = {.family = strchr (address, ':') ? AF_INET6 : AF_INET};
    cr_assert_eq (inet_pton (peer.family, address, &peer.of), 1);
    return peer;
}

static void
limit_descriptors (rlim_t count)
{
    struct rlimit limit;
    cr_assert_eq (getrlimit (RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = count;
    cr_assert_eq (setrlimit (RLIMIT_NOFILE, &limit), 0);
}

static void
add (const char *address)
{
    godwit__zmtp_stream_t *const stream = &streams[crowd.count];
    stream->peer = peer_at (address);
    stream->peer_hash = godwit__zmtp_peer_hash (&stream->peer);
    godwit__zmtp_crowd_add (&crowd, stream);
}

static void
fill (const char *address, size_t until)
{
    while (crowd.count < until)
        add (address);
}

static void
begin (void)
{
    limit_descriptors (DESCRIPTORS);
    godwit__zmtp_crowd_init (&crowd, 1);
    streams = calloc (ROOM, sizeof *streams);
    cr_assert (streams);
}

static void
end (void)
{
    free (streams);
}

TestSuite (zmtp_crowd, .init = begin, .fini = end);

Test (zmtp_crowd, nobody_goes_while_there_is_room)
{
    fill ("10.0.0.1", ROOM - 1);
    cr_assert_null (godwit__zmtp_crowd_surplus (&crowd));
    add ("10.0.0.1");
    cr_assert_not_null (godwit__zmtp_crowd_surplus (&crowd));
    godwit__zmtp_crowd_remove (&crowd, &streams[0]);
    cr_assert_null (godwit__zmtp_crowd_surplus (&crowd));
}

Test (zmtp_crowd, whoever_has_the_most_pays)
{
    for (size_t i = 0; i < ROOM; i++)
        add (i % 3 == 0 || i == 1 ? "10.0.0.1" : i % 3 == 1 ? "10.0.0.2" : "10.0.0.3");
    for (int i = 0; i < DRAWS; i++) {
        const godwit__zmtp_peer_t first = peer_at ("10.0.0.1");
        cr_assert_eq (godwit__zmtp_crowd_surplus (&crowd)->peer.of.in.s_addr, first.of.in.s_addr);
    }
}

Test (zmtp_crowd, chance_decides_among_those_who_are_alike)
{
    unsigned counts[ROOM] = {0};
    fill ("10.0.0.1", ROOM);
    for (int i = 0; i < DRAWS; i++)
        counts[godwit__zmtp_crowd_surplus (&crowd) - streams]++;
    for (size_t i = 0; i < ROOM; i++)
        cr_assert (counts[i] > DRAWS / ROOM / 3 && counts[i] < DRAWS / ROOM * 3, "%zu: %u", i, counts[i]);
}

Test (zmtp_crowd, a_limit_is_a_part_of_the_descriptors)
{
    cr_assert_eq (godwit__zmtp_descriptor_limit (512, 8), 32u);
    cr_assert_eq (godwit__zmtp_descriptor_limit (20, 8), 20u);
    cr_assert_eq (godwit__zmtp_descriptor_limit (512, 64), 16u, "in any case");
}

static bool
is_one_origin (const char *a, const char *b)
{
    const godwit__zmtp_peer_t first = peer_at (a), second = peer_at (b);
    const godwit__zmtp_origin_t one = godwit__zmtp_peer_origin (&first),
                                other = godwit__zmtp_peer_origin (&second);
    const bool is_one = godwit__zmtp_origin_is (&one, &other);
    cr_assert_eq (is_one, godwit__zmtp_peer_hash (&first) == godwit__zmtp_peer_hash (&second));
    return is_one;
}

Test (zmtp_crowd, what_one_host_has_for_itself_is_one_origin)
{
    cr_assert (is_one_origin ("10.0.0.1", "10.0.0.1"));
    cr_assert_not (is_one_origin ("10.0.0.1", "10.0.0.2"));
    cr_assert (is_one_origin ("127.0.0.1", "127.3.2.1"));
    cr_assert_not (is_one_origin ("127.0.0.1", "128.0.0.1"));
    cr_assert (is_one_origin ("fd00:1:2:3::1", "fd00:1:2:3:ffff::2"));
    cr_assert_not (is_one_origin ("fd00:1:2:3::1", "fd00:1:2:4::1"));
    cr_assert (is_one_origin ("::ffff:10.0.0.1", "10.0.0.1"));
}
