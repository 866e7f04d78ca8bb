/* SPDX-License-Identifier: Apache-2.0 */
#include "src/server/guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct godwit__guest {
    godwit__list_node_t in_there;
    godwit__guests_t *guests;
    const godwit__session_t *session; /* it outlives the guest */
    godwit__guest_sight_t sight;      /* but what is counted, which the session has */
};

void
godwit__guests_init (godwit__guests_t *guests, const godwit__clock_t *clock)
{
    pthread_mutex_init (&guests->lock, NULL);
    guests->clock = clock;
    godwit__list_init (&guests->there);
}

void
godwit__guests_release (godwit__guests_t *guests)
{
    pthread_mutex_destroy (&guests->lock);
}

static godwit__guest_sight_t
sight_of (const godwit__guest_t *guest)
{
    godwit__guest_sight_t sight = guest->sight;
    sight.received = atomic_load_explicit (&guest->session->received, memory_order_relaxed);
    sight.received_size = atomic_load_explicit (&guest->session->received_size, memory_order_relaxed);
    return sight;
}

void
godwit__guest_enter (godwit__guests_t *guests, godwit__session_t *session,
                     const uint8_t instance[GODWIT__INSTANCE_SIZE], const char *name, const char *driver)
{
    if (session->guest && memcmp (session->guest->sight.instance, instance, GODWIT__INSTANCE_SIZE) == 0)
        return;
    godwit__guest_leave (session, "another process came over its link");
    godwit__guest_t *const guest = calloc (1, sizeof *guest);
    if (!guest)
        return;
    guest->guests = guests;
    guest->session = session;
    memcpy (guest->sight.instance, instance, sizeof guest->sight.instance);
    snprintf (guest->sight.name, sizeof guest->sight.name, "%s", name);
    guest->sight.driver = driver;
    guest->sight.since_ns = godwit__clock_now (guests->clock);
    session->guest = guest;
    pthread_mutex_lock (&guests->lock);
    godwit__list_append (&guests->there, &guest->in_there);
    guests->count++;
    pthread_mutex_unlock (&guests->lock);
}

void
godwit__guest_leave (godwit__session_t *session, const char *reason)
{
    godwit__guest_t *const guest = session->guest;
    if (!guest)
        return;
    godwit__guests_t *const guests = guest->guests;
    godwit__guest_sight_t sight = sight_of (guest);
    sight.left_ns = godwit__clock_now (guests->clock);
    sight.reason = reason;
    session->guest = NULL;
    pthread_mutex_lock (&guests->lock);
    godwit__list_remove (&guest->in_there);
    guests->count--;
    guests->left[guests->left_count++ % GODWIT__GUESTS_LEFT_MAX] = sight;
    pthread_mutex_unlock (&guests->lock);
    free (guest);
}

size_t
godwit__guests_count (godwit__guests_t *guests)
{
    pthread_mutex_lock (&guests->lock);
    const size_t count = guests->count;
    pthread_mutex_unlock (&guests->lock);
    return count;
}

/* With the lock: the newest first. */
static size_t
copy_left (const godwit__guests_t *guests, godwit__guest_sight_t *to)
{
    const uint64_t all = guests->left_count;
    const size_t count = all < GODWIT__GUESTS_LEFT_MAX ? (size_t) all : GODWIT__GUESTS_LEFT_MAX;
    for (size_t i = 0; i < count; i++)
        to[i] = guests->left[(all - 1 - i) % GODWIT__GUESTS_LEFT_MAX];
    return count;
}

/* Memory is asked for before the lock is taken. Those that come in between are not told. */
godwit__guest_sight_t *
godwit__guests_look (godwit__guests_t *guests, size_t limit, size_t *count)
{
    const size_t there = godwit__guests_count (guests);
    const size_t most = there < limit ? there : limit;
    godwit__guest_sight_t *const sights = calloc (most + GODWIT__GUESTS_LEFT_MAX, sizeof *sights);
    size_t used = 0;
    *count = 0;
    if (!sights)
        return NULL;
    pthread_mutex_lock (&guests->lock);
    for (const godwit__guest_t *at = GODWIT__FIRST (&guests->there, godwit__guest_t, in_there);
         at && used < most; at = GODWIT__NEXT (&guests->there, at, godwit__guest_t, in_there))
        sights[used++] = sight_of (at);
    used += copy_left (guests, sights + used);
    pthread_mutex_unlock (&guests->lock);
    *count = used;
    return sights;
}
