/* SPDX-License-Identifier: Apache-2.0 */
#include "src/interface/lookup.h"

#include "src/base/list.h"
#include "src/base/thread.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TCP "tcp://"

/* Belongs to whoever made it, and to the thread while that runs; the last one frees it. */
struct godwit__lookup_thread {
    atomic_uint refs;
    pthread_mutex_t lock;
    bool runs;           /* under the lock, as the next one */
    godwit__list_t jobs; /* that it has not begun */
};

/* Belongs to its thread and to the lookup that waits for it; the last one frees it. */
typedef struct godwit__lookup_job {
    atomic_uint refs;
    godwit__list_node_t in_jobs; /* of a thread that does several */
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

static bool
is_wanted (job_t *job)
{
    pthread_mutex_lock (&job->lock);
    const bool wanted = job->lookup != NULL;
    pthread_mutex_unlock (&job->lock);
    return wanted;
}

/* Takes over the thread's reference. */
static void
work_off (job_t *job)
{
    if (is_wanted (job))
        job->count = job->look_up (job->name, job->port, job->found);
    pthread_mutex_lock (&job->lock);
    if (job->lookup)
        godwit__reactor_post (job->lookup->reactor, &job->task);
    pthread_mutex_unlock (&job->lock);
    unref (job);
}

static void *
run_one (void *argument)
{
    godwit__thread_set_name ("godwit-lookup");
    work_off (argument);
    return NULL;
}

static void
thread_unref (godwit__lookup_thread_t *thread)
{
    if (atomic_fetch_sub (&thread->refs, 1) > 1)
        return;
    pthread_mutex_destroy (&thread->lock);
    free (thread);
}

/* The next one; NULL: there is none, and the thread has ended. */
static job_t *
next_job (godwit__lookup_thread_t *thread)
{
    pthread_mutex_lock (&thread->lock);
    job_t *const job = GODWIT__FIRST (&thread->jobs, job_t, in_jobs);
    if (job)
        godwit__list_remove (&job->in_jobs);
    else
        thread->runs = false;
    pthread_mutex_unlock (&thread->lock);
    return job;
}

static void *
run_several (void *argument)
{
    godwit__lookup_thread_t *const thread = argument;
    godwit__thread_set_name ("godwit-lookup");
    for (job_t *job; (job = next_job (thread));)
        work_off (job);
    thread_unref (thread);
    return NULL;
}

static bool
start (void *(*run) (void *), void *argument)
{
    pthread_t thread;
    const bool runs = godwit__thread_start (&thread, run, argument) == 0;
    if (runs)
        pthread_detach (thread);
    return runs;
}

/* False: no thread can be started; then nothing was taken over. */
static bool
hand_over (godwit__lookup_thread_t *thread, job_t *job)
{
    if (!thread)
        return start (run_one, job);
    pthread_mutex_lock (&thread->lock);
    godwit__list_append (&thread->jobs, &job->in_jobs);
    if (!thread->runs) {
        atomic_fetch_add (&thread->refs, 1);
        thread->runs = start (run_several, thread);
    }
    const bool runs = thread->runs;
    if (!runs) {
        atomic_fetch_sub (&thread->refs, 1); /* not the last one: the caller has another */
        godwit__list_remove (&job->in_jobs);
    }
    pthread_mutex_unlock (&thread->lock);
    return runs;
}

godwit__lookup_thread_t *
godwit__lookup_thread_new (void)
{
    godwit__lookup_thread_t *thread = calloc (1, sizeof *thread);
    if (!thread)
        return NULL;
    atomic_init (&thread->refs, 1);
    pthread_mutex_init (&thread->lock, NULL);
    godwit__list_init (&thread->jobs);
    return thread;
}

void
godwit__lookup_thread_destroy (godwit__lookup_thread_t *thread)
{
    if (thread)
        thread_unref (thread);
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
    if (!split (address, job->name, job->port) || !hand_over (lookup->thread, job)) {
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
