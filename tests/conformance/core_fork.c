/* SPDX-License-Identifier: Apache-2.0 */
/* What the child of a fork() can do with what was its parent's: be told so, destroy it, and make its own. */
#include "tests/conformance/core_conformance.h"

#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void
on_no_end (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) user;
    (void) status;
    (void) result;
    (void) error;
}

/* In the child: everything says FORKED, and destroying is safe. Returns what was wrong. */
static int
use_after_fork (core_t *core, godwit_future_t *future, godwit_request_t *request)
{
    godwit_client_t *client = NULL;
    godwit_value_t *list = NULL;
    godwit_transport_stats_t stats;
    if (godwit_client_call (core->client, NULL, "nothing", GODWIT_NO_ARGS, NULL, NULL) != GODWIT_ERR_FORKED)
        return 1;
    if (godwit_client_cast (core->client, NULL, "nothing", GODWIT_NO_ARGS, NULL) != GODWIT_ERR_FORKED)
        return 2;
    if (godwit_client_fanout (core->client, NULL, "nothing", GODWIT_NO_ARGS, NULL, NULL) != GODWIT_ERR_FORKED)
        return 3;
    if (godwit_client_call_async (core->client, NULL, "nothing", GODWIT_NO_ARGS, on_no_end, NULL, NULL) !=
        GODWIT_ERR_FORKED)
        return 4;
    if (godwit_future_wait (future, 1000, NULL, NULL, NULL) != GODWIT_ERR_FORKED)
        return 5;
    if (godwit_client_prepare (&client, core->client, NULL, NULL) != GODWIT_ERR_FORKED)
        return 6;
    if (godwit_client_wait_servers (core->client, 1, 1000, NULL) != GODWIT_ERR_FORKED)
        return 7;
    if (godwit_client_servers (core->client, &list, NULL) != GODWIT_ERR_FORKED)
        return 8;
    if (godwit_server_start (core->one.server, NULL, NULL) != GODWIT_ERR_FORKED)
        return 9;
    if (godwit_server_stop (core->one.server, NULL, NULL) != GODWIT_ERR_FORKED)
        return 10;
    if (godwit_request_reply (request, GODWIT_INT (NULL, 1)) != GODWIT_ERR_FORKED)
        return 11;
    if (godwit_request_fail (request, NULL) != GODWIT_ERR_FORKED)
        return 12;
    godwit_request_destroy (&request);
    godwit_transport_stats (core->calling, &stats, sizeof stats);
    godwit_future_destroy (&future);
    godwit_client_destroy (&core->client);
    godwit_server_destroy (&core->one.server);
    if (core->calling != core->serving)
        godwit_transport_destroy (&core->calling);
    godwit_transport_destroy (&core->serving);
    return 0;
}

/* A transport of the child's own works, in the parent's virtual host. Not under a sanitizer: ThreadSanitizer
 * allows no threads after a fork, and AddressSanitizer's allocator may have been locked by a thread that the
 * child does not have. */
static void
use_own_transport (const core_t *parent)
{
#ifdef __has_feature
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define THREADS_AFTER_FORK 0
#endif
#endif
#ifndef THREADS_AFTER_FORK
    core_t own = {.kind = parent->kind};
    memcpy (own.url, parent->url, sizeof own.url);
    own.serving = core_transport (&own, NULL);
    own.calling = own.kind->shared ? own.serving : core_transport (&own, NULL);
    own.client = core_client (own.calling, NULL);
    service_start (&own.one, own.serving, "one", NULL);
    MUST (godwit_client_wait_servers (own.client, 1, WAIT_LIMIT_MS, &error));
    if (call_who (own.client) != 'e')
        _exit (50);
    /* Who was there before in this process was there in the parent's. */
    godwit_transport_stats_t stats;
    godwit_transport_stats (own.calling, &stats, sizeof stats);
    if (!strcmp (own.kind->driver, "inproc") && stats.servers_known != 1)
        _exit (51);
    core_close (&own);
#else
    (void) parent;
#endif
}

/* A thread of the parent that waits while it forks. */
typedef struct waiter {
    core_t *core;
    godwit_future_t *future; /* NULL: waits for a second server */
    pthread_t thread;
    atomic_int tid;
    godwit_status_t status;
} waiter_t;

static void *
wait_in_thread (void *user)
{
    waiter_t *waiter = user;
    atomic_store (&waiter->tid, (int) syscall (SYS_gettid));
    if (waiter->future)
        waiter->status = godwit_future_wait (waiter->future, -1, NULL, NULL, NULL);
    else
        waiter->status = godwit_client_wait_servers (waiter->core->client, 2, 3 * WAIT_LIMIT_MS, NULL);
    return NULL;
}

/* Until the kernel says that the thread sleeps. */
static void
wait_until_asleep (const waiter_t *waiter)
{
    char path[64], text[256];
    const int64_t end = now_ms () + WAIT_LIMIT_MS;
    for (bool asleep = false; !asleep; sched_yield ()) {
        cr_assert_lt (now_ms (), end, "the thread does not go to sleep");
        const int tid = atomic_load (&waiter->tid);
        snprintf (path, sizeof path, "/proc/self/task/%d/stat", tid);
        FILE *file = tid ? fopen (path, "r") : NULL;
        if (!file)
            continue;
        const char *state = fgets (text, sizeof text, file) ? strrchr (text, ')') : NULL;
        asleep = state && state[1] == ' ' && state[2] == 'S';
        fclose (file);
    }
}

void
core_a_forked_child_is_told (const core_kind_t *kind)
{
    core_t core;
    godwit_future_t *future = NULL;
    int status = 0;
    core_open (&core, kind);
    MUST (godwit_client_call (core.client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    MUST (godwit_client_call_future (core.client, NULL, "hold", GODWIT_NO_ARGS, &future, &error));
    service_wait_held (&core.one, 1);
    godwit_request_t *request = service_take (&core.one);
    waiter_t waiters[2] = {{.core = &core, .future = future}, {.core = &core}};
    for (int i = 0; i < 2; i++)
        pthread_create (&waiters[i].thread, NULL, wait_in_thread, &waiters[i]);
    for (int i = 0; i < 2; i++)
        wait_until_asleep (&waiters[i]);
    const pid_t child = fork ();
    cr_assert_geq (child, 0);
    if (child == 0) {
        alarm (WAIT_LIMIT_MS / 1000);
        const core_t parent = core;
        const int wrong = use_after_fork (&core, future, request);
        if (wrong == 0)
            use_own_transport (&parent);
        _exit (wrong);
    }
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0, "the child ended with %s %d",
               WIFEXITED (status) ? "status" : "signal",
               WIFEXITED (status) ? WEXITSTATUS (status) : WTERMSIG (status));
    /* Nothing of that has hurt the parent. */
    cr_assert_eq (call_who (core.client), 'e');
    MUST (godwit_request_reply (request, GODWIT_INT (NULL, 1)));
    godwit_request_destroy (&request);
    service_t two;
    service_start (&two, core.serving, "two", NULL);
    for (int i = 0; i < 2; i++) {
        pthread_join (waiters[i].thread, NULL);
        cr_assert_eq (waiters[i].status, GODWIT_OK);
    }
    service_end (&two);
    godwit_future_destroy (&future);
    core_close (&core);
}

/* In the child: to destroy does not wait for the parent's threads, whatever those wait for. */
void
core_a_forked_child_waits_for_nobody (const core_kind_t *kind)
{
    core_t core;
    int status = 0;
    core_open (&core, kind);
    waiter_t waiter = {.core = &core};
    pthread_create (&waiter.thread, NULL, wait_in_thread, &waiter);
    wait_until_asleep (&waiter);
    const pid_t child = fork ();
    cr_assert_geq (child, 0);
    if (child == 0) {
        alarm (WAIT_LIMIT_MS / 1000);
        godwit_client_destroy (&core.client);
        godwit_server_destroy (&core.one.server);
        if (core.calling != core.serving)
            godwit_transport_destroy (&core.calling);
        godwit_transport_destroy (&core.serving);
        _exit (0);
    }
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    service_t two;
    service_start (&two, core.serving, "two", NULL);
    pthread_join (waiter.thread, NULL);
    cr_assert_eq (waiter.status, GODWIT_OK);
    service_end (&two);
    core_close (&core);
}
