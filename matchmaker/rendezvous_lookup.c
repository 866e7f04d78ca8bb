/* SPDX-License-Identifier: Apache-2.0 */
#include "matchmaker/rendezvous_lookup.h"

#include "src/base/thread.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TCP "tcp://"

/* Belongs to its thread and to the lookup that waits for it; the last one frees it. */
typedef struct godwit__lookup_job {
    atomic_uint refs;
    pthread_mutex_t lock;
    godwit__lookup_t *lookup; /* under the lock; NULL: nobody waits any more */
    godwit__task_t task;
    godwit__look_up_fn *look_up;
    char name[GODWIT__ADDRESS_SIZE];
    char port[8];
    size_t count;
    char found[GODWIT__FOUND_MAX][GODWIT__ADDRESS_SIZE];
} job_t;

/* "tcp://name:port"; false if it is anything else. */
static bool
split (const char *address, char name[GODWIT__ADDRESS_SIZE], char port[8])
{
    const char *const colon = strrchr (address, ':');
    if (strncmp (address, TCP, strlen (TCP)) != 0 || !colon || colon < address + strlen (TCP))
        return false;
    const int size = (int) (colon - address - (int) strlen (TCP));
    return snprintf (name, GODWIT__ADDRESS_SIZE, "%.*s", size, address + strlen (TCP)) == size &&
           snprintf (port, 8, "%s", colon + 1) < 8;
}

bool
godwit__lookup_is_needed (const char *address)
{
    char name[GODWIT__ADDRESS_SIZE], port[8];
    struct in_addr number;
    return split (address, name, port) && name[0] != '[' && inet_pton (AF_INET, name, &number) != 1;
}

/* ---- on the lookup's thread ---- */

static void
unref (job_t *job)
{
    if (atomic_fetch_sub (&job->refs, 1) > 1)
        return;
    pthread_mutex_destroy (&job->lock);
    free (job);
}

static size_t
system_look_up (const char *name, const char *port, char found[GODWIT__FOUND_MAX][GODWIT__ADDRESS_SIZE])
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    size_t count = 0;
    if (getaddrinfo (name, port, &hints, &list) != 0)
        return 0;
    for (const struct addrinfo *at = list; at && count < GODWIT__FOUND_MAX; at = at->ai_next) {
        char text[GODWIT__ADDRESS_SIZE - 32];
        if (getnameinfo (at->ai_addr, at->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) == 0)
            snprintf (found[count++], GODWIT__ADDRESS_SIZE,
                      at->ai_family == AF_INET6 ? TCP "[%s]:%s" : TCP "%s:%s", text, port);
    }
    freeaddrinfo (list);
    return count;
}

static void *
run (void *argument)
{
    job_t *const job = argument;
    godwit__thread_set_name ("godwit-lookup");
    job->count = job->look_up (job->name, job->port, job->found);
    pthread_mutex_lock (&job->lock);
    if (job->lookup)
        godwit__reactor_post (job->lookup->reactor, &job->task);
    pthread_mutex_unlock (&job->lock);
    unref (job);
    return NULL;
}

static bool
start_thread (job_t *job)
{
    pthread_t thread;
    const bool runs = godwit__thread_start (&thread, run, job) == 0;
    if (runs)
        pthread_detach (thread);
    return runs;
}

/* ---- on the reactor's thread ---- */

static void
on_done (godwit__task_t *task)
{
    job_t *const job = task->user;
    godwit__lookup_t *const lookup = job->lookup;
    memcpy (lookup->found, job->found, sizeof lookup->found);
    lookup->count = lookup->left = job->count;
    lookup->next = lookup->count ? lookup->next % lookup->count : 0;
    lookup->is_done = true;
    lookup->job = NULL;
    unref (job);
    lookup->done (lookup->user);
}

bool
godwit__lookup_begin (godwit__lookup_t *lookup, const char *address)
{
    if (lookup->job)
        return true;
    job_t *job = calloc (1, sizeof *job);
    if (!job)
        return false;
    pthread_mutex_init (&job->lock, NULL);
    atomic_init (&job->refs, 2);
    job->lookup = lookup;
    job->look_up = lookup->look_up ? lookup->look_up : system_look_up;
    job->task = (godwit__task_t){.run = on_done, .user = job};
    if (!split (address, job->name, job->port) || !start_thread (job)) {
        atomic_store (&job->refs, 1);
        unref (job);
        return false;
    }
    lookup->job = job;
    return true;
}

const char *
godwit__lookup_next (godwit__lookup_t *lookup)
{
    if (lookup->left == 0)
        return NULL;
    lookup->left--;
    const size_t at = lookup->next;
    lookup->next = (at + 1) % lookup->count;
    return lookup->found[at];
}

void
godwit__lookup_keep (godwit__lookup_t *lookup)
{
    if (lookup->count > 0)
        lookup->next = (lookup->next + lookup->count - 1) % lookup->count;
}

void
godwit__lookup_close (godwit__lookup_t *lookup)
{
    job_t *const job = lookup->job;
    if (!job)
        return;
    pthread_mutex_lock (&job->lock);
    job->lookup = NULL;
    pthread_mutex_unlock (&job->lock);
    godwit__reactor_unpost (lookup->reactor, &job->task);
    lookup->job = NULL;
    unref (job);
}
