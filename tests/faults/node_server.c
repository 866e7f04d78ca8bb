/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/node_server.h"

#include "tests/faults/node_keeper.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LARGE_MAX (1 << 20)

static history_t *history;
static const node_options_t *options;
static godwit_server_t *server;
static uint32_t life;
static uint8_t *large;

static int64_t
number_of (godwit_request_t *request, const char *name)
{
    return godwit_value_as_int (godwit_value_get (godwit_request_args (request), name), 0);
}

static void
note (godwit_request_t *request, history_event_t event, godwit_status_t status)
{
    history_put (history, (history_record_t){.call = (uint64_t) number_of (request, "id"),
                                             .event = (uint16_t) event,
                                             .kind = (uint16_t) number_of (request, "kind"),
                                             .of_call = {.life = life, .status = (uint16_t) status}});
}

static void
note_server (history_event_t event)
{
    history_record_t record = {.event = (uint16_t) event, .note = {.what = (uint16_t) life}};
    snprintf (record.note.text, sizeof record.note.text, "%s", options->name);
    history_put (history, record);
}

static godwit_status_t
reply (godwit_request_t *request, size_t size)
{
    return godwit_request_reply (request,
                                 GODWIT_MAP (NULL, GODWIT_INT ("node", options->node),
                                             GODWIT_INT ("life", life), GODWIT_BIN ("data", large, size)));
}

static godwit_status_t
quick (godwit_request_t *request, void *self)
{
    (void) self;
    note (request, HISTORY_HANDLER_BEGIN, GODWIT_OK);
    const godwit_status_t status = reply (request, 0);
    note (request, HISTORY_HANDLER_END, status);
    return status;
}

static godwit_status_t
slow (godwit_request_t *request, void *self)
{
    (void) self;
    note (request, HISTORY_HANDLER_BEGIN, GODWIT_OK);
    const int64_t ms = number_of (request, "ms");
    const struct timespec work = {ms / 1000, ms % 1000 * 1000000};
    nanosleep (&work, NULL); /* this is what it does, not a wait for something */
    const godwit_status_t status = reply (request, 0);
    note (request, HISTORY_HANDLER_END, status);
    return status;
}

static godwit_status_t
fail (godwit_request_t *request, void *self)
{
    (void) self;
    note (request, HISTORY_HANDLER_BEGIN, GODWIT_OK);
    godwit_error_t *error = godwit_error_new_typed ("node", "Refused", "as it was asked to");
    note (request, HISTORY_HANDLER_END, GODWIT_ERR_FAILED);
    return godwit_request_fail (request, &error);
}

static godwit_status_t
reply_large (godwit_request_t *request, void *self)
{
    (void) self;
    note (request, HISTORY_HANDLER_BEGIN, GODWIT_OK);
    const int64_t size = number_of (request, "size");
    const godwit_status_t status = reply (request, size > 0 && size <= LARGE_MAX ? (size_t) size : 0);
    note (request, HISTORY_HANDLER_END, status);
    return status;
}

static void
reply_late (godwit_request_t *request)
{
    reply (request, 0);
    note (request, HISTORY_HANDLER_END, GODWIT_OK);
    godwit_request_destroy (&request);
}

static godwit_status_t
keep (godwit_request_t *request, void *self)
{
    (void) self;
    note (request, HISTORY_HANDLER_BEGIN, GODWIT_OK);
    node_keeper_keep (godwit_request_keep (request), number_of (request, "ms"));
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD ("quick", quick, 0), GODWIT_METHOD ("slow", slow, GODWIT_METHOD_SLOW),
    GODWIT_METHOD ("fail", fail, 0),   GODWIT_METHOD ("large", reply_large, 0),
    GODWIT_METHOD ("keep", keep, 0),
};

bool
node_server_start (godwit_transport_t *transport, history_t *history_, const node_options_t *options_,
                   godwit_error_t **error)
{
    history = history_;
    options = options_;
    life++;
    large = calloc (1, LARGE_MAX);
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = "1.0");
    if (!large || !node_keeper_start (reply_late))
        return false;
    if (godwit_server_new (
            &server, transport, GODWIT_TARGET (.topic = options->topic, .server = options->name), &endpoint,
            1,
            GODWIT_SERVER_OPTIONS (.concurrency = options->concurrency, .queue_limit = options->queue_limit),
            error))
        return false;
    note_server (HISTORY_SERVER_UP); /* before: calls come before start returns */
    return godwit_server_start (server, NULL, error) == GODWIT_OK;
}

bool
node_server_stop (godwit_error_t **error)
{
    if (godwit_server_stop (server, NULL, error) || godwit_server_wait (server, NULL, error))
        return false;
    node_keeper_stop ();
    note_server (HISTORY_SERVER_DOWN);
    godwit_server_destroy (&server);
    free (large);
    return true;
}
