/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/seeds.h"

#include <godwit/testing.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define KINDS 12
#define PLAIN_KINDS 10 /* of clusters without a realm */

/* In the order of their bits. */
static const char *const kinds[KINDS] = {"loss",  "delay", "duplicate", "reorder", "cut",    "partition",
                                         "pause", "kill",  "power",     "restart", "expiry", "revocation"};

unsigned
seeds_faults (const char *names)
{
    unsigned faults = 0;
    if (!strcmp (names, "all"))
        return GODWIT_FAULT_ALL;
    if (!strcmp (names, "none"))
        return 0;
    while (*names) {
        const size_t size = strcspn (names, ",");
        unsigned kind = 0;
        while (kind < KINDS && (strlen (kinds[kind]) != size || strncmp (kinds[kind], names, size) != 0))
            kind++;
        if (kind == KINDS)
            return ~0u;
        faults |= 1u << kind;
        names += size + (names[size] == ',');
    }
    return faults;
}

typedef struct seeds {
    uint64_t first, count;
    atomic_uint_fast64_t next;
    seeds_one_fn *one;
    void *user;
} seeds_t;

static void *
work (void *user)
{
    seeds_t *const self = user;
    for (uint64_t at; (at = atomic_fetch_add (&self->next, 1)) < self->count;)
        self->one (self->user, self->first + at);
    return NULL;
}

void
seeds_run (uint64_t first, uint64_t count, unsigned jobs, seeds_one_fn *one, void *user)
{
    seeds_t self = {.first = first, .count = count, .one = one, .user = user};
    pthread_t threads[SEEDS_JOBS_MAX];
    unsigned started = 0;
    while (started + 1 < jobs && pthread_create (&threads[started], NULL, work, &self) == 0)
        started++;
    work (&self);
    while (started)
        pthread_join (threads[--started], NULL);
}

uint64_t
seeds_divide (const char *faults, uint64_t first, uint64_t count, seeds_part_fn *part, void *user)
{
    const uint64_t each = faults ? 0 : count / 20;
    uint64_t sum = 0;
    for (unsigned kind = 0; kind < PLAIN_KINDS && !faults; kind++)
        sum += part (user, kinds[kind], first + kind * each, each);
    return sum + part (user, faults ? faults : "all", first + PLAIN_KINDS * each, count - PLAIN_KINDS * each);
}
