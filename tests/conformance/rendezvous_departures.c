/* SPDX-License-Identifier: Apache-2.0 */
/* Members of a rendezvous that go: with LEAVE, and without. */
#include "tests/conformance/rendezvous_conformance.h"
#include "tests/conformance/rendezvous_raw.h"

#include <sched.h>

#define STEP_MS 100

/* Moves the clock in steps that no timer takes for a time in which nobody ran. */
static void
pass_ms (world_t *world, int64_t ms)
{
    for (int64_t passed_ms = 0; passed_ms < ms; passed_ms += STEP_MS) {
        world->skew_ns += STEP_MS * GODWIT__NS_PER_MS;
        for (int turn = 0; turn < 3; turn++)
            godwit__reactor_run_once (world->reactor, 0);
    }
}

/* How often the peer's driver could not send because the receiver had gone. */
static uint64_t
closed_count (const peer_t *peer)
{
    return atomic_load (&peer->driver->ops->counters (peer->driver)->dropped);
}

static void
join_with_server (scripted_t *member, world_t *world, uint8_t instance)
{
    scripted_link (member, world, 0, instance);
    scripted_join (member, "");
    scripted_register (member, 1, 1);
}

/* A host that tells of something else just then finds out that the connection has ended before it reads what
 * came over it last. */
void
rendezvous_hears_who_leaves_while_it_tells (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    peer_t *host = peer_open (&world, 0, NULL, "", NULL);
    EVENTUALLY (&world, host->synced_count > 0);
    scripted_t member;
    join_with_server (&member, &world, 0xee);
    EVENTUALLY (&world, peer_knows (host, &member.self, 1));
    const uint32_t id = 1;
    scripted_send (&member, godwit__rendezvous_withdraw (member.buffer, false, &id, 1));
    scripted_send (&member, godwit__rendezvous_plain (member.buffer, GODWIT__RENDEZVOUS_LEAVE));
    scripted_close (&member);
    /* The host reads nothing yet. */
    const int64_t end_ns = world_real_ns () + INT64_C (10000000000);
    while (closed_count (host) == 0) {
        cr_assert_lt (world_real_ns (), end_ns, "the host does not notice that the connection has ended");
        peer_announce (host, 1, GODWIT__RECORD_UP);
        sched_yield ();
    }
    cr_assert (peer_knows (host, &member.self, 1));
    EVENTUALLY (&world, !peer_knows (host, &member.self, 1));
    cr_assert (peer_withdrew (host, &member.self, 1));
    world_close (&world);
}

void
rendezvous_tells_who_does_not_come_back (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    peer_t *host = peer_open (&world, 0, NULL, "", NULL);
    EVENTUALLY (&world, host->synced_count > 0);
    peer_t *a = peer_open (&world, 1, NULL, "", NULL);
    scripted_t dies, blinks;
    join_with_server (&dies, &world, 0xee);
    join_with_server (&blinks, &world, 0xdd);
    EVENTUALLY (&world, peer_knows (a, &dies.self, 1) && peer_knows (a, &blinks.self, 1));
    scripted_close (&blinks);
    EVENTUALLY (&world, closed_count (host) == 1);
    scripted_close (&dies);
    EVENTUALLY (&world, closed_count (host) == 2);
    scripted_link (&blinks, &world, 0, 0xdd);
    scripted_join (&blinks, "");
    scripted_expect (&blinks, GODWIT__RENDEZVOUS_SNAPSHOT);
    pass_ms (&world, 3000);
    for (int turn = 0; turn < 20; turn++)
        world_run (&world);
    cr_assert (peer_knows (host, &dies.self, 1) && peer_knows (a, &dies.self, 1), "told too early");
    pass_ms (&world, 1100);
    EVENTUALLY (&world, !peer_knows (host, &dies.self, 1) && !peer_knows (a, &dies.self, 1));
    cr_assert (!peer_withdrew (a, &dies.self, 1), "nobody has said that it leaves");
    pass_ms (&world, 5000);
    cr_assert (peer_knows (host, &blinks.self, 1) && peer_knows (a, &blinks.self, 1));
    cr_assert_eq (peer_gone_count (a, &blinks.self, 1) + peer_gone_count (host, &blinks.self, 1), 0u);
    scripted_close (&blinks);
    world_close (&world);
}

void
rendezvous_waits_for_most_who_are_gone (const world_kind_t *kind)
{
    enum { MEMBERS = 3 };
    world_t world;
    world_open (&world, kind);
    peer_t *host = peer_open (&world, 0, NULL, "", NULL);
    EVENTUALLY (&world, host->synced_count > 0);
    peer_t *a = peer_open (&world, 1, NULL, "", NULL);
    EVENTUALLY (&world, a->synced_count > 0);
    scripted_t members[MEMBERS];
    for (int i = 0; i < MEMBERS; i++) {
        join_with_server (&members[i], &world, (uint8_t) (0xe0 + i));
        EVENTUALLY (&world, peer_knows (host, &members[i].self, 1));
    }
    for (int i = 0; i < MEMBERS; i++)
        scripted_close (&members[i]);
    EVENTUALLY (&world, closed_count (host) == MEMBERS);
    pass_ms (&world, 20000);
    for (int i = 0; i < MEMBERS; i++)
        cr_assert (peer_knows (host, &members[i].self, 1), "self-preservation: %d of %d are gone", MEMBERS,
                   MEMBERS + 1);
    /* All come back but one, which has its time to do so, too. */
    for (int i = 1; i < MEMBERS; i++) {
        scripted_link (&members[i], &world, 0, (uint8_t) (0xe0 + i));
        scripted_join (&members[i], "");
        scripted_expect (&members[i], GODWIT__RENDEZVOUS_SNAPSHOT);
    }
    pass_ms (&world, 2000);
    cr_assert (peer_knows (host, &members[0].self, 1));
    pass_ms (&world, 3100);
    EVENTUALLY (&world, !peer_knows (host, &members[0].self, 1));
    for (int i = 1; i < MEMBERS; i++) {
        cr_assert_eq (peer_gone_count (host, &members[i].self, 1), 0u);
        scripted_close (&members[i]);
    }
    world_close (&world);
}
