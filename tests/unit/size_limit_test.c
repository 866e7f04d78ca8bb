/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of exactly max_message_size, and of one byte more: calls, casts, fanouts and fanout calls. */
#include "tests/support/must.h"

#include "src/interface/driver.h"

#include <criterion/criterion.h>
#include <godwit/godwit.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LIMIT 4096
#define TRANSPORT_OPTIONS GODWIT_TRANSPORT_OPTIONS (.max_message_size = LIMIT)

static godwit_status_t
take (godwit_request_t *request, void *self)
{
    (void) request;
    (void) self;
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("take", take, 0)};

static godwit_client_t *client;

/* ---- the ways to send ---- */

static godwit_status_t
call (godwit_fields_t args, godwit_error_t **error)
{
    return godwit_client_call (client, NULL, "take", args, NULL, error);
}

static godwit_status_t
cast (godwit_fields_t args, godwit_error_t **error)
{
    return godwit_client_cast (client, NULL, "take", args, error);
}

static godwit_status_t
fanout (godwit_fields_t args, godwit_error_t **error)
{
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    const godwit_status_t status = godwit_client_fanout (client, NULL, "take", args, &report, error);
    cr_assert (status || report.reached == 1);
    return status;
}

static godwit_status_t
fanout_cast (godwit_fields_t args, godwit_error_t **error)
{
    godwit_client_t *all = NULL;
    godwit_status_t status =
        godwit_client_prepare (&all, client, GODWIT_OVERRIDES (.fanout = GODWIT_YES), error);
    if (status == GODWIT_OK)
        status = godwit_client_cast (all, NULL, "take", args, error);
    godwit_client_destroy (&all);
    return status;
}

static godwit_status_t
fanout_call (godwit_fields_t args, godwit_error_t **error)
{
    godwit_fanout_result_t *result = NULL;
    const godwit_status_t status = godwit_client_fanout_call (client, NULL, "take", args, &result, error);
    cr_assert (status || godwit_fanout_result_row (result, 0)->state == GODWIT_FANOUT_REPLIED);
    godwit_fanout_result_destroy (&result);
    return status;
}

static const struct {
    const char *name;
    godwit_status_t (*send) (godwit_fields_t args, godwit_error_t **error);
    size_t key_size; /* bytes that travel before the request */
} ways[] = {{"call", call, 0},
            {"cast", cast, 0},
            {"fanout", fanout, GODWIT__KEY_SIZE},
            {"cast to all", fanout_cast, GODWIT__KEY_SIZE},
            {"fanout call", fanout_call, 0}};

/* ---- sizes ---- */

static char text[2 * LIMIT];

#define ARGS(size_) GODWIT_ARGS (GODWIT_STRN ("text", text, (size_)))

/* How many bytes a request has beside its text. */
static size_t
learn_overhead (void)
{
    godwit_error_t *error = NULL;
    size_t size = 0, limit = 0;
    cr_assert_eq (call (ARGS (LIMIT), &error), GODWIT_ERR_LIMIT_EXCEEDED);
    cr_assert_eq (sscanf (godwit_error_message (error), "The request has %zu bytes; max_message_size is %zu",
                          &size, &limit),
                  2, "%s", godwit_error_message (error));
    cr_assert_eq (limit, LIMIT);
    godwit_error_destroy (&error);
    return size - LIMIT;
}

static void
expect_too_large (size_t way, size_t size, size_t overhead)
{
    godwit_error_t *error = NULL;
    char message[128];
    snprintf (message, sizeof message, "The request has %zu bytes; max_message_size is %d",
              size + overhead + ways[way].key_size, LIMIT);
    cr_expect_eq (ways[way].send (ARGS (size), &error), GODWIT_ERR_LIMIT_EXCEEDED, "%s of %zu bytes: %s",
                  ways[way].name, size + overhead, godwit_error_print (error));
    cr_expect_str_eq (godwit_error_message (error), message);
    godwit_error_destroy (&error);
}

static void
check_over (const char *url)
{
    godwit_transport_t *serving = NULL, *calling = NULL;
    godwit_server_t *server = NULL;
    memset (text, 'x', sizeof text);
    MUST (godwit_transport_new (&serving, url, TRANSPORT_OPTIONS, &error));
    MUST (godwit_transport_new (&calling, url, TRANSPORT_OPTIONS, &error));
    MUST (godwit_server_new (&server, serving, GODWIT_TARGET (.topic = "t", .server = "s"),
                             &GODWIT_ENDPOINT (methods, .version = "1.0"), 1, NULL, &error));
    MUST (godwit_server_start (server, NULL, &error));
    MUST (godwit_client_new (&client, calling, GODWIT_TARGET (.topic = "t"), NULL, &error));
    MUST (godwit_client_wait_servers (client, 1, 20000, &error));
    const size_t overhead = learn_overhead ();
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        const size_t most = LIMIT - overhead - ways[i].key_size;
        MUST (ways[i].send (ARGS (most), &error));
        for (size_t more = 1; more <= GODWIT__KEY_SIZE + 1; more++)
            expect_too_large (i, most + more, overhead);
        expect_too_large (i, LIMIT + 1000, overhead);
        MUST (ways[i].send (ARGS (most), &error)); /* and the connection is still there */
    }
    godwit_client_destroy (&client);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&calling);
    godwit_transport_destroy (&serving);
}

Test (size_limit, a_byte_too_many_is_told_with_the_number_over_inproc)
{
    check_over ("inproc://size-limit/");
}

Test (size_limit, a_byte_too_many_is_told_with_the_number_over_zmq)
{
    char url[64];
    snprintf (url, sizeof url, "zmq:///size-limit-%d?paths=tcp&insecure=true", (int) getpid ());
    check_over (url);
}
