/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/matchmaker_conformance.h"

#include <string.h>

void
matchmaker_tells_everybody_what_is_announced (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    peer_t *a = peer_open (&world, 0, NULL, "", NULL);
    peer_t *b = peer_open (&world, 1, NULL, "", NULL);
    peer_t *c = peer_open (&world, 2, NULL, "", NULL);
    peer_announce (a, 1, GODWIT__RECORD_UP);
    peer_announce (b, 1, GODWIT__RECORD_UP);
    peer_announce (b, 2, GODWIT__RECORD_UP);
    for (unsigned i = 0; i < 3; i++) {
        peer_t *peer = &world.peers[i];
        EVENTUALLY (&world, peer_knows (peer, a, 1) && peer_knows (peer, b, 1) && peer_knows (peer, b, 2));
    }
    const godwit__record_t *record = peer_knows (c, b, 2);
    cr_assert_eq (record->incarnation, 7u);
    cr_assert_eq (record->revision, 2u);
    cr_assert_eq (record->state, GODWIT__RECORD_UP);
    cr_assert_str_eq (record->exchange, "godwit");
    cr_assert_str_eq (record->topic, "calc");
    cr_assert_str_eq (record->server, "server-2");
    cr_assert_eq (record->address_count, 1u);
    cr_assert_str_eq (record->addresses[0], "tcp://127.0.0.1:9000");
    cr_assert_str_eq (record->versions, "calc=1.0");
    world_close (&world);
}

void
matchmaker_tells_what_is_withdrawn (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    peer_t *a = peer_open (&world, 0, NULL, "", NULL);
    peer_t *b = peer_open (&world, 1, NULL, "", NULL);
    for (unsigned i = 0; i < 2; i++) { /* whoever is which in the cluster, both directions */
        peer_t *from = i ? b : a;
        peer_t *to = i ? a : b;
        peer_announce (from, 1, GODWIT__RECORD_UP);
        peer_announce (from, 2, GODWIT__RECORD_UP);
        EVENTUALLY (&world, peer_knows (to, from, 1) && peer_knows (to, from, 2));
        from->matchmaker->ops->withdraw (from->matchmaker, 1);
        from->matchmaker->ops->withdraw (from->matchmaker, 99); /* never announced */
        EVENTUALLY (&world, !peer_knows (to, from, 1));
        cr_assert (peer_knows (to, from, 2));
        peer_announce (from, 1, GODWIT__RECORD_UP);
        EVENTUALLY (&world, peer_knows (to, from, 1));
    }
    world_close (&world);
}

void
matchmaker_tells_a_new_revision (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    peer_t *a = peer_open (&world, 0, NULL, "", NULL);
    peer_t *b = peer_open (&world, 1, NULL, "", NULL);
    for (unsigned i = 0; i < 2; i++) {
        peer_t *from = i ? b : a;
        peer_t *to = i ? a : b;
        peer_announce (from, 1, GODWIT__RECORD_UP);
        EVENTUALLY (&world, peer_knows (to, from, 1));
        peer_announce (from, 1, GODWIT__RECORD_DRAINING);
        EVENTUALLY (&world, peer_knows (to, from, 1)->state == GODWIT__RECORD_DRAINING);
        cr_assert_eq (peer_knows (to, from, 1)->revision, 2u);
        cr_assert_eq (peer_gone_count (to, from, 1), 0u);
    }
    world_close (&world);
}

void
matchmaker_tells_a_late_joiner_everything (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    peer_t *a = peer_open (&world, 0, NULL, "", NULL);
    peer_t *b = peer_open (&world, 1, NULL, "", NULL);
    peer_announce (a, 1, GODWIT__RECORD_UP);
    peer_announce (b, 1, GODWIT__RECORD_UP);
    EVENTUALLY (&world, peer_knows (a, b, 1) && peer_knows (b, a, 1));
    peer_t *late = peer_open (&world, 2, NULL, "", NULL);
    EVENTUALLY (&world, late->synced_count > 0);
    cr_assert (peer_knows (late, a, 1) && peer_knows (late, b, 1), "synced, but not complete");
    world_close (&world);
}

void
matchmaker_says_when_all_was_told (const world_kind_t *kind)
{
    enum { COUNT = 300 }; /* several messages */
    world_t world;
    world_open (&world, kind);
    peer_t *a = peer_open (&world, 0, NULL, "", NULL);
    cr_assert_eq (a->names, GODWIT__NAMES_AWAITED);
    EVENTUALLY (&world, a->names == GODWIT__NAMES_TOLD);
    cr_assert_eq (a->known_when_told, 0u); /* nobody else is there, and that is known */
    for (uint32_t i = 1; i <= COUNT; i++)
        peer_announce (a, i, GODWIT__RECORD_UP);
    for (unsigned i = 1; i < 4; i++) {
        peer_t *late = peer_open (&world, i, NULL, "", NULL);
        EVENTUALLY (&world, late->names == GODWIT__NAMES_TOLD);
        cr_assert_eq (late->known_when_told, COUNT);
    }
    world_close (&world);
}

void
matchmaker_carries_many_records (const world_kind_t *kind)
{
    enum { COUNT = 700 }; /* several messages */
    world_t world;
    world_open (&world, kind);
    peer_t *a = peer_open (&world, 0, NULL, "", NULL);
    peer_t *b = peer_open (&world, 1, NULL, "", NULL);
    for (uint32_t i = 1; i <= COUNT; i++)
        peer_announce (b, i, GODWIT__RECORD_UP); /* before it has joined anybody */
    EVENTUALLY (&world, a->sighting_count == COUNT && b->sighting_count == COUNT);
    peer_t *late = peer_open (&world, 2, NULL, "", NULL);
    EVENTUALLY (&world, late->synced_count > 0);
    for (uint32_t i = 1; i <= COUNT; i++)
        cr_assert (peer_knows (late, b, i) && peer_knows (a, b, i));
    for (uint32_t i = 1; i <= COUNT; i += 2)
        b->matchmaker->ops->withdraw (b->matchmaker, i);
    EVENTUALLY (&world, !peer_knows (late, b, COUNT - 1) && !peer_knows (a, b, COUNT - 1));
    for (uint32_t i = 1; i <= COUNT; i++)
        cr_assert_eq (!peer_knows (late, b, i), i % 2 == 1);
    peer_close (b);
    EVENTUALLY (&world, !peer_knows (late, b, COUNT) && !peer_knows (a, b, COUNT));
    world_close (&world);
}

void
matchmaker_isolates_virtual_hosts (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    peer_t *red = peer_open (&world, 0, NULL, "red", NULL);
    peer_t *blue = peer_open (&world, 1, NULL, "blue", NULL);
    peer_t *other_red = peer_open (&world, 2, NULL, "red", NULL);
    peer_t *other_blue = peer_open (&world, 3, NULL, "blue", NULL);
    peer_announce (red, 1, GODWIT__RECORD_UP);
    peer_announce (blue, 1, GODWIT__RECORD_UP);
    EVENTUALLY (&world, peer_knows (other_red, red, 1) && peer_knows (other_blue, blue, 1));
    /* A round trip more: what was on its way has arrived, and neither was it in a snapshot. */
    peer_announce (other_red, 2, GODWIT__RECORD_UP);
    peer_announce (other_blue, 2, GODWIT__RECORD_UP);
    peer_t *late_red = peer_open (&world, 4, NULL, "red", NULL);
    EVENTUALLY (&world, peer_knows (red, other_red, 2) && peer_knows (blue, other_blue, 2) &&
                            peer_knows (late_red, other_red, 2));
    cr_assert (!peer_knows (other_red, blue, 1) && !peer_knows (other_blue, red, 1));
    cr_assert (!peer_knows (red, blue, 1) && !peer_knows (blue, red, 1) && !peer_knows (late_red, blue, 1));
    /* Leaving one room is nothing to the other. */
    peer_close (red);
    EVENTUALLY (&world, !peer_knows (other_red, red, 1));
    cr_assert_eq (peer_gone_count (other_blue, blue, 1), 0u);
    world_close (&world);
}

void
matchmaker_withdraws_on_close (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    peer_t *a = peer_open (&world, 0, NULL, "", NULL);
    peer_t *b = peer_open (&world, 1, NULL, "", NULL);
    peer_t *c = peer_open (&world, 2, NULL, "", NULL);
    for (unsigned i = 0; i < 3; i++)
        peer_announce (&world.peers[i], 1, GODWIT__RECORD_UP);
    for (unsigned i = 0; i < 3; i++) {
        peer_t *peer = &world.peers[i];
        EVENTUALLY (&world, peer_knows (peer, a, 1) && peer_knows (peer, b, 1) && peer_knows (peer, c, 1));
    }
    peer_close (b);
    EVENTUALLY (&world, !peer_knows (a, b, 1) && !peer_knows (c, b, 1));
    /* If it was b that brought them together, they have found each other again when this has travelled. */
    peer_announce (a, 2, GODWIT__RECORD_UP);
    EVENTUALLY (&world, peer_knows (c, a, 2));
    peer_close (a);
    EVENTUALLY (&world, !peer_knows (c, a, 1) && !peer_knows (c, a, 2));
    cr_assert (peer_knows (c, c, 1));
    world_close (&world);
}

void
matchmaker_tells_nothing_after_close (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    peer_t *a = peer_open (&world, 0, NULL, "", NULL);
    peer_t *b = peer_open (&world, 1, NULL, "", NULL);
    peer_t *c = peer_open (&world, 2, NULL, "", NULL);
    EVENTUALLY (&world, a->synced_count && b->synced_count && c->synced_count);
    /* All of these would be told in the next turns (the peer's callbacks assert that it is open). */
    peer_announce (a, 1, GODWIT__RECORD_UP);
    peer_announce (b, 1, GODWIT__RECORD_UP);
    peer_announce (c, 1, GODWIT__RECORD_UP);
    peer_close (b);
    EVENTUALLY (&world, peer_knows (a, c, 1) && peer_knows (c, a, 1));
    peer_announce (a, 2, GODWIT__RECORD_UP); /* see withdraws_on_close */
    EVENTUALLY (&world, peer_knows (c, a, 2));
    peer_close (a);
    peer_t *never_ran = peer_open (&world, 3, NULL, "", NULL);
    peer_close (never_ran);
    EVENTUALLY (&world, !peer_knows (c, a, 1));
    world_close (&world);
}

void
matchmaker_survives_whoever_came_first (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    for (unsigned i = 0; i < 4; i++) {
        peer_t *peer = peer_open (&world, i, NULL, "", NULL);
        EVENTUALLY (&world, peer->synced_count > 0);
        peer_announce (peer, 1, GODWIT__RECORD_UP);
    }
    peer_t *last = &world.peers[3];
    for (unsigned gone = 0; gone < 3; gone++) {
        for (unsigned i = gone; i < 4; i++)
            EVENTUALLY (&world,
                        peer_knows (last, &world.peers[i], 1) && peer_knows (&world.peers[i], last, 1));
        peer_close (&world.peers[gone]);
        EVENTUALLY (&world, !peer_knows (last, &world.peers[gone], 1));
        /* What is new travels again, in both directions, and to one that comes now. */
        peer_t *next = &world.peers[gone + 1];
        peer_announce (next, 100 + gone, GODWIT__RECORD_UP);
        peer_announce (last, 200 + gone, GODWIT__RECORD_UP);
        EVENTUALLY (&world, peer_knows (last, next, 100 + gone) && peer_knows (next, last, 200 + gone));
        peer_t *late = peer_open (&world, 4 + gone, NULL, "", NULL);
        EVENTUALLY (&world, peer_knows (late, next, 100 + gone) && peer_knows (late, last, 200 + gone));
        peer_close (late);
        for (unsigned i = gone + 1; i < 4; i++)
            cr_assert_eq (peer_gone_count (last, &world.peers[i], 1), 0u, "a peer that lives was removed");
    }
    world_close (&world);
}

void
matchmaker_refuses_a_record_that_others_would_not_take (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    peer_t *a = peer_open (&world, 0, NULL, "", NULL);
    peer_t *b = peer_open (&world, 1, NULL, "", NULL);
    godwit__record_t *good = peer_record (a, 1, 1, GODWIT__RECORD_UP);
    char longer[300];
    memset (longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    for (int i = 0; i < 5; i++) {
        godwit__record_t bad = {.server_id = 1,
                                .state = GODWIT__RECORD_UP,
                                .exchange = "e",
                                .topic = "t",
                                .server = "s",
                                .fanout_address = "",
                                .host = "",
                                .versions = ""};
        memcpy (bad.instance, a->instance, GODWIT__UUID_SIZE);
        if (i == 0)
            bad.topic = longer;
        else if (i == 1)
            bad.server = "new\nline";
        else if (i == 2)
            bad.server_id = 0;
        else if (i == 3)
            bad.instance[3] ^= 1; /* another's */
        else
            memset (bad.instance, 0, sizeof bad.instance);
        godwit_error_t *error = NULL;
        godwit__record_t *record = godwit__record_new (&bad);
        cr_assert_eq (a->matchmaker->ops->announce (a->matchmaker, record, &error),
                      GODWIT_ERR_INVALID_ARGUMENT);
        cr_assert (strstr (godwit_error_message (error), "record."), "%s", godwit_error_message (error));
        godwit_error_destroy (&error);
        godwit__record_unref (&record);
    }
    cr_assert_eq (a->matchmaker->ops->announce (a->matchmaker, good, NULL), GODWIT_OK);
    godwit__record_unref (&good);
    EVENTUALLY (&world, peer_knows (b, a, 1));
    cr_assert_eq (b->sighting_count, 1u);
    world_close (&world);
}
