/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/contract/module.h"

#include <stdio.h>

/* ---- the module ---- */

void
module_init (const core_t *core, const char *more)
{
    godwit_config_t *config = NULL;
    char text[512];
    snprintf (text, sizeof text, "[DEFAULT]\ntransport_url = %s\n%s", core->url, more);
    MUST (godwit_config_parse (&config, text, "test.conf", &error));
    MUST (godwit_rpc_init (config, &error));
    godwit_config_destroy (&config);
}

void
module_cleanup (void)
{
    MUST (godwit_rpc_cleanup (&error));
}

godwit_client_t *
module_client (const char *topic)
{
    godwit_client_t *client = NULL;
    MUST (godwit_rpc_get_client (&client, GODWIT_TARGET (.topic = topic), NULL, NULL, &error));
    return client;
}

/* ---- methods of the tests' own servers ---- */

void
worker_open (worker_t *worker)
{
    memset (worker, 0, sizeof *worker);
    tally_open (&worker->running);
    tally_open (&worker->gate);
}

void
worker_close (worker_t *worker)
{
    tally_close (&worker->running);
    tally_close (&worker->gate);
}

static godwit_status_t
answer (godwit_request_t *request, void *self)
{
    tally_add (&((worker_t *) self)->running);
    return godwit_request_reply (
        request, godwit_field_from (godwit_value_get (godwit_request_args (request), "value")));
}

static godwit_status_t
block (godwit_request_t *request, void *self)
{
    worker_t *worker = self;
    (void) request;
    tally_add (&worker->running);
    tally_wait (&worker->gate, 1);
    worker->ended = ++worker->order;
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD ("answer", answer, 0),
    GODWIT_METHOD ("_secret", answer, 0),
    GODWIT_METHOD ("block", block, GODWIT_METHOD_SLOW),
};

static void
on_destroy (void *self)
{
    ((worker_t *) self)->destroyed++;
}

godwit_endpoint_t
endpoint_of (worker_t *worker)
{
    return GODWIT_ENDPOINT (methods, .version = "1.0", .self = worker, .on_destroy = on_destroy);
}

void
answers (godwit_client_t *client)
{
    godwit_value_t *result = NULL;
    MUST (godwit_client_call (client, NULL, "answer", ANSWER_ARGS, &result, &error));
    cr_assert_eq (godwit_value_as_int (result, 0), 42);
    godwit_value_unref (&result);
}

bool
is_served (godwit_client_t *client)
{
    godwit_client_t *once = NULL;
    MUST (godwit_client_prepare (
        &once, client, GODWIT_OVERRIDES (.retry = GODWIT_RETRY_NONE, .timeout_ms = WAIT_LIMIT_MS), &error));
    const godwit_status_t status = godwit_client_call (once, NULL, "answer", ANSWER_ARGS, NULL, NULL);
    cr_assert (status == GODWIT_OK || status == GODWIT_ERR_DELIVERY_FAILURE, "%s",
               godwit_status_type (status));
    godwit_client_destroy (&once);
    return status == GODWIT_OK;
}

void
wait_stopped (godwit_client_t *client)
{
    const int64_t until = now_ms () + WAIT_LIMIT_MS;
    while (is_served (client))
        cr_assert (now_ms () < until, "the server still answers");
}

static godwit_status_t
count_out (void *self, const godwit_value_t *context, const godwit_value_t *entity, godwit_value_t **out,
           godwit_error_t **error)
{
    (void) context;
    (void) error;
    ((counts_t *) self)->entities_out++;
    *out = godwit_value_ref (entity);
    return GODWIT_OK;
}

static godwit_status_t
count_in (void *self, const godwit_value_t *context, const godwit_value_t *entity, godwit_value_t **out,
          godwit_error_t **error)
{
    (void) context;
    (void) error;
    ((counts_t *) self)->entities_in++;
    *out = godwit_value_ref (entity);
    return GODWIT_OK;
}

static godwit_status_t
count_context (void *self, const godwit_value_t *context, godwit_value_t **out, godwit_error_t **error)
{
    (void) error;
    ((counts_t *) self)->contexts++;
    *out = godwit_value_ref (context);
    return GODWIT_OK;
}

godwit_serializer_t
counting (counts_t *counts)
{
    memset (counts, 0, sizeof *counts);
    return (godwit_serializer_t){.struct_size = sizeof (godwit_serializer_t),
                                 .self = counts,
                                 .serialize_entity = count_out,
                                 .deserialize_entity = count_in,
                                 .serialize_context = count_context,
                                 .deserialize_context = count_context};
}

void
add_consumer (godwit_rpc_connection_t *connection, worker_t *worker, const char *topic, const char *host)
{
    const godwit_endpoint_t endpoint = endpoint_of (worker);
    MUST (godwit_rpc_connection_create_consumer (connection, topic, &endpoint, 1, false, NULL, host, NULL,
                                                 &error));
}

void
add_to_tally (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) status;
    (void) result;
    (void) error;
    tally_add (user);
}
