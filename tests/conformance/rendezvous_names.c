/* SPDX-License-Identifier: Apache-2.0 */
/* Whether all names were told: rendezvous points that are out of reach, that come later, that began just
 * now. */
#include "tests/conformance/rendezvous_conformance.h"

#include "matchmaker/rendezvous.h"

#include <stdio.h>
#include <string.h>

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
    return peer_open (world, index, hosts_text (world, port, 1), "", "host_rendezvous=true");
}

static void
expect_out_of_reach (world_t *world, const peer_t *peer, unsigned first, unsigned count)
{
    EVENTUALLY (world, peer->names == GODWIT__NAMES_OUT_OF_REACH);
    cr_assert (strstr (peer->names_text, "no rendezvous can be reached: "), "%s", peer->names_text);
    for (unsigned i = 0; i < count; i++)
        cr_assert (strstr (peer->names_text, hosts_text (world, first + i, 1)), "%s", peer->names_text);
}

void
rendezvous_says_that_all_are_out_of_reach (const world_kind_t *kind)
{
    static const godwit_url_host_t none[] = {{.hostname = "127.0.0.1", .port = 9}};
    world_t world;
    world_open (&world, kind);
    peer_t *a = peer_open (&world, 0, hosts_text (&world, 0, 2), "", NULL);
    expect_out_of_reach (&world, a, 0, 2);
    /* One of them comes, and has told all. */
    peer_t *host = open_host (&world, 1, 1);
    peer_announce (host, 1, GODWIT__RECORD_UP);
    EVENTUALLY (&world, a->names == GODWIT__NAMES_TOLD);
    cr_assert (peer_knows (a, host, 1));
    peer_close (host);
    expect_out_of_reach (&world, a, 0, 2);
    /* Another list. */
    host = open_host (&world, 2, 2);
    const godwit_url_host_t other = {.hostname = "127.0.0.1", .port = world.ports[2]};
    cr_assert_eq (a->matchmaker->ops->set_hosts (a->matchmaker, &other, 1, NULL), GODWIT_OK);
    cr_assert_eq (a->names, GODWIT__NAMES_AWAITED);
    EVENTUALLY (&world, a->names == GODWIT__NAMES_TOLD);
    cr_assert_eq (a->matchmaker->ops->set_hosts (a->matchmaker, none, 1, NULL), GODWIT_OK);
    cr_assert_neq (a->names, GODWIT__NAMES_TOLD);
    EVENTUALLY (&world, a->names == GODWIT__NAMES_OUT_OF_REACH);
    world_close (&world);
}

/* A host that began just now knows of nobody, and who was there before may not be back yet. Its members learn
 * that from it. */
void
rendezvous_lets_a_new_host_settle (const world_kind_t *kind)
{
    world_t world;
    for (unsigned is_named = 0; is_named < 2; is_named++) {
        const int64_t settles_ns =
            (is_named ? GODWIT__SETTLE_MS : GODWIT__SETTLE_HERE_MS) * GODWIT__NS_PER_MS;
        world_open (&world, kind);
        const int64_t before_ns = world.clock.now_ns (&world);
        peer_t *host = is_named ? open_host (&world, 0, 0) : peer_open (&world, 0, NULL, "", NULL);
        EVENTUALLY (&world, host->synced_count > 0);
        peer_t *member = peer_open (&world, 1, is_named ? hosts_text (&world, 0, 1) : NULL, "", NULL);
        EVENTUALLY (&world, host->names == GODWIT__NAMES_TOLD && member->names == GODWIT__NAMES_TOLD);
        cr_assert_geq (host->told_ns - before_ns, settles_ns);
        cr_assert_geq (member->told_ns - before_ns, settles_ns);
        peer_t *late = peer_open (&world, 2, is_named ? hosts_text (&world, 0, 1) : NULL, "", NULL);
        EVENTUALLY (&world, late->synced_count > 0);
        cr_assert_eq (late->names, GODWIT__NAMES_TOLD, "the host is not new any more, but was waited for");
        world_close (&world);
    }
}

/* One that is old enough does not wait for one that is new. */
void
rendezvous_believes_the_one_that_is_not_new (const world_kind_t *kind)
{
    world_t world;
    world_open (&world, kind);
    peer_t *old_host = open_host (&world, 0, 0);
    peer_announce (old_host, 1, GODWIT__RECORD_UP);
    EVENTUALLY (&world, old_host->names == GODWIT__NAMES_TOLD);
    peer_t *member = peer_open (&world, 1, hosts_text (&world, 0, 2), "", NULL);
    EVENTUALLY (&world, member->names == GODWIT__NAMES_TOLD);
    cr_assert_eq (member->known_when_told, 1u);
    peer_t *new_host = open_host (&world, 2, 1);
    EVENTUALLY (&world, new_host->synced_count > 0 && member->gauges.rendezvous_joined == 2);
    cr_assert_eq (member->names, GODWIT__NAMES_TOLD);
    world_close (&world);
}
