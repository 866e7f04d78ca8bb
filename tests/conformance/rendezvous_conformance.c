/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/rendezvous_conformance.h"

#include "src/wire/header.h"
#include "tests/conformance/rendezvous_raw.h"

#include <stdio.h>
#include <string.h>

/* --- hostile members --- */

/* Frames that no member sends. Returns its size; 0: there are no more. */
static size_t
make_garbage (unsigned number, uint8_t *bytes)
{
    static const uint8_t bodies[][12] = {
        {0xdd, 0xff, 0xff, 0xff, 0xff},      /* a list of 2^32 elements */
        {0xdf, 0xff, 0xff, 0xff, 0xff},      /* a map of as many */
        {0xdb, 0xff, 0xff, 0xff, 0xff, 'x'}, /* a text of 4 GiB */
        {0x80},                              /* a map without anything */
        {0x90},                              /* no map */
        {0xc1},                              /* no msgpack */
        {0x81, 0xa1, 'x', 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x80},
    };
    uint32_t random = number * 2654435761u + 1;
    if (number < 32) { /* random bytes, and headers cut short */
        const size_t size = 1 + number * 3;
        for (size_t i = 0; i < size; i++) {
            random = random * 1664525u + 1013904223u;
            bytes[i] = (uint8_t) (random >> 24);
        }
        return size;
    }
    number -= 32;
    const unsigned types = GODWIT__MATCHMAKER_LAST - GODWIT__MATCHMAKER_FIRST + 1;
    const unsigned body = number / types;
    if (body >= sizeof bodies / sizeof bodies[0])
        return 0;
    const godwit__header_t header = {.type = (uint8_t) (GODWIT__MATCHMAKER_FIRST + number % types)};
    godwit__header_write (bytes, &header);
    memcpy (bytes + GODWIT__HEADER_SIZE, bodies[body], sizeof bodies[body]);
    return GODWIT__HEADER_SIZE + sizeof bodies[body];
}

void
rendezvous_ignores_garbage_of_strangers (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    peer_t *a = peer_open (&world, 0, NULL, "", NULL);
    peer_t *b = peer_open (&world, 1, NULL, "", NULL);
    peer_announce (a, 1, GODWIT__RECORD_UP);
    peer_announce (b, 1, GODWIT__RECORD_UP);
    EVENTUALLY (&world, peer_knows (a, b, 1) && peer_knows (b, a, 1));
    scripted_t stranger;
    scripted_link (&stranger, &world, 0, 0xee);
    uint8_t bytes[256];
    size_t size;
    for (unsigned i = 0; (size = make_garbage (i, bytes)); i++)
        scripted_send_bytes (&stranger, bytes, size);
    scripted_register (&stranger, 1, 1); /* it never joined */
    peer_announce (a, 2, GODWIT__RECORD_UP);
    EVENTUALLY (&world, peer_knows (b, a, 2));
    /* Frames are handled in order: when it has joined, all that came before was handled. */
    scripted_join (&stranger, "");
    scripted_expect (&stranger, GODWIT__RENDEZVOUS_SNAPSHOT);
    peer_announce (b, 2, GODWIT__RECORD_UP);
    EVENTUALLY (&world, peer_knows (a, b, 2));
    cr_assert (!peer_knows (a, &stranger.self, 1) && !peer_knows (b, &stranger.self, 1));
    cr_assert_eq (peer_gone_count (a, b, 1) + peer_gone_count (b, a, 1), 0u);
    scripted_close (&stranger);
    world_close (&world);
}

void
rendezvous_expels_who_sends_garbage (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    peer_t *a = peer_open (&world, 0, NULL, "", NULL);
    peer_t *b = peer_open (&world, 1, NULL, "", NULL);
    peer_announce (b, 1, GODWIT__RECORD_UP);
    EVENTUALLY (&world, peer_knows (a, b, 1));
    uint8_t bytes[256];
    size_t size;
    for (unsigned i = 0; (size = make_garbage (i, bytes)); i += 5) {
        if (i >= 32 && (i - 32) % 16 >= 10)
            continue; /* types that are reserved are ignored */
        scripted_t member;
        scripted_link (&member, &world, 0, 0xee);
        scripted_join (&member, "");
        scripted_register (&member, 1, 1);
        EVENTUALLY (&world, peer_knows (a, &member.self, 1) && peer_knows (b, &member.self, 1));
        scripted_send_bytes (&member, bytes, size);
        if (i >= 32 && bytes[2] >= GODWIT__RENDEZVOUS_RESYNC && bytes[2] <= GODWIT__RENDEZVOUS_LEAVE &&
            bytes[GODWIT__HEADER_SIZE] == 0x80)
            continue;
        scripted_expect (&member, GODWIT__RENDEZVOUS_EXPELLED);
        EVENTUALLY (&world, !peer_knows (a, &member.self, 1) && !peer_knows (b, &member.self, 1));
        scripted_join (&member, ""); /* it is not listened to */
        scripted_register (&member, 1, 1);
        peer_announce (b, 2 + i, GODWIT__RECORD_UP);
        EVENTUALLY (&world, peer_knows (a, b, 2 + i));
        cr_assert (!peer_knows (a, &member.self, 1));
        scripted_close (&member);
    }
    cr_assert_eq (peer_gone_count (a, b, 1), 0u);
    world_close (&world);
}

void
rendezvous_expels_who_asks_for_too_much (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    peer_t *a = peer_open (&world, 0, NULL, "", NULL);
    peer_t *b = peer_open (&world, 1, NULL, "", NULL);
    peer_announce (b, 1, GODWIT__RECORD_UP);
    EVENTUALLY (&world, peer_knows (a, b, 1));
    for (int i = 0; i < 4; i++) {
        scripted_t member;
        scripted_link (&member, &world, 0, (uint8_t) (0xe0 + i));
        scripted_join (&member, "");
        scripted_register (&member, 1, 1);
        EVENTUALLY (&world, peer_knows (b, &member.self, 1));
        if (i == 0) { /* too many records */
            for (uint32_t first = 1; first < 2000; first += 100)
                scripted_register (&member, first, 100);
        } else if (i == 1) { /* a record of somebody else */
            memcpy (member.self.instance, b->instance, GODWIT__UUID_SIZE);
            scripted_register (&member, 1, 1);
            memset (member.self.instance, 0xe0 + i, GODWIT__UUID_SIZE);
        } else if (i == 2) { /* snapshots without end */
            for (int n = 0; n < 200; n++)
                scripted_send (&member, godwit__rendezvous_plain (member.buffer, GODWIT__RENDEZVOUS_RESYNC));
        } else { /* somebody else on the same connection */
            memset (member.self.instance, 0xdd, GODWIT__UUID_SIZE);
            scripted_join (&member, "");
            memset (member.self.instance, 0xe0 + i, GODWIT__UUID_SIZE);
        }
        scripted_expect (&member, GODWIT__RENDEZVOUS_EXPELLED);
        EVENTUALLY (&world, !peer_knows (a, &member.self, 1) && !peer_knows (b, &member.self, 1));
        scripted_close (&member);
    }
    cr_assert (peer_knows (a, b, 1));
    cr_assert_eq (peer_gone_count (a, b, 1), 0u);
    world_close (&world);
}

/* --- leases --- */

void
rendezvous_drops_who_is_silent (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    peer_t *a = peer_open (&world, 0, NULL, "", NULL);
    peer_t *b = peer_open (&world, 1, NULL, "", NULL);
    peer_announce (a, 1, GODWIT__RECORD_UP);
    peer_announce (b, 1, GODWIT__RECORD_UP);
    EVENTUALLY (&world, peer_knows (a, b, 1) && peer_knows (b, a, 1));
    scripted_t member;
    scripted_link (&member, &world, 0, 0xee);
    scripted_join (&member, "");
    scripted_register (&member, 1, 1);
    EVENTUALLY (&world, peer_knows (a, &member.self, 1) && peer_knows (b, &member.self, 1));
    scripted_close (&member); /* its process may live on: no reason to remove it at once */
    world_pass (&world, 2);
    cr_assert (peer_knows (a, &member.self, 1) && peer_knows (b, &member.self, 1));
    world_pass (&world, 3);
    EVENTUALLY (&world, !peer_knows (a, &member.self, 1) && !peer_knows (b, &member.self, 1));
    world_pass (&world, 10);
    cr_assert (peer_knows (a, b, 1) && peer_knows (b, a, 1));
    cr_assert_eq (peer_gone_count (a, b, 1) + peer_gone_count (b, a, 1), 0u);
    world_close (&world);
}

/* A host whose cable is out does not forget everybody; but neither for ever, nor when most of them are heard.
 */
void
rendezvous_keeps_most_when_they_are_silent (const world_kind_t *kind)
{
    enum { SILENT = 3 };
    /* How long it keeps them at the most takes long over a driver with threads of its own, and is the same.
     */
    const int times = strcmp (kind->driver->name, "inproc") == 0 ? 2 : 1;
    for (int again = 0; again < times; again++) {
        world_t world;
        scripted_t members[SILENT];
        world_open (&world, kind);
        peer_t *host = peer_open (&world, 0, NULL, "", NULL);
        EVENTUALLY (&world, host->synced_count > 0);
        peer_t *a = peer_open (&world, 1, NULL, "", NULL);
        for (int i = 0; i < SILENT; i++) {
            scripted_link (&members[i], &world, 0, (uint8_t) (0xe0 + i));
            scripted_join (&members[i], "");
            scripted_register (&members[i], 1, 1);
            EVENTUALLY (&world, peer_knows (a, &members[i].self, 1));
        }
        for (int i = 0; i < SILENT; i++)
            scripted_close (&members[i]);
        world_pass (&world, 10);
        for (int i = 0; i < SILENT; i++)
            cr_assert (peer_knows (host, &members[i].self, 1) && peer_knows (a, &members[i].self, 1));
        for (unsigned i = 2; i < 6 && !again; i++) { /* most are heard now */
            const peer_t *more = peer_open (&world, i, NULL, "", NULL);
            EVENTUALLY (&world, more->synced_count > 0);
        }
        world_pass (&world, again ? 30 : 2);
        for (int i = 0; i < SILENT; i++) {
            EVENTUALLY (&world,
                        !peer_knows (host, &members[i].self, 1) && !peer_knows (a, &members[i].self, 1));
            cr_assert (!peer_withdrew (a, &members[i].self, 1));
        }
        world_close (&world);
    }
}

void
rendezvous_tells_who_withdrew (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    peer_t *host = peer_open (&world, 0, NULL, "", NULL);
    peer_announce (host, 1, GODWIT__RECORD_UP);
    EVENTUALLY (&world, host->synced_count > 0);
    peer_t *a = peer_open (&world, 1, NULL, "", NULL);
    peer_t *b = peer_open (&world, 2, NULL, "", NULL);
    peer_announce (b, 1, GODWIT__RECORD_UP);
    peer_announce (b, 2, GODWIT__RECORD_UP);
    EVENTUALLY (&world, peer_knows (a, host, 1) && peer_knows (a, b, 1) && peer_knows (a, b, 2));
    b->matchmaker->ops->withdraw (b->matchmaker, 1);
    EVENTUALLY (&world, !peer_knows (a, b, 1) && !peer_knows (host, b, 1));
    cr_assert (peer_withdrew (a, b, 1) && peer_withdrew (host, b, 1));
    peer_close (b); /* LEAVE */
    EVENTUALLY (&world, !peer_knows (a, b, 2));
    cr_assert (peer_withdrew (a, b, 2));
    host->matchmaker->ops->withdraw (host->matchmaker, 1);
    EVENTUALLY (&world, !peer_knows (a, host, 1));
    cr_assert (peer_withdrew (a, host, 1));
    world_close (&world);
}

void
rendezvous_keeps_everybody_when_the_clock_jumps (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    peer_t *a = peer_open (&world, 0, NULL, "", NULL);
    peer_t *b = peer_open (&world, 1, NULL, "", NULL);
    peer_announce (a, 1, GODWIT__RECORD_UP);
    peer_announce (b, 1, GODWIT__RECORD_UP);
    EVENTUALLY (&world, peer_knows (a, b, 1) && peer_knows (b, a, 1));
    scripted_t member;
    scripted_link (&member, &world, 0, 0xee);
    scripted_join (&member, "");
    scripted_register (&member, 1, 1);
    EVENTUALLY (&world, peer_knows (a, b, 1) && peer_knows (b, a, 1) && peer_knows (b, &member.self, 1));
    scripted_close (&member);
    world.skew_ns += 100 * WORLD_REFRESH_MS * GODWIT__NS_PER_MS; /* everybody was stopped */
    for (int i = 0; i < 20; i++)
        world_run (&world);
    cr_assert (peer_knows (a, b, 1) && peer_knows (b, a, 1) && peer_knows (b, &member.self, 1));
    world_pass (&world, 5);
    EVENTUALLY (&world, !peer_knows (b, &member.self, 1));
    cr_assert_eq (peer_gone_count (a, b, 1) + peer_gone_count (b, a, 1), 0u);
    world_close (&world);
}

void
rendezvous_has_members_register_again (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    peer_t *a = peer_open (&world, 0, NULL, "", NULL);
    scripted_t member;
    EVENTUALLY (&world, a->synced_count > 0);
    scripted_link (&member, &world, 0, 0xee);
    scripted_join (&member, "");
    scripted_register (&member, 1, 2);
    scripted_send (&member,
                   godwit__rendezvous_refresh (member.buffer, 3, 12345)); /* it thinks there are three */
    scripted_expect (&member, GODWIT__RENDEZVOUS_RESYNC);
    scripted_expect (&member, GODWIT__RENDEZVOUS_CURRENT);
    /* One is withdrawn by what stays. */
    const uint32_t stays = 2;
    scripted_send (&member, godwit__rendezvous_withdraw (member.buffer, true, &stays, 1));
    EVENTUALLY (&world, peer_gone_count (a, &member.self, 1) == 1);
    cr_assert (peer_knows (a, &member.self, 2));
    /* Its new connection inherits the records. */
    scripted_t again;
    scripted_link (&again, &world, 0, 0xee);
    scripted_join (&again, "");
    godwit__rendezvous_message_t message;
    scripted_read (&again, GODWIT__RENDEZVOUS_SNAPSHOT, &message);
    cr_assert_eq (message.record_count, 1u);
    godwit__rendezvous_clear (&message);
    scripted_send (&again, godwit__rendezvous_plain (again.buffer, GODWIT__RENDEZVOUS_LEAVE));
    EVENTUALLY (&world, !peer_knows (a, &member.self, 2));
    scripted_close (&member);
    scripted_close (&again);
    world_close (&world);
}

/* --- lists of rendezvous points --- */

static const char *
hosts_text (const world_t *world, unsigned first, unsigned count)
{
    static char text[128];
    size_t used = 0;
    for (unsigned i = 0; i < count; i++)
        used += (size_t) snprintf (text + used, sizeof text - used, "%s127.0.0.1:%d", i ? "," : "",
                                   world->ports[first + i]);
    return text;
}

static peer_t *
open_host (world_t *world, unsigned index, unsigned port)
{
    peer_t *host = peer_open (world, index, hosts_text (world, port, 1), "", "host_rendezvous=true");
    EVENTUALLY (world, host->synced_count > 0);
    return host;
}

void
rendezvous_is_refilled_when_it_returns (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    peer_t *host = open_host (&world, 0, 0);
    peer_t *a = peer_open (&world, 1, hosts_text (&world, 0, 1), "", NULL);
    peer_t *b = peer_open (&world, 2, hosts_text (&world, 0, 1), "", "host_rendezvous=false");
    peer_announce (a, 1, GODWIT__RECORD_UP);
    peer_announce (b, 1, GODWIT__RECORD_UP);
    EVENTUALLY (&world, peer_knows (a, b, 1) && peer_knows (b, a, 1));
    peer_close (host);
    world_pass (&world, 2);
    cr_assert (peer_knows (a, b, 1) && peer_knows (b, a, 1));
    peer_announce (a, 2, GODWIT__RECORD_UP); /* nobody hears it */
    host = open_host (&world, 3, 0);
    EVENTUALLY (&world, peer_knows (b, a, 2) && peer_knows (host, a, 1) && peer_knows (host, b, 1));
    /* That a is told of b's first server again, nobody sees; the second one is told behind it. */
    peer_announce (b, 2, GODWIT__RECORD_UP);
    EVENTUALLY (&world, peer_knows (a, b, 2));
    world_pass (&world, 10);
    cr_assert (peer_knows (a, b, 1) && peer_knows (b, a, 1) && peer_knows (b, a, 2));
    cr_assert_eq (peer_gone_count (a, b, 1) + peer_gone_count (b, a, 1), 0u);
    world_close (&world);
}

void
rendezvous_forgets_who_left_without_a_word (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    peer_t *host = open_host (&world, 0, 0);
    peer_t *a = peer_open (&world, 1, hosts_text (&world, 0, 1), "", NULL);
    peer_t *b = peer_open (&world, 2, hosts_text (&world, 0, 1), "", NULL);
    peer_announce (b, 1, GODWIT__RECORD_UP);
    EVENTUALLY (&world, peer_knows (a, b, 1));
    peer_close (host);
    world_pass (&world, 1);
    peer_close (b);
    cr_assert (peer_knows (a, b, 1));
    world.skew_ns +=
        100 * WORLD_REFRESH_MS * GODWIT__NS_PER_MS; /* time in which a did not run does not count */
    for (int i = 0; i < 20; i++)
        world_run (&world);
    cr_assert (peer_knows (a, b, 1));
    world_pass (&world, 4);
    EVENTUALLY (&world, !peer_knows (a, b, 1));
    world_close (&world);
}

void
rendezvous_may_miss_any_of_three (const world_kind_t *kind)
{
    for (unsigned missing = 0; missing < 3; missing++) {
        world_t world;
        world_open (&world, kind);
        const unsigned first = (missing + 1) % 3;
        const unsigned second = (missing + 2) % 3;
        peer_t *first_host = open_host (&world, 0, first);
        peer_t *second_host = open_host (&world, 1, second);
        peer_t *a = peer_open (&world, 2, hosts_text (&world, 0, 3), "", NULL);
        peer_t *b = peer_open (&world, 3, hosts_text (&world, 0, 3), "", NULL);
        peer_announce (a, 1, GODWIT__RECORD_UP);
        peer_announce (b, 1, GODWIT__RECORD_UP);
        EVENTUALLY (&world, peer_knows (a, b, 1) && peer_knows (b, a, 1) && peer_knows (first_host, a, 1) &&
                                peer_knows (second_host, a, 1) && a->synced_count == 2);
        peer_close (first_host);
        peer_announce (a, 2, GODWIT__RECORD_UP);
        EVENTUALLY (&world, peer_knows (b, a, 2));
        peer_t *third_host = open_host (&world, 4, missing);
        EVENTUALLY (&world, peer_knows (third_host, a, 2) && peer_knows (third_host, b, 1));
        peer_close (second_host);
        a->matchmaker->ops->withdraw (a->matchmaker, 1);
        world_pass (&world, 5); /* b may hear of it before it finds that the second is lost, which had it */
        EVENTUALLY (&world, !peer_knows (b, a, 1));
        cr_assert (peer_knows (b, a, 2) && peer_knows (a, b, 1));
        cr_assert_eq (peer_gone_count (b, a, 2) + peer_gone_count (a, b, 1), 0u);
        cr_assert_eq (peer_gone_count (b, a, 1), 1u);
        world_close (&world);
    }
}

void
rendezvous_removes_what_no_source_has (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    open_host (&world, 0, 0);
    open_host (&world, 1, 1);
    peer_t *a = peer_open (&world, 2, hosts_text (&world, 0, 2), "", NULL);
    EVENTUALLY (&world, a->synced_count == 2);
    scripted_t members[2];
    for (unsigned i = 0; i < 2; i++) {
        scripted_link (&members[i], &world, i, 0xee);
        scripted_join (&members[i], "");
        scripted_register (&members[i], 1, 1);
        scripted_register (&members[i], 10 + i, 1); /* so that a has surely heard of both */
        EVENTUALLY (&world, peer_knows (a, &members[i].self, 10 + i));
    }
    const uint32_t both[] = {1, 10};
    scripted_send (&members[0], godwit__rendezvous_withdraw (members[0].buffer, false, both, 2));
    EVENTUALLY (&world, !peer_knows (a, &members[0].self, 10));
    cr_assert (peer_knows (a, &members[0].self, 1), "the other source still has it");
    scripted_send (&members[1], godwit__rendezvous_withdraw (members[1].buffer, false, both, 1));
    EVENTUALLY (&world, !peer_knows (a, &members[0].self, 1));
    scripted_close (&members[0]);
    scripted_close (&members[1]);
    world_close (&world);
}

/* --- hosts that are not in order --- */

static void
send_records (scripted_t *host, bool is_delta, uint64_t sequence, uint32_t first, uint32_t count)
{
    godwit__record_t *records[8];
    for (uint32_t i = 0; i < count; i++)
        records[i] = peer_record (&host->self, first + i, 1, GODWIT__RECORD_UP);
    const godwit__record_list_t list = {records, count};
    scripted_send (host, is_delta
                             ? godwit__rendezvous_delta (host->buffer, 42, sequence, list, NULL, 0, false)
                             : godwit__rendezvous_snapshot (host->buffer, 42, sequence, true, true, 0, list));
    for (uint32_t i = 0; i < count; i++)
        godwit__record_unref (&records[i]);
}

void
rendezvous_asks_again_after_a_gap (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    scripted_t host;
    scripted_port (&host, &world, 0);
    memset (host.self.instance, 0xcc, GODWIT__UUID_SIZE);
    peer_t *a = peer_open (&world, 0, hosts_text (&world, 0, 1), "", NULL);
    scripted_expect (&host, GODWIT__RENDEZVOUS_JOIN);
    send_records (&host, false, 5, 1, 3);
    send_records (&host, true, 6, 4, 1);
    EVENTUALLY (&world, peer_knows (a, &host.self, 4));
    cr_assert (peer_knows (a, &host.self, 1) && a->synced_count == 1);
    send_records (&host, true, 8, 6, 1); /* 7 is missing */
    scripted_expect (&host, GODWIT__RENDEZVOUS_RESYNC);
    cr_assert (!peer_knows (a, &host.self, 6));
    send_records (&host, true, 9, 7, 1);  /* on its way before the wish was heard */
    send_records (&host, false, 9, 2, 6); /* 1 went in 7 */
    EVENTUALLY (&world, a->synced_count == 2);
    cr_assert (peer_knows (a, &host.self, 6) && peer_knows (a, &host.self, 7));
    cr_assert (!peer_knows (a, &host.self, 1));
    cr_assert_eq (peer_gone_count (a, &host.self, 2), 0u);
    /* The last delta is lost: found out with the next refresh. */
    world_pass (&world, 1);
    scripted_expect (&host, GODWIT__RENDEZVOUS_REFRESH);
    scripted_send (&host, godwit__rendezvous_current (host.buffer, 42, 10));
    scripted_expect (&host, GODWIT__RENDEZVOUS_RESYNC);
    scripted_close (&host);
    world_close (&world);
}

void
rendezvous_leaves_a_host_that_makes_no_sense (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    scripted_t host;
    scripted_port (&host, &world, 0);
    memset (host.self.instance, 0xcc, GODWIT__UUID_SIZE);
    peer_t *a = peer_open (&world, 0, hosts_text (&world, 0, 1), "", NULL);
    uint8_t bytes[256];
    for (unsigned i = 0; i < 5; i++) {
        scripted_expect (&host, GODWIT__RENDEZVOUS_JOIN);
        send_records (&host, false, 5, 1, 1);
        const size_t size = make_garbage (20 + 8 * i, bytes);
        if (i < 4)
            scripted_send_bytes (&host, bytes, size);
        else
            scripted_send (&host, godwit__rendezvous_delta (
                                      host.buffer, 43, 6, (godwit__record_list_t){NULL, 0}, NULL, 0, false));
    }
    scripted_expect (&host, GODWIT__RENDEZVOUS_JOIN); /* it comes back each time */
    EVENTUALLY (&world, peer_knows (a, &host.self, 1));
    cr_assert_eq (peer_gone_count (a, &host.self, 1), 0u);
    scripted_close (&host);
    world_close (&world);
}

/* Queues of two messages: many send at once what each has to be told, and a snapshot has more parts than
 * that. */
void
rendezvous_catches_up_through_short_queues (const world_kind_t *kind)
{
    enum { SENDERS = 5, COUNT = 200 };
    world_t world;
    world_open (&world, kind);
    world.queue_limit = 2;
    peer_t *host = peer_open (&world, 0, NULL, "", NULL);
    EVENTUALLY (&world, host->synced_count > 0);
    for (unsigned i = 1; i <= SENDERS; i++) {
        peer_t *sender = peer_open (&world, i, NULL, "", NULL);
        EVENTUALLY (&world, sender->synced_count > 0);
    }
    for (uint32_t n = 1; n <= COUNT; n++) {
        for (unsigned i = 1; i <= SENDERS; i++)
            peer_announce (&world.peers[i], n, GODWIT__RECORD_UP);
        if (n % 10 == 0)
            world_run (&world);
    }
    for (unsigned i = 0; i <= SENDERS; i++)
        EVENTUALLY (&world, world.peers[i].sighting_count == SENDERS * COUNT);

    /* One that is still on its way through the snapshot, when a record goes that it was told of. */
    peer_t *late = peer_open (&world, 6, NULL, "", NULL);
    EVENTUALLY (&world, late->sighting_count > 0);
    const sighting_t first = late->sightings[0];
    for (unsigned i = 1; i <= SENDERS; i++) {
        peer_t *sender = &world.peers[i];
        if (memcmp (sender->instance, first.instance, GODWIT__UUID_SIZE) == 0)
            sender->matchmaker->ops->withdraw (sender->matchmaker, first.server_id);
        for (uint32_t n = 101; n <= COUNT; n++) {
            if (n % 2)
                sender->matchmaker->ops->withdraw (sender->matchmaker, n);
            else
                peer_announce (sender, n, GODWIT__RECORD_DRAINING);
            if (n % 10 == 0)
                world_run (&world);
        }
    }
    EVENTUALLY (&world, late->synced_count > 0 && !late->sightings[0].record);
    for (unsigned i = 1; i <= SENDERS; i++) {
        peer_t *sender = &world.peers[i];
        for (uint32_t n = 101; n < COUNT; n += 2) {
            EVENTUALLY (&world, !peer_knows (late, sender, n) && !peer_knows (host, sender, n));
            EVENTUALLY (&world, peer_knows (late, sender, n + 1)->state == GODWIT__RECORD_DRAINING);
        }
    }
    world_close (&world);
}

/* --- lists that change at run time --- */

static godwit_status_t
set_hosts (const peer_t *peer, const unsigned *ports, size_t count, godwit_error_t **error)
{
    godwit_url_host_t hosts[2 * GODWIT__RENDEZVOUS_MAX] = {{NULL, NULL, NULL, 0}};
    for (size_t i = 0; i < count; i++)
        hosts[i] = (godwit_url_host_t){.hostname = "127.0.0.1",
                                       .port = ports[i] < 4 ? peer->world->ports[ports[i]] : (int) ports[i]};
    return peer->matchmaker->ops->set_hosts (peer->matchmaker, hosts, count, error);
}

static void
check_gauges (const peer_t *peer, unsigned known, unsigned joined, unsigned hosted)
{
    cr_assert_eq (peer->gauges.rendezvous_known, known);
    EVENTUALLY (peer->world, peer->gauges.rendezvous_joined == joined);
    cr_assert_eq (peer->gauges.rendezvous_hosted, hosted);
}

void
rendezvous_follows_a_list_that_changes (const world_kind_t *kind)
{
    static const unsigned first[] = {0}, both[] = {1, 0}, second[] = {1};
    world_t world;
    world_open (&world, kind);
    peer_t *first_host = open_host (&world, 0, 0);
    open_host (&world, 1, 1);
    peer_t *a = peer_open (&world, 2, hosts_text (&world, 0, 1), "", NULL);
    peer_t *b = peer_open (&world, 3, hosts_text (&world, 0, 1), "", NULL);
    peer_announce (a, 1, GODWIT__RECORD_UP);
    peer_announce (b, 1, GODWIT__RECORD_UP);
    EVENTUALLY (&world, peer_knows (a, b, 1) && peer_knows (b, a, 1));
    check_gauges (a, 1, 1, 0);
    /* One goes to another rendezvous alone: the other does not forget it at once. */
    cr_assert_eq (set_hosts (a, second, 1, NULL), GODWIT_OK);
    check_gauges (a, 1, 1, 0);
    world_pass (&world, 1);
    cr_assert (peer_knows (a, b, 1) && peer_knows (b, a, 1));
    peer_announce (a, 2, GODWIT__RECORD_UP); /* b does not hear it */
    /* It is back, which is no new connection of b's. */
    const unsigned synced = b->synced_count;
    cr_assert_eq (set_hosts (a, first, 1, NULL), GODWIT_OK);
    EVENTUALLY (&world, peer_knows (b, a, 2));
    cr_assert_eq (b->synced_count, synced);
    /* The way to do it: all learn of the new one, then all forget the old one. */
    cr_assert_eq (set_hosts (a, both, 2, NULL), GODWIT_OK);
    cr_assert_eq (set_hosts (b, both, 2, NULL), GODWIT_OK);
    check_gauges (a, 2, 2, 0);
    check_gauges (b, 2, 2, 0);
    cr_assert_eq (b->synced_count, synced + 1); /* the connection to the first is the same */
    cr_assert_eq (set_hosts (a, second, 1, NULL), GODWIT_OK);
    cr_assert_eq (set_hosts (b, second, 1, NULL), GODWIT_OK);
    peer_close (first_host);
    check_gauges (b, 1, 1, 0);
    world_pass (&world, 10);
    cr_assert (peer_knows (a, b, 1) && peer_knows (b, a, 1) && peer_knows (b, a, 2));
    cr_assert_eq (peer_gone_count (a, b, 1) + peer_gone_count (b, a, 1) + peer_gone_count (b, a, 2), 0u);
    /* Through the second alone, news get around. */
    peer_announce (b, 3, GODWIT__RECORD_UP);
    EVENTUALLY (&world, peer_knows (a, b, 3));
    a->matchmaker->ops->withdraw (a->matchmaker, 1);
    EVENTUALLY (&world, !peer_knows (b, a, 1));
    world_close (&world);
}

void
rendezvous_stops_hosting_what_is_removed (const world_kind_t *kind)
{
    static const unsigned first[] = {0}, both[] = {0, 1}, second[] = {1};
    world_t world;
    world_open (&world, kind);
    peer_t *host = open_host (&world, 0, 0);
    peer_t *a = peer_open (&world, 1, hosts_text (&world, 0, 2), "", NULL);
    peer_announce (host, 1, GODWIT__RECORD_UP);
    peer_announce (a, 1, GODWIT__RECORD_UP);
    EVENTUALLY (&world, peer_knows (a, host, 1) && peer_knows (host, a, 1));
    check_gauges (a, 2, 1, 0);
    cr_assert_eq (set_hosts (host, both, 2, NULL), GODWIT_OK);
    EVENTUALLY (&world, host->gauges.rendezvous_hosted == 2);
    check_gauges (host, 2, 2, 2);
    check_gauges (a, 2, 2, 0);
    cr_assert_eq (set_hosts (host, second, 1, NULL), GODWIT_OK);
    check_gauges (host, 1, 1, 1);
    check_gauges (a, 2, 1, 0);
    /* Somebody else can listen there now. */
    peer_t *other = open_host (&world, 2, 0);
    check_gauges (other, 1, 1, 1);
    check_gauges (a, 2, 2, 0);
    EVENTUALLY (&world, peer_knows (other, a, 1));
    /* And one that is taken is joined. */
    cr_assert_eq (set_hosts (host, first, 1, NULL), GODWIT_OK);
    check_gauges (host, 1, 1, 0);
    EVENTUALLY (&world, peer_knows (other, host, 1));
    world_pass (&world, 10);
    cr_assert_eq (peer_gone_count (a, host, 1) + peer_gone_count (host, a, 1), 0u);
    world_close (&world);
}

void
rendezvous_refuses_lists_that_make_no_sense (const world_kind_t *kind)
{
    static const unsigned twice[] = {1, 0, 1}, many[] = {9001, 9002, 9003, 9004, 9005, 9006, 9007, 9008};
    world_t world;
    godwit_error_t *error = NULL;
    world_open (&world, kind);
    peer_t *host = open_host (&world, 0, 0);
    cr_assert_eq (set_hosts (host, many, 8, &error), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_str_eq (godwit_error_message (error), "expected 1 to 7 rendezvous, got 8");
    godwit_error_destroy (&error);
    cr_assert_eq (set_hosts (host, many, 0, &error), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_str_eq (godwit_error_message (error), "expected 1 to 7 rendezvous, got 0");
    godwit_error_destroy (&error);
    cr_assert_eq (set_hosts (host, twice, 3, &error), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert (strstr (godwit_error_message (error), " twice"), "%s", godwit_error_message (error));
    godwit_error_destroy (&error);
    check_gauges (host, 1, 1, 1);
    cr_assert_eq (set_hosts (host, many, 7, NULL), GODWIT_OK);
    check_gauges (host, 7, 7, 7);
    cr_assert_eq (set_hosts (host, many + 1, 7, NULL), GODWIT_OK);
    check_gauges (host, 7, 7, 7);
    world_close (&world);
}
