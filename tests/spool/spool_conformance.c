/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/spool/spool_conformance.h"

#include "tests/spool/spool_world.h"
#include "tests/support/memory_spool.h"
#include "tests/support/must.h"
#include "tests/support/random.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 8
#define APPENDS 200 /* of each thread */
#define STEPS 1500  /* of the random test */

typedef struct world {
    const spool_kind_t *kind;
    char folder[128];
    godwit_spool_t *spool;
} world_t;

static world_t
begin (const spool_kind_t *kind)
{
    world_t world = {.kind = kind};
    strcpy (world.folder, world_folder ());
    world.spool = kind->open (world.folder);
    return world;
}

static void
reopen (world_t *world)
{
    world->kind->close (&world->spool);
    world->spool = world->kind->open (world->folder);
}

static void
end (world_t *world)
{
    world->kind->close (&world->spool);
    world_remove (world->folder);
}

void
conformance_appends_and_reads (const spool_kind_t *kind)
{
    world_t world = begin (kind);
    godwit_spool_t *const spool = world.spool;
    MUST_BE (world_streams (spool), "");
    cr_assert_eq (world_append (spool, "info", "one"), 1);
    cr_assert_eq (world_append (spool, "info", "two"), 2);
    cr_assert_eq (world_append (spool, "warn", ""), 1);
    cr_assert_eq (world_append (spool, "info", "three"), 3);
    MUST_BE (world_streams (spool), "info 3; warn 1");
    MUST_BE (world_read (spool, "info", NULL), "1:one 2:two 3:three");
    MUST_BE (world_read (spool, "warn", NULL), "1:");
    end (&world);
}

void
conformance_settles_in_order (const spool_kind_t *kind)
{
    world_t world = begin (kind);
    godwit_spool_t *const spool = world.spool;
    world_set_pool (spool, "info", "audit", 0);
    for (int i = 0; i < 5; i++)
        world_append (spool, "info", "x");
    world_settle (spool, "info", "audit", 1, 2);
    MUST_BE (world_read (spool, "info", "audit"), "3:x 4:x 5:x");
    MUST_BE (world_read (spool, "info", NULL), "3:x 4:x 5:x"); /* what all have settled is deleted */
    MUST_BE (world_streams (spool), "info 5 audit=2");
    world_settle (spool, "info", "audit", 1, 5); /* twice does not matter */
    MUST_BE (world_read (spool, "info", NULL), "");
    cr_assert_eq (world_append (spool, "info", "next"), 6);
    world_flush (spool);
    MUST_BE (world_read (spool, "info", "audit"), "6:next");
    end (&world);
}

void
conformance_settles_out_of_order (const spool_kind_t *kind)
{
    world_t world = begin (kind);
    godwit_spool_t *const spool = world.spool;
    world_set_pool (spool, "info", "audit", 0);
    for (int i = 0; i < 9; i++)
        world_append (spool, "info", "x");
    world_settle (spool, "info", "audit", 7, 1);
    world_settle (spool, "info", "audit", 3, 2);
    world_settle (spool, "info", "audit", 9, 1);
    MUST_BE (world_streams (spool), "info 9 audit=0");
    MUST_BE (world_read (spool, "info", "audit"), "1:x 2:x 5:x 6:x 8:x");
    world_flush (spool);
    MUST_BE (world_read (spool, "info", NULL), "1:x 2:x 5:x 6:x 8:x");
    world_settle (spool, "info", "audit", 1, 2);
    MUST_BE (world_streams (spool), "info 9 audit=4");
    world_settle (spool, "info", "audit", 5, 2);
    MUST_BE (world_streams (spool), "info 9 audit=7");
    world_settle (spool, "info", "audit", 8, 1);
    MUST_BE (world_streams (spool), "info 9 audit=9");
    end (&world);
}

void
conformance_pools_are_apart (const spool_kind_t *kind)
{
    world_t world = begin (kind);
    godwit_spool_t *const spool = world.spool;
    world_set_pool (spool, "info", "audit", 0);
    world_set_pool (spool, "info", "dash", 0);
    world_set_pool (spool, "warn", "audit", 0);
    for (int i = 0; i < 4; i++)
        world_append (spool, "info", "x");
    world_append (spool, "warn", "w");
    world_settle (spool, "info", "audit", 1, 4);
    world_settle (spool, "info", "dash", 2, 1);
    MUST_BE (world_read (spool, "info", "audit"), "");
    MUST_BE (world_read (spool, "info", "dash"), "1:x 3:x 4:x");
    MUST_BE (world_read (spool, "warn", "audit"), "1:w");
    world_flush (spool);
    MUST_BE (world_read (spool, "info", NULL), "1:x 3:x 4:x");
    MUST_BE (world_streams (spool), "info 4 audit=4 dash=0; warn 1 audit=0");
    end (&world);
}

void
conformance_pools_come_and_go (const spool_kind_t *kind)
{
    world_t world = begin (kind);
    godwit_spool_t *const spool = world.spool;
    for (int i = 0; i < 3; i++)
        world_append (spool, "info", "old"); /* no pool is known: kept */
    world_set_pool (spool, "info", "late", 1);
    MUST_BE (world_read (spool, "info", "late"), "2:old 3:old");
    world_set_pool (spool, "info", "late", 3); /* it is there: only seen */
    MUST_BE (world_read (spool, "info", "late"), "2:old 3:old");
    world_set_pool (spool, "info", "new", UINT64_MAX);
    world_append (spool, "info", "both");
    MUST_BE (world_read (spool, "info", "new"), "4:both");
    world_settle (spool, "info", "late", 2, 1);
    world_set_pool (spool, "info", "last", 0); /* what is deleted is not for it */
    MUST_BE (world_read (spool, "info", "last"), "3:old 4:both");
    MUST (spool->ops->remove_pool (spool, "info", "last", UINT64_MAX, &error));
    MUST (spool->ops->remove_pool (spool, "info", "late", UINT64_MAX, &error));
    MUST_BE (world_read (spool, "info", NULL), "4:both"); /* only "late" had wanted 3 */
    MUST (spool->ops->remove_pool (spool, "info", "new", UINT64_MAX, &error));
    MUST_BE (world_read (spool, "info", NULL), "");
    MUST_BE (world_streams (spool), "info 4");
    world_append (spool, "info", "kept");
    MUST_BE (world_read (spool, "info", NULL), "5:kept");
    world_set_pool (spool, "info", "gone", 0);
    world_append (spool, "info", "last");
    world_append (spool, "info", "later");
    world_append (spool, "info", "settled");
    world_settle (spool, "info", "gone", 8, 1);
    MUST (spool->ops->remove_pool (spool, "info", "gone", 6,
                                   &error)); /* the last one: 7 is for pools to come */
    MUST_BE (world_read (spool, "info", NULL), "7:later");
    world_set_pool (spool, "info", "next", 0);
    MUST_BE (world_read (spool, "info", "next"), "7:later");
    world_set_pool (spool, "info", "other", UINT64_MAX);
    MUST (spool->ops->remove_pool (spool, "info", "next", 0, &error)); /* the other one does not want it */
    MUST_BE (world_read (spool, "info", NULL), "");
    end (&world);
}

typedef struct taken {
    uint64_t last;
    size_t count;
    size_t stop_at;
} taken_t;

static bool
take (void *user, uint64_t number, const void *data, size_t size)
{
    taken_t *const taken = user;
    cr_assert (size == 0 || data);
    taken->last = number;
    return ++taken->count != taken->stop_at;
}

static taken_t
read_some (godwit_spool_t *spool, uint64_t from, size_t limit, size_t max_size, size_t stop_at)
{
    taken_t taken = {.stop_at = stop_at};
    MUST (spool->ops->read (spool, "info", "audit", from, limit, max_size, take, &taken, &error));
    return taken;
}

void
conformance_reads_what_it_is_asked_for (const spool_kind_t *kind)
{
    world_t world = begin (kind);
    world_set_pool (world.spool, "info", "audit", 0);
    for (int i = 0; i < 100; i++)
        world_append (world.spool, "info", "0123456789");
    cr_assert_eq (read_some (world.spool, 0, 0, 0, 0).count, 100);
    cr_assert_eq (read_some (world.spool, 91, 0, 0, 0).count, 10);
    cr_assert_eq (read_some (world.spool, 101, 0, 0, 0).count, 0);
    cr_assert_eq (read_some (world.spool, 10, 5, 0, 0).last, 14);
    cr_assert_eq (read_some (world.spool, 0, 0, 25, 0).count, 3); /* the third makes it more than 25 bytes */
    cr_assert_eq (read_some (world.spool, 0, 0, 0, 7).count, 7);
    world_settle (world.spool, "info", "audit", 2, 97);
    cr_assert_eq (read_some (world.spool, 1, 2, 0, 0).last, 99);
    end (&world);
}

void
conformance_all_or_none (const spool_kind_t *kind)
{
    world_t world = begin (kind);
    godwit_spool_t *const spool = world.spool;
    godwit_spool_item_t items[] = {{.stream = "a", .data = "1", .size = 1},
                                   {.stream = "b", .data = "2", .size = 1},
                                   {.stream = "a", .data = "3", .size = 1},
                                   {.stream = "b", .data = NULL, .size = 1}};
    cr_assert_eq (spool->ops->append (spool, items, 4, NULL, NULL, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    MUST_BE (world_streams (spool), "");
    items[3].data = "4";
    MUST (spool->ops->append (spool, items, 4, NULL, NULL, &error));
    cr_assert_eq (items[0].number, 1);
    cr_assert_eq (items[1].number, 1);
    cr_assert_eq (items[2].number, 2);
    cr_assert_eq (items[3].number, 2);
    MUST_BE (world_read (spool, "a", NULL), "1:1 2:3");
    MUST_BE (world_read (spool, "b", NULL), "1:2 2:4");
    MUST (spool->ops->append (spool, NULL, 0, NULL, NULL, &error));
    end (&world);
}

static void
note_safe (void *user, const godwit_spool_item_t *items, size_t count)
{
    taken_t *const taken = user;
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq (items[i].number, taken->last + 1, "%lu after %lu", (unsigned long) items[i].number,
                      (unsigned long) taken->last);
        taken->last = items[i].number;
    }
    taken->count++;
}

void
conformance_tells_what_is_safe (const spool_kind_t *kind)
{
    world_t world = begin (kind);
    taken_t taken = {0};
    godwit_spool_item_t items[] = {{.stream = "a", .data = "1", .size = 1},
                                   {.stream = "a", .data = "2", .size = 1}};
    MUST (world.spool->ops->append (world.spool, items, 2, note_safe, &taken, &error));
    cr_assert_eq (taken.last, 2);
    cr_assert_eq (taken.count, 1);
    items[1].stream = NULL;
    cr_assert_neq (world.spool->ops->append (world.spool, items, 2, note_safe, &taken, NULL), GODWIT_OK);
    cr_assert_eq (taken.count, 1);
    end (&world);
}

void
conformance_refuses_nonsense (const spool_kind_t *kind)
{
    world_t world = begin (kind);
    godwit_spool_t *const spool = world.spool;
    const godwit_spool_ops_t *const ops = spool->ops;
    taken_t taken = {0};
    world_set_pool (spool, "info", "audit", 0);
    world_append (spool, "info", "x");
    cr_assert_eq (ops->settle (spool, "info", "audit", 1, 2, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (ops->settle (spool, "info", "audit", 0, 1, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (ops->settle (spool, "info", "audit", 2, UINT64_MAX, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (ops->settle (spool, "info", "audit", 1, UINT64_MAX, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (ops->settle (spool, "info", "dash", 1, 1, NULL), GODWIT_ERR_NOT_FOUND);
    cr_assert_eq (ops->settle (spool, "warn", "audit", 1, 1, NULL), GODWIT_ERR_NOT_FOUND);
    cr_assert_eq (ops->settle (spool, "info", "", 1, 1, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (ops->settle (spool, NULL, "audit", 1, 1, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (ops->read (spool, "warn", NULL, 1, 0, 0, take, &taken, NULL), GODWIT_ERR_NOT_FOUND);
    cr_assert_eq (ops->read (spool, "info", "dash", 1, 0, 0, take, &taken, NULL), GODWIT_ERR_NOT_FOUND);
    cr_assert_eq (ops->read (spool, NULL, NULL, 1, 0, 0, take, &taken, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (ops->read (spool, "info", NULL, 1, 0, 0, NULL, NULL, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (ops->set_pool (spool, "info", NULL, 0, 0, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (ops->remove_pool (spool, "info", "dash", UINT64_MAX, NULL), GODWIT_ERR_NOT_FOUND);
    cr_assert_eq (ops->streams (spool, NULL, NULL, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (taken.count, 0);
    MUST_BE (world_read (spool, "info", "audit"), "1:x");
    end (&world);
}

/* ---- threads ---- */

typedef struct crowd {
    godwit_spool_t *spool;
    taken_t safe; /* no lock: one call at a time */
} crowd_t;

static void *
append_and_settle (void *user)
{
    crowd_t *const crowd = user;
    for (int i = 0; i < APPENDS; i++) {
        godwit_spool_item_t items[] = {{.stream = "info", .data = "x", .size = 1},
                                       {.stream = "info", .data = "y", .size = 1}};
        MUST (crowd->spool->ops->append (crowd->spool, items, 2, note_safe, &crowd->safe, &error));
        cr_assert_eq (items[1].number, items[0].number + 1); /* what comes together stays together */
        world_settle (crowd->spool, "info", "audit", items[1].number, 1);
    }
    return NULL;
}

static void *
read_along (void *user)
{
    crowd_t *const crowd = user;
    for (int i = 0; i < 20; i++) {
        taken_t taken = {0};
        MUST (crowd->spool->ops->read (crowd->spool, "info", "audit", 0, 0, 0, take, &taken, &error));
        cr_assert_leq (taken.count, 2 * THREADS * APPENDS);
        world_flush (crowd->spool);
    }
    return NULL;
}

void
conformance_threads (const spool_kind_t *kind)
{
    world_t world = begin (kind);
    crowd_t crowd = {.spool = world.spool};
    pthread_t threads[THREADS + 1];
    taken_t taken = {0};
    world_set_pool (world.spool, "info", "audit", 0);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq (pthread_create (&threads[i], NULL, append_and_settle, &crowd), 0);
    cr_assert_eq (pthread_create (&threads[THREADS], NULL, read_along, &crowd), 0);
    for (int i = 0; i <= THREADS; i++)
        pthread_join (threads[i], NULL);
    cr_assert_eq (crowd.safe.last, 2 * THREADS * APPENDS);
    MUST (world.spool->ops->read (world.spool, "info", "audit", 0, 0, 0, take, &taken, &error));
    cr_assert_eq (taken.count, THREADS * APPENDS);
    end (&world);
}

/* ---- again ---- */

void
conformance_is_there_again (const spool_kind_t *kind)
{
    if (!kind->is_kept)
        return;
    world_t world = begin (kind);
    world_set_pool (world.spool, "info", "audit", 0);
    world_set_pool (world.spool, "info", "dash", 0);
    for (int i = 0; i < 6; i++)
        world_append (world.spool, "info", "x");
    world_append (world.spool, "warn", "w");
    world_settle (world.spool, "info", "audit", 1, 2);
    world_settle (world.spool, "info", "audit", 5, 1);
    world_settle (world.spool, "info", "dash", 1, 1);
    reopen (&world);
    MUST_BE (world_streams (world.spool), "info 6 audit=2 dash=1; warn 1");
    MUST_BE (world_read (world.spool, "info", "audit"), "3:x 4:x 6:x");
    MUST_BE (world_read (world.spool, "info", NULL), "2:x 3:x 4:x 5:x 6:x");
    cr_assert_eq (world_append (world.spool, "info", "next"), 7);
    MUST (world.spool->ops->remove_pool (world.spool, "info", "dash", UINT64_MAX, &error));
    reopen (&world);
    MUST_BE (world_read (world.spool, "info", NULL), "3:x 4:x 6:x 7:next");
    world_settle (world.spool, "info", "audit", 1, 7);
    reopen (&world);
    MUST_BE (world_streams (world.spool), "info 7 audit=7; warn 1");
    cr_assert_eq (world_append (world.spool, "info", "next"), 8);
    end (&world);
}

/* ---- any order ---- */

static const char *const streams[] = {"a", "b"};
static const char *const pools[] = {"p", "q", "r"};

typedef struct play {
    world_t world;
    godwit_spool_t *model;
    random_t random;
    uint64_t last[2];
} play_t;

static void
same_status (const play_t *play, godwit_status_t mine, godwit_status_t models, const char *what)
{
    (void) play;
    cr_assert_eq (mine, models, "%s: %s, and in memory %s", what, godwit_status_type (mine),
                  godwit_status_type (models));
}

static void
play_append (play_t *play)
{
    godwit_spool_item_t items[70], again[70];
    const size_t count = 1 + random_below (&play->random, random_below (&play->random, 8) ? 3 : 70);
    static char text[5000];
    memset (text, 'x', sizeof text);
    for (size_t i = 0; i < count; i++) {
        const uint32_t which = random_below (&play->random, 2);
        play->last[which]++;
        items[i] = again[i] = (godwit_spool_item_t){
            .stream = streams[which],
            .data = text,
            .size = random_below (&play->random, random_below (&play->random, 20) ? 40 : sizeof text)};
    }
    MUST (play->world.spool->ops->append (play->world.spool, items, count, NULL, NULL, &error));
    MUST (play->model->ops->append (play->model, again, count, NULL, NULL, &error));
    for (size_t i = 0; i < count; i++)
        cr_assert_eq (items[i].number, again[i].number);
}

static void
play_settle (play_t *play)
{
    const uint32_t which = random_below (&play->random, 2);
    const char *const pool = pools[random_below (&play->random, 3)];
    const uint64_t first = 1 + random_below (&play->random, (uint32_t) play->last[which] + 2);
    const uint64_t count = random_below (&play->random, random_below (&play->random, 4) ? 3 : 300);
    same_status (play,
                 play->world.spool->ops->settle (play->world.spool, streams[which], pool, first, count, NULL),
                 play->model->ops->settle (play->model, streams[which], pool, first, count, NULL), "settle");
}

static void
play_pool (play_t *play)
{
    const uint32_t which = random_below (&play->random, 2);
    const char *const pool = pools[random_below (&play->random, 3)];
    const uint64_t settled = random_below (&play->random, (uint32_t) play->last[which] + 2);
    /* In between it depends on what was appended together. */
    const uint64_t until = random_below (&play->random, 2) ? play->last[which] : UINT64_MAX;
    if (random_below (&play->random, 3)) {
        world_set_pool (play->world.spool, streams[which], pool, settled);
        world_set_pool (play->model, streams[which], pool, settled);
    } else
        same_status (
            play, play->world.spool->ops->remove_pool (play->world.spool, streams[which], pool, until, NULL),
            play->model->ops->remove_pool (play->model, streams[which], pool, until, NULL), "remove_pool");
}

static void
compare (const play_t *play, const char *stream, const char *pool)
{
    taken_t taken = {0};
    const godwit_status_t status =
        play->model->ops->read (play->model, stream, pool, 0, 0, 0, take, &taken, NULL);
    if (status) {
        same_status (
            play, play->world.spool->ops->read (play->world.spool, stream, pool, 0, 0, 0, take, &taken, NULL),
            status, "read");
        return;
    }
    char *const expected = strdup (world_read (play->model, stream, pool));
    MUST_BE (world_read (play->world.spool, stream, pool), expected);
    free (expected);
}

static void
compare_all (const play_t *play)
{
    char *const expected = strdup (world_streams (play->model));
    MUST_BE (world_streams (play->world.spool), expected);
    free (expected);
    for (size_t i = 0; i < 2; i++) {
        compare (play, streams[i], NULL);
        for (size_t j = 0; j < 3; j++)
            compare (play, streams[i], pools[j]);
    }
}

/* Random operations on it and on a spool in memory have the same results. */
void
conformance_any_order (const spool_kind_t *kind)
{
    play_t play = {.world = begin (kind), .model = memory_spool_new (), .random = random_start ()};
    for (int i = 0; i < STEPS; i++) {
        const uint32_t what = random_below (&play.random, 100);
        if (what < 45)
            play_append (&play);
        else if (what < 85)
            play_settle (&play);
        else if (what < 92)
            play_pool (&play);
        else if (what < 96)
            world_flush (play.world.spool);
        else if (what < 98 && kind->is_kept)
            reopen (&play.world);
        else
            compare_all (&play);
    }
    compare_all (&play);
    memory_spool_destroy (&play.model);
    end (&play.world);
}
