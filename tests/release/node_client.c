/* SPDX-License-Identifier: Apache-2.0 */
/* The client of a node: what it asks of all servers, and the load that it makes. */
#include "node.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 50
#define FANOUTS 40
#define FANOUT_CALLS 5
#define ASYNC_CALLS 64
#define LOAD_THREADS 2

static const godwit_transport_t *own_transport;
static godwit_client_t *client;
static int64_t own_number;
static size_t server_count; /* of the last "wait" */
static atomic_llong next_number = 1;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static tally_t counted; /* under the lock */

static pthread_t threads[LOAD_THREADS];
static atomic_bool halted;

void
node_failed (const char *what, godwit_error_t **error)
{
    pthread_mutex_lock (&lock);
    counted.failed++;
    pthread_mutex_unlock (&lock);
    node_say ("failed: %s: %s", what, *error ? godwit_error_print (*error) : "not what was expected");
    godwit_error_destroy (error);
}

static void
count_note (int64_t number)
{
    pthread_mutex_lock (&lock);
    counted.notes++;
    counted.note_sum += node_mark (own_number, number);
    pthread_mutex_unlock (&lock);
}

/* ---- calls and casts ---- */

static void
call_note (void)
{
    const int64_t number = atomic_fetch_add (&next_number, 1);
    godwit_value_t *result = NULL;
    godwit_error_t *error = NULL;
    if (godwit_client_call (client, NULL, "note",
                            GODWIT_ARGS (GODWIT_INT ("client", own_number), GODWIT_INT ("number", number)),
                            &result, &error) != GODWIT_OK ||
        godwit_value_as_int (result, -1) != number)
        node_failed ("a call of note", &error);
    else
        count_note (number);
    godwit_value_unref (&result);
}

static void
cast_note (void)
{
    const int64_t number = atomic_fetch_add (&next_number, 1);
    godwit_error_t *error = NULL;
    if (godwit_client_cast (client, NULL, "note",
                            GODWIT_ARGS (GODWIT_INT ("client", own_number), GODWIT_INT ("number", number)),
                            &error) != GODWIT_OK)
        node_failed ("a cast of note", &error);
    else
        count_note (number);
}

/* ---- asynchronous calls ---- */

typedef struct replies {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned ended, right;
} replies_t;

static void
on_reply (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    replies_t *replies = user;
    const int64_t number = godwit_value_as_int (result, -1);
    (void) error;
    if (status == GODWIT_OK)
        count_note (number);
    pthread_mutex_lock (&replies->lock);
    replies->ended++;
    replies->right += status == GODWIT_OK && number > 0;
    pthread_cond_signal (&replies->changed);
    pthread_mutex_unlock (&replies->lock);
}

static void
call_asynchronously (void)
{
    replies_t replies = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};
    unsigned begun = 0;
    godwit_error_t *error = NULL;
    for (int i = 0; i < ASYNC_CALLS; i++) {
        const int64_t number = atomic_fetch_add (&next_number, 1);
        if (godwit_client_call_async (
                client, NULL, "note",
                GODWIT_ARGS (GODWIT_INT ("client", own_number), GODWIT_INT ("number", number)), on_reply,
                &replies, &error) == GODWIT_OK)
            begun++;
        else
            node_failed ("the begin of an asynchronous call", &error);
    }
    pthread_mutex_lock (&replies.lock);
    while (replies.ended < begun)
        pthread_cond_wait (&replies.changed, &replies.lock);
    pthread_mutex_unlock (&replies.lock);
    if (replies.right != begun)
        node_failed ("an asynchronous call", &error);
}

/* ---- fanouts ---- */

static void
fan_out (void)
{
    const int64_t number = atomic_fetch_add (&next_number, 1);
    godwit_error_t *error = NULL;
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    if (godwit_client_fanout (client, NULL, "told",
                              GODWIT_ARGS (GODWIT_INT ("client", own_number), GODWIT_INT ("number", number)),
                              &report, &error) != GODWIT_OK) {
        node_failed ("a fanout", &error);
        return;
    }
    if (report.reached != server_count || report.missing != 0)
        node_failed ("whom a fanout reached", &error);
    pthread_mutex_lock (&lock);
    counted.told += report.reached;
    counted.told_sum += report.reached * node_mark (own_number, number);
    counted.missed += report.missing;
    pthread_mutex_unlock (&lock);
}

static void
call_all (void)
{
    godwit_fanout_result_t *result = NULL;
    godwit_error_t *error = NULL;
    if (godwit_client_fanout_call (client, NULL, "who", GODWIT_NO_ARGS, &result, &error) != GODWIT_OK ||
        godwit_fanout_result_count (result) != server_count)
        node_failed ("a fanout call", &error);
    for (size_t i = 0; i < godwit_fanout_result_count (result); i++) {
        const godwit_fanout_row_t *row = godwit_fanout_result_row (result, i);
        if (row->state != GODWIT_FANOUT_REPLIED || row->error || row->took_us < 0 ||
            strcmp (godwit_value_as_str (row->result, ""), row->server) != 0)
            node_failed ("a row of a fanout call", &error);
    }
    godwit_fanout_result_destroy (&result);
}

/* ---- words ---- */

static void
check (size_t number)
{
    godwit_value_t *list = NULL;
    godwit_error_t *error = NULL;
    if (godwit_client_servers (client, &list, &error) != GODWIT_OK ||
        godwit_value_count (list) != server_count || number >= server_count)
        node_failed ("the list of the servers", &error);
    else
        node_check_server (
            client, godwit_value_as_str (godwit_value_get (godwit_value_at (list, number), "server"), ""),
            own_number);
    godwit_value_unref (&list);
}

static void
work (void)
{
    for (int i = 0; i < ROUNDS; i++) {
        call_note ();
        cast_note ();
    }
    call_asynchronously ();
    for (int i = 0; i < FANOUTS; i++)
        fan_out ();
    for (int i = 0; i < FANOUT_CALLS; i++)
        call_all ();
}

static void *
make_load (void *unused)
{
    (void) unused;
    while (!atomic_load (&halted)) {
        call_note ();
        cast_note ();
    }
    return NULL;
}

static bool
knows (const godwit_transport_stats_t *stats, unsigned long long number)
{
    return stats->servers_known == number;
}

void
node_client_word (const char *word, unsigned long long number)
{
    godwit_error_t *error = NULL;
    if (!strcmp (word, "wait")) {
        server_count = number;
        node_must (godwit_client_wait_servers (client, server_count, 20000, &error), &error);
        node_say ("there");
    } else if (!strcmp (word, "know")) {
        node_await_stats (own_transport, knows, number);
        node_say ("known");
    } else if (!strcmp (word, "check")) {
        check (number);
        node_say ("checked");
    } else if (!strcmp (word, "work")) {
        work ();
        node_say ("worked");
    } else if (!strcmp (word, "load")) {
        atomic_store (&halted, false);
        for (int i = 0; i < LOAD_THREADS; i++)
            if (pthread_create (&threads[i], NULL, make_load, NULL) != 0)
                exit (1);
        node_say ("loading");
    } else if (!strcmp (word, "halt")) {
        atomic_store (&halted, true);
        for (int i = 0; i < LOAD_THREADS; i++)
            pthread_join (threads[i], NULL);
        node_say ("halted");
    }
}

void
node_client_open (godwit_transport_t *transport, const char *name)
{
    godwit_error_t *error = NULL;
    own_number = atoi (name);
    own_transport = transport;
    node_must (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = NODE_TOPIC, .version = "1.2"),
                                  NULL, &error),
               &error);
}

void
node_client_close (tally_t *tally)
{
    godwit_client_destroy (&client);
    *tally = counted;
}
