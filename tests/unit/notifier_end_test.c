/* SPDX-License-Identifier: Apache-2.0 */
/* A notifier that ends while something of it is on its way: in a callback, where nothing else can bring the
 * answers; and together with its transport. */
#include "tests/support/await.h"
#include "tests/support/memory_spool.h"
#include "tests/support/must.h"
#include "tests/support/notifying.h"

#include <godwit/godwit.h>
#include <godwit/testing.h>

#include <criterion/criterion.h>

#define NOTIFIED 3

static godwit_transport_t *sender, *receiver;
static godwit_notifier_t *notifier;
static godwit_listener_t *listener;
static godwit_server_t *server;
static godwit_client_t *client;
static godwit_spool_t *spool;
static atomic_int replies;

TestSuite (notifier_end, .timeout = 20);

static godwit_status_t
ping (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, GODWIT_INT (NULL, 1));
}

static godwit_notification_t *
take (godwit_listener_t *from)
{
    godwit_notification_t *notification = NULL;
    MUST (godwit_listener_next (from, 10000, &notification, &error));
    return notification;
}

static godwit_listener_t *
pull (void)
{
    godwit_listener_t *pulled = NULL;
    MUST (godwit_listener_new (&pulled, receiver, GODWIT_TARGET (.topic = "notifications"), 1, NULL, 0,
                               GODWIT_LISTENER_OPTIONS (.pull = true), &error));
    MUST (godwit_listener_start (pulled, NULL, &error));
    return pulled;
}

static void
begin (void)
{
    static const godwit_method_t methods[] = {GODWIT_METHOD ("ping", ping, 0)};
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods);
    MUST (godwit_server_new (&server, receiver, GODWIT_TARGET (.topic = "rpc", .server = "s"), &endpoint, 1,
                             NULL, &error));
    MUST (godwit_server_start (server, NULL, &error));
    MUST (godwit_client_new (&client, sender, GODWIT_TARGET (.topic = "rpc"), NULL, &error));
    listener = pull ();
    MUST (godwit_notifier_new (&notifier, sender,
                               GODWIT_NOTIFIER_OPTIONS (.delivery = GODWIT_DELIVERY_OPTIONS (.spool = spool)),
                               &error));
}

static void
end (void)
{
    godwit_client_destroy (&client);
    godwit_server_destroy (&server);
    godwit_notifier_destroy (&notifier);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&sender);
    godwit_transport_destroy (&receiver);
    if (spool)
        memory_spool_destroy (&spool);
}

static void
destroy_it (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) user, (void) result, (void) error;
    cr_assert_eq (status, GODWIT_OK);
    godwit_notifier_destroy (&notifier);
    atomic_fetch_add (&replies, 1);
}

/* Some are at the listener, unanswered. */
static void
send_and_take (godwit_notification_t *taken[NOTIFIED])
{
    for (int i = 0; i < NOTIFIED; i++) {
        MUST (godwit_notify_info (notifier, NULL, "x", GODWIT_INT (NULL, i), &error));
        taken[i] = take (listener);
    }
}

static void
settle (godwit_notification_t *taken[NOTIFIED])
{
    for (int i = 0; i < NOTIFIED; i++)
        godwit_notification_acknowledge (&taken[i]);
}

static void
destroy_in_a_callback (void)
{
    godwit_notification_t *taken[NOTIFIED];
    sender = notifying_transport ();
    receiver = notifying_transport ();
    begin ();
    send_and_take (taken);
    MUST (godwit_client_call_async (client, NULL, "ping", GODWIT_NO_ARGS, destroy_it, NULL, &error));
    AWAIT (atomic_load (&replies));
    settle (taken); /* its answers find nobody */
    godwit_value_t *result = NULL;
    MUST (godwit_client_call (client, NULL, "ping", GODWIT_NO_ARGS, &result, &error));
    godwit_value_unref (&result);
    end ();
}

Test (notifier_end, in_a_callback)
{
    destroy_in_a_callback ();
}

Test (notifier_end, in_a_callback_with_a_spool)
{
    spool = memory_spool_new ();
    destroy_in_a_callback ();
}

Test (notifier_end, in_a_callback_in_the_programs_loop)
{
    godwit_cluster_t *cluster = NULL;
    godwit_notification_t *taken[NOTIFIED];
    MUST (godwit_cluster_new (&cluster, 7, &error));
    MUST (godwit_cluster_add (&sender, cluster, "sender", NULL, &error));
    MUST (godwit_cluster_add (&receiver, cluster, "receiver", NULL, &error));
    begin ();
    send_and_take (taken);
    MUST (godwit_client_call_async (client, NULL, "ping", GODWIT_NO_ARGS, destroy_it, NULL, &error));
    godwit_cluster_run (cluster, 1000);
    cr_assert_eq (atomic_load (&replies), 1);
    settle (taken);
    godwit_cluster_run (cluster, 1000);
    end ();
    godwit_cluster_destroy (&cluster);
}
