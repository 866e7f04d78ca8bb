/* SPDX-License-Identifier: Apache-2.0 */
/* A small cluster in one thread: peers with a matchmaker each, on one reactor, with a clock that a test can
 * move. */
#ifndef GODWIT_TESTS_MATCHMAKER_WORLD_H
#define GODWIT_TESTS_MATCHMAKER_WORLD_H

#include "src/interface/matchmaker.h"

#include <criterion/criterion.h>

#define WORLD_PEERS 8
#define WORLD_REFRESH_MS 60000 /* so that nothing expires but when a test moves the clock */

/* One implementation. */
typedef struct world_kind {
    const godwit__matchmaker_ops_t *matchmaker;
    const godwit__driver_ops_t *driver;
} world_kind_t;

typedef struct sighting {
    uint8_t instance[GODWIT__UUID_SIZE];
    uint32_t server_id;
    godwit__record_t *record; /* NULL: gone */
    unsigned gone_count;
    bool withdrawn; /* when it was gone the last time: its own process had said so */
} sighting_t;

typedef struct peer {
    struct world *world;
    uint8_t instance[GODWIT__UUID_SIZE];
    godwit__driver_t *driver;
    godwit__matchmaker_t *matchmaker; /* NULL: closed */
    sighting_t *sightings;
    size_t sighting_count;
    unsigned event_count;
    unsigned synced_count;
    godwit__names_state_t names;
    char names_text[GODWIT__NAMES_TEXT_SIZE];
    int64_t told_ns;        /* when names became TOLD, by the world's clock */
    size_t known_when_told; /* records that were known then */
    uint32_t revision;
    godwit__matchmaker_gauges_t gauges;
} peer_t;

typedef struct world {
    const world_kind_t *kind;
    godwit__clock_t clock;
    int64_t skew_ns; /* ahead of real time */
    godwit__reactor_t *reactor;
    int ports[4];    /* free ones */
    bool is_unnamed; /* the peers meet where they do without a host: scripted ones go there, too */
    int queue_limit; /* of the drivers of peers that are opened */
    godwit__look_up_fn *look_up; /* of their matchmakers */
    peer_t peers[WORLD_PEERS];
} world_t;

void world_open (world_t *world, const world_kind_t *kind);
/* Closes the peers that are left as well. */
void world_close (world_t *world);
int64_t world_real_ns (void);
/* Runs what is due, and waits for at most some milliseconds. */
void world_run (world_t *world);
/* Moves the clock, a refresh at a time so that everybody keeps up. */
void world_pass (world_t *world, int64_t refreshes);

/* hosts: what stands for them in the URL, NULL for the world's first port on this host. */
peer_t *peer_open (world_t *world, unsigned index, const char *hosts, const char *virtual_host,
                   const char *query);
void peer_close (peer_t *peer);
/* Announces, each time with a higher revision. */
void peer_announce (peer_t *peer, uint32_t server_id, godwit__record_state_t state);
/* What the peer knows of the other's server; NULL: nothing. */
godwit__record_t *peer_knows (const peer_t *peer, const peer_t *other, uint32_t server_id);
/* How often it was told that it is gone. */
unsigned peer_gone_count (const peer_t *peer, const peer_t *other, uint32_t server_id);
/* When it was told so the last time, it was by the word of the other itself. */
bool peer_withdrew (const peer_t *peer, const peer_t *other, uint32_t server_id);
/* The record that peer_announce makes. */
godwit__record_t *peer_record (const peer_t *peer, uint32_t server_id, uint32_t revision,
                               godwit__record_state_t state);

/* Runs the world until the condition holds; fails the test when it does not within some real seconds. */
#define EVENTUALLY(world_, condition_)                                                                       \
    do {                                                                                                     \
        const int64_t eventually_end = world_real_ns () + INT64_C (10000000000);                             \
        while (!(condition_)) {                                                                              \
            cr_assert (world_real_ns () < eventually_end, "never came true: %s", #condition_);               \
            world_run (world_);                                                                              \
        }                                                                                                    \
    } while (0)

#endif
