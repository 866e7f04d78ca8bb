/* SPDX-License-Identifier: Apache-2.0 */
/* A client process that is killed while handlers run for it. */
#include <criterion/criterion.h>
#include <godwit/godwit.h>

#include "tests/support/must.h"
#include "tests/support/process.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#define PROGRAM GODWIT_BUILD_DIR "/tests/e2e/programs/core_caller"

typedef struct watcher {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned entered;
    unsigned told;
    int64_t told_ms;
} watcher_t;

static void
on_cancel (godwit_request_t *request, void *user)
{
    watcher_t *watcher = user;
    pthread_mutex_lock (&watcher->lock);
    watcher->told += godwit_request_is_cancelled (request);
    watcher->told_ms = process_now_ms ();
    pthread_cond_broadcast (&watcher->changed);
    pthread_mutex_unlock (&watcher->lock);
}

static godwit_status_t
watch (godwit_request_t *request, void *self)
{
    watcher_t *watcher = self;
    const godwit_status_t status = godwit_request_on_cancel (request, on_cancel, watcher);
    pthread_mutex_lock (&watcher->lock);
    watcher->entered++;
    pthread_cond_broadcast (&watcher->changed);
    while (watcher->told == 0)
        pthread_cond_wait (&watcher->changed, &watcher->lock);
    pthread_mutex_unlock (&watcher->lock);
    return status;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("watch", watch, 0)};

/* How soon is printed, not decided: it is within heartbeat_ms, and the machine may be busy. */
Test (cancel, a_killed_client_is_missed, .timeout = 60)
{
    char url[64];
    process_t caller;
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    watcher_t watcher = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .self = &watcher);
    snprintf (url, sizeof url, "zmq://:%d/", free_port ());
    MUST (godwit_transport_new (&transport, url, GODWIT_TRANSPORT_OPTIONS (.heartbeat_ms = 50), &error));
    MUST (godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "work", .server = "one"), &endpoint,
                             1, NULL, &error));
    MUST (godwit_server_start (server, NULL, &error));
    process_start (&caller, PROGRAM, url, "watch");
    process_expect (&caller, "called");
    pthread_mutex_lock (&watcher.lock);
    while (watcher.entered == 0)
        pthread_cond_wait (&watcher.changed, &watcher.lock);
    cr_assert_eq (watcher.told, 0);
    pthread_mutex_unlock (&watcher.lock);
    const int64_t killed_ms = process_now_ms ();
    process_finish (&caller, SIGKILL);
    pthread_mutex_lock (&watcher.lock);
    while (watcher.told == 0)
        pthread_cond_wait (&watcher.changed, &watcher.lock);
    pthread_mutex_unlock (&watcher.lock);
    fprintf (stderr, "a killed client was missed after %lld ms\n", (long long) (watcher.told_ms - killed_ms));
    godwit_server_destroy (&server);
    cr_assert_eq (watcher.told, 1);
    godwit_transport_destroy (&transport);
}
