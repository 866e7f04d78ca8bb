/* SPDX-License-Identifier: Apache-2.0 */
/* Each allocation fails once: it is OUT_OF_MEMORY, nothing leaks, and the file has what was acknowledged. */
#include "tests/support/short_memory.h"

#include "components/spool/inside.h"
#include "tests/spool/spool_world.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TestSuite (memory, .timeout = 110);

#ifdef SHORT_MEMORY_SANITIZED

Test (memory, is_short)
{
    cr_skip_test ("the sanitizers have an allocator of their own");
}

#else

static char path[256];

static bool
count_item (void *user, uint64_t number, const void *data, size_t size)
{
    (void) number;
    (void) data;
    (void) size;
    ++*(int *) user;
    return true;
}

/* A life of a spool. What returned OK holds, also if something later fails. */
static godwit_status_t
live (godwit_spool_t *spool, int *acknowledged, godwit_error_t **error)
{
    const godwit_spool_ops_t *const ops = spool->ops;
    godwit_spool_item_t items[] = {{.stream = "info", .data = "one", .size = 3},
                                   {.stream = "info", .data = "two", .size = 3},
                                   {.stream = "warn", .data = "three", .size = 5}};
    int seen = 0;
    godwit_status_t status = ops->set_pool (spool, "info", "audit", 0, 1, error);
    for (int i = 0; i < 3 && !status; i++) {
        status = ops->append (spool, items, 3, NULL, NULL, error);
        if (!status)
            *acknowledged += 2;
        if (!status && i == 1)
            status = ops->settle (spool, "info", "audit", items[0].number, 1, error);
    }
    if (!status)
        status = ops->flush (spool, error);
    if (!status)
        status = ops->read (spool, "info", "audit", 0, 0, 0, count_item, &seen, error);
    if (!status && seen != *acknowledged - 1)
        status = GODWIT_ERR_FAILED;
    if (!status)
        status = ops->set_pool (spool, "info", "dash", 2, 1, error);
    if (!status)
        status = ops->remove_pool (spool, "info", "dash", UINT64_MAX, error);
    return status;
}

static void
remove_files (void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock"};
    char name[300];
    for (size_t i = 0; i < 4; i++) {
        snprintf (name, sizeof name, "%s%s", path, suffixes[i]);
        unlink (name);
    }
}

static godwit_status_t
run (godwit_error_t **error)
{
    godwit_spool_t *spool = NULL;
    int acknowledged = 0, there = 0;
    remove_files ();
    const godwit_status_t opened = godwit_sqlite_spool_open (&spool, path, NULL, error);
    if (opened)
        return opened;
    const godwit_status_t status = live (spool, &acknowledged, error);
    godwit_sqlite_spool_close (&spool);
    counting = false;
    cr_assert_eq (godwit_sqlite_spool_open (&spool, path, NULL, NULL), GODWIT_OK);
    if (acknowledged)
        cr_assert_eq (spool->ops->read (spool, "info", NULL, 0, 0, 0, count_item, &there, NULL), GODWIT_OK);
    cr_assert (there == acknowledged || there == acknowledged - 1, "%d of %d are there", there, acknowledged);
    godwit_sqlite_spool_close (&spool);
    return status;
}

static void
nothing (void)
{
}

Test (memory, is_short)
{
    static const short_memory_row_t row = {"a life of a spool", run, 100};
    strcpy (path, world_path (world_folder (), "spool"));
    short_memory_check (&row, nothing, nothing);
    *strrchr (path, '/') = '\0';
    world_remove (path);
}

/* ---- two appends in one transaction ---- */

typedef struct request {
    godwit_spool_t *spool;
    godwit_spool_item_t items[2];
    size_t count;
    long fails; /* which allocation of its thread; 0: none */
    bool has_failed;
    bool is_safe;
    godwit_status_t status;
} request_t;

static uint64_t last_safe; /* of the stream "info" */

static void
note_safe (void *user, const godwit_spool_item_t *items, size_t count)
{
    (void) count;
    cr_assert_eq (items[0].number, last_safe + 1);
    last_safe = items[0].number;
    ((request_t *) user)->is_safe = true;
}

static void *
append_request (void *user)
{
    request_t *const request = user;
    allocations = 0;
    fail_at = request->fails;
    counting = request->fails > 0;
    request->status = request->spool->ops->append (request->spool, request->items, request->count, note_safe,
                                                   request, NULL);
    counting = false;
    request->has_failed = allocations >= request->fails;
    return NULL;
}

static void
wait_for_requests (godwit__sqlite_spool_t *self, size_t wanted)
{
    size_t count = 0;
    while (count < wanted) {
        sched_yield ();
        count = 0;
        pthread_mutex_lock (&self->lock);
        for (const godwit__request_t *request = self->head; request; request = request->next)
            count++;
        pthread_mutex_unlock (&self->lock);
    }
}

/* The first of them also has a new stream, and writes both. False: it has made no more allocations. */
static bool
append_two (godwit_spool_t *spool, long fails)
{
    godwit__sqlite_spool_t *const self = godwit__sqlite_spool (spool);
    pthread_t threads[2];
    char name[32];
    snprintf (name, sizeof name, "new %ld", fails);
    const godwit_spool_item_t of_info = {.stream = "info", .data = "x", .size = 1},
                              of_new = {.stream = name, .data = "x", .size = 1};
    request_t requests[2] = {{.spool = spool, .items = {of_info, of_new}, .count = 2, .fails = fails},
                             {.spool = spool, .items = {of_info}, .count = 1}};
    godwit__spool_role_take (self);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq (pthread_create (&threads[i], NULL, append_request, &requests[i]), 0);
        wait_for_requests (self, i + 1);
    }
    godwit__spool_role_give (self);
    for (size_t i = 0; i < 2; i++) {
        pthread_join (threads[i], NULL);
        cr_assert (requests[i].status == GODWIT_OK || requests[i].status == GODWIT_ERR_OUT_OF_MEMORY);
        cr_assert_eq (requests[i].is_safe, requests[i].status == GODWIT_OK);
    }
    return requests[0].has_failed;
}

/* One that fails and is tried again has later numbers, and is told to be safe later. */
Test (memory, numbers_are_told_in_order)
{
    long fails = 1;
    strcpy (path, world_path (world_folder (), "spool"));
    godwit_spool_t *spool = world_open (path, NULL);
    while (append_two (spool, fails))
        fails++;
    cr_assert_gt (fails, 5);
    godwit_sqlite_spool_close (&spool);
    *strrchr (path, '/') = '\0';
    world_remove (path);
}

#endif
