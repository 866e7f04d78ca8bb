/* SPDX-License-Identifier: Apache-2.0 */
/* Which of several real server processes gets a call: its part of a burst, and only what is of its version,
 * also while servers are exchanged for those of another version. */
#include <criterion/criterion.h>
#include <godwit/godwit.h>

#include "tests/support/must.h"
#include "tests/support/process.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM GODWIT_BUILD_DIR "/tests/e2e/programs/core_server"
#define WAIT_LIMIT_MS PROCESS_WAIT_LIMIT_MS
enum { SERVERS = 3 };
static const char *const names[SERVERS] = {"one", "two", "three"};

/* ---- servers ---- */

typedef struct town {
    char url[64];
    godwit_transport_t *host; /* of the rendezvous, which stays */
    process_t servers[SERVERS];
} town_t;

static void
start (town_t *town, size_t index, const char *version)
{
    setenv ("CORE_VERSION", version, 1);
    process_start (&town->servers[index], PROGRAM, town->url, names[index]);
    process_expect (&town->servers[index], "up");
}

static void
open_town (town_t *town, const char *version, const char *query)
{
    snprintf (town->url, sizeof town->url, "zmq://:%d/%s", free_port (), query);
    MUST (godwit_transport_new (&town->host, town->url, NULL, &error));
    for (size_t i = 0; i < SERVERS; i++)
        start (town, i, version);
    /* The rendezvous knows them, and tells whoever comes. */
    godwit_client_t *client = NULL;
    MUST (godwit_client_new (&client, town->host, GODWIT_TARGET (.topic = "work"), NULL, &error));
    MUST (godwit_client_wait_servers (client, SERVERS, WAIT_LIMIT_MS, &error));
    godwit_client_destroy (&client);
}

static void
close_town (town_t *town)
{
    for (size_t i = 0; i < SERVERS; i++)
        process_finish (&town->servers[i], 0);
    godwit_transport_destroy (&town->host);
}

/* ---- a burst of a new client ---- */

typedef struct burst {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned pending;
    unsigned failed;
    char first_failure[512];
    unsigned of[SERVERS];
} burst_t;

static void
on_reply (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    burst_t *const burst = user;
    const char *const name = godwit_value_as_str (result, "");
    pthread_mutex_lock (&burst->lock);
    burst->pending--;
    if (status && burst->failed++ == 0)
        snprintf (burst->first_failure, sizeof burst->first_failure, "%s", godwit_error_message (error));
    for (size_t i = 0; i < SERVERS; i++)
        burst->of[i] += strcmp (name, names[i]) == 0;
    pthread_cond_signal (&burst->changed);
    pthread_mutex_unlock (&burst->lock);
}

/* A burst waits for 100 ms for servers that are connected to later. */
#define SOON_MS 50

/* Each of three gets a quarter at least. The servers from `first_still` on stand still until the first reply
 * comes: they are connected to later. On a machine that is too busy for that to be soon, nothing is said of
 * them (unit.choose_cluster does, in virtual time). */
static void
send_burst (const char *query, size_t first_still)
{
    enum { CALLS = 3000 };
    town_t town;
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    burst_t burst = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    open_town (&town, "1.0", query);
    MUST (godwit_transport_new (&transport, town.url, NULL, &error));
    MUST (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "work"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error));
    for (size_t i = first_still; i < SERVERS; i++)
        process_stand_still (&town.servers[i]);
    for (int i = 0; i < CALLS; i++) {
        pthread_mutex_lock (&burst.lock);
        burst.pending++;
        pthread_mutex_unlock (&burst.lock);
        MUST (godwit_client_call_async (client, NULL, "whoami", GODWIT_NO_ARGS, on_reply, &burst, &error));
    }
    pthread_mutex_lock (&burst.lock);
    while (burst.pending == CALLS)
        pthread_cond_wait (&burst.changed, &burst.lock);
    pthread_mutex_unlock (&burst.lock);
    const int64_t from_ms = process_now_ms ();
    for (size_t i = first_still; i < SERVERS; i++)
        kill (town.servers[i].pid, SIGCONT);
    MUST (godwit_client_wait_servers (client, SERVERS, WAIT_LIMIT_MS, &error));
    const int64_t took_ms = process_now_ms () - from_ms;
    pthread_mutex_lock (&burst.lock);
    while (burst.pending > 0)
        pthread_cond_wait (&burst.changed, &burst.lock);
    pthread_mutex_unlock (&burst.lock);
    fprintf (stderr, "%u, %u and %u of %d calls; all were connected %lld ms after the first reply\n",
             burst.of[0], burst.of[1], burst.of[2], CALLS, (long long) took_ms);
    cr_assert_eq (burst.failed, 0u, "%u failed: %s", burst.failed, burst.first_failure);
    for (size_t i = 0; i < SERVERS && (first_still == SERVERS || took_ms <= SOON_MS); i++)
        cr_assert_geq (burst.of[i], CALLS / 4u);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    close_town (&town);
}

Test (choose, a_burst_is_spread, .timeout = 60)
{
    send_burst ("", SERVERS);
}

Test (choose, a_burst_is_spread_over_tcp, .timeout = 60)
{
    send_burst ("?paths=tcp&insecure=true", SERVERS);
}

Test (choose, a_burst_is_spread_over_servers_that_are_slower, .timeout = 60)
{
    send_burst ("", 1);
}

/* ---- a rolling upgrade under load ---- */

/* Calls one after the other in each of some threads, with a version. */
enum { THREADS = 2 };
typedef struct load {
    const char *version;
    godwit_transport_t *transport;
    godwit_client_t *client;
    pthread_t threads[THREADS];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stop;
    unsigned succeeded;
    unsigned failed;
    char first_failure[512];
} load_t;

static void *
make_calls (void *user)
{
    load_t *const load = user;
    bool stop = false;
    while (!stop) {
        godwit_error_t *error = NULL;
        const godwit_status_t status =
            godwit_client_call (load->client, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error);
        pthread_mutex_lock (&load->lock);
        if (status == GODWIT_OK)
            load->succeeded++;
        else if (load->failed++ == 0)
            snprintf (load->first_failure, sizeof load->first_failure, "%s", godwit_error_print (error));
        stop = load->stop;
        pthread_cond_signal (&load->changed);
        pthread_mutex_unlock (&load->lock);
        godwit_error_destroy (&error);
    }
    return NULL;
}

static void
open_load (load_t *load, const town_t *town, const char *version)
{
    *load =
        (load_t){.version = version, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    MUST (godwit_transport_new (&load->transport, town->url, NULL, &error));
    MUST (godwit_client_new (&load->client, load->transport,
                             GODWIT_TARGET (.topic = "work", .version = version),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error));
    MUST (godwit_client_wait_servers (load->client, SERVERS, WAIT_LIMIT_MS, &error));
}

static void
begin_load (load_t *load)
{
    for (size_t i = 0; i < THREADS; i++)
        cr_assert_eq (pthread_create (&load->threads[i], NULL, make_calls, load), 0);
}

/* Until its calls have seen the world as it is now. */
static void
go_on (load_t *load)
{
    MUST (godwit_client_wait_servers (load->client, SERVERS, WAIT_LIMIT_MS, &error));
    pthread_mutex_lock (&load->lock);
    const unsigned least = load->succeeded + load->failed + 200;
    while (load->succeeded + load->failed < least)
        pthread_cond_wait (&load->changed, &load->lock);
    pthread_mutex_unlock (&load->lock);
}

static void
end_load (load_t *load)
{
    pthread_mutex_lock (&load->lock);
    load->stop = true;
    pthread_mutex_unlock (&load->lock);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join (load->threads[i], NULL);
    fprintf (stderr, "%s: %u calls succeeded, %u failed\n", load->version, load->succeeded, load->failed);
    cr_assert_eq (load->failed, 0u, "%s: %u of %u failed: %s", load->version, load->failed,
                  load->succeeded + load->failed, load->first_failure);
    godwit_client_destroy (&load->client);
    godwit_transport_destroy (&load->transport);
}

static void
exchange (town_t *town, size_t index, const char *version)
{
    process_finish (&town->servers[index], 0);
    start (town, index, version);
}

/* From 1.2 to 1.3 and back, a server after the other. A client of 1.2 can be served all the while, a client
 * of 1.3 as long as there is one server of 1.3. */
Test (choose, a_rolling_upgrade_fails_no_call, .timeout = 120)
{
    town_t town;
    load_t old, new;
    open_town (&town, "1.2", "");
    open_load (&old, &town, "1.2");
    begin_load (&old);
    go_on (&old);
    exchange (&town, 0, "1.3");
    go_on (&old);
    open_load (&new, &town, "1.3");
    begin_load (&new);
    for (size_t i = 1; i < SERVERS; i++) {
        exchange (&town, i, "1.3");
        go_on (&old);
        go_on (&new);
    }
    for (size_t i = 1; i < SERVERS; i++) {
        exchange (&town, i, "1.2");
        go_on (&old);
        go_on (&new);
    }
    end_load (&new);
    exchange (&town, 0, "1.2");
    go_on (&old);
    end_load (&old);
    close_town (&town);
}
