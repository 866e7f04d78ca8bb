/* SPDX-License-Identifier: Apache-2.0 */
/* 300 transports in one process, which is too busy for them: some give others up while these still write.
 * Nothing of that ends the process. */
#include <criterion/criterion.h>

#include "tests/support/life.h"
#include "tests/support/must.h"

#include <godwit/godwit.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>

TestSuite (many_transports, .timeout = 240);

enum { TRANSPORTS = 300, THREADS = 4, DESCRIPTORS = 60 * TRANSPORTS };

static char url[128];
static godwit_transport_t *transports[TRANSPORTS];
static godwit_server_t *servers[TRANSPORTS];
static atomic_int next;
static atomic_int failures;

static godwit_status_t
answer (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, GODWIT_INT (NULL, 5));
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("answer", answer, 0)};
static void *
open_some (void *unused)
{
    const godwit_endpoint_t endpoints[] = {GODWIT_ENDPOINT (methods)};
    godwit_error_t *error = NULL;
    (void) unused;
    for (int i; (i = atomic_fetch_add (&next, 1)) < TRANSPORTS;) {
        char topic[32];
        snprintf (topic, sizeof topic, "many-%d", i);
        /* Short limits: whoever is late is given up, while its peer still writes. */
        if (godwit_transport_new (&transports[i], url,
                                  GODWIT_TRANSPORT_OPTIONS (.heartbeat_ms = 50, .heartbeat_timeout_ms = 200),
                                  &error) ||
            godwit_server_new (&servers[i], transports[i], GODWIT_TARGET (.topic = topic, .server = "one"),
                               endpoints, 1, NULL, &error) ||
            godwit_server_start (servers[i], NULL, &error))
            atomic_fetch_add (&failures, 1);
        godwit_error_destroy (&error);
    }
    return NULL;
}

/* Each calls its neighbour. What ends because somebody was given up does not count. */
static void *
call_some (void *unused)
{
    (void) unused;
    for (int i; (i = atomic_fetch_add (&next, 1)) < TRANSPORTS;) {
        godwit_client_t *client = NULL;
        char topic[32];
        snprintf (topic, sizeof topic, "many-%d", (i + 1) % TRANSPORTS);
        if (godwit_client_new (&client, transports[i], GODWIT_TARGET (.topic = topic),
                               GODWIT_CLIENT_OPTIONS (.timeout_ms = 500), NULL))
            continue;
        for (int j = 0; j < 5; j++)
            godwit_client_call (client, NULL, "answer", GODWIT_NO_ARGS, NULL, NULL);
        godwit_client_destroy (&client);
    }
    return NULL;
}

static void *
close_some (void *unused)
{
    (void) unused;
    for (int i; (i = atomic_fetch_add (&next, 1)) < TRANSPORTS;) {
        godwit_server_destroy (&servers[i]);
        godwit_transport_destroy (&transports[i]);
    }
    return NULL;
}

static void
run (void *(*step) (void *) )
{
    pthread_t threads[THREADS];
    atomic_store (&next, 0);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq (pthread_create (&threads[i], NULL, step, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq (pthread_join (threads[i], NULL), 0);
}

Test (many_transports, all_live_and_end)
{
    struct rlimit limit;
    getrlimit (RLIMIT_NOFILE, &limit);
    if (life_is_sanitized () || limit.rlim_max < DESCRIPTORS)
        cr_skip ("300 transports need %d descriptors", DESCRIPTORS);
    limit.rlim_cur = limit.rlim_max;
    setrlimit (RLIMIT_NOFILE, &limit);
    snprintf (url, sizeof url, "zmq+libzmq://:%d/?paths=tcp&insecure=true", free_port ());
    run (open_some);
    cr_assert_eq (atomic_load (&failures), 0);
    run (call_some);
    run (close_some);
}
