/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 14: which calls belong together, and the ids that errors show. */
#include "tests/contract/contract.h"

#include <stdio.h>
#include <stdlib.h>

#define PARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define PARENT_TRACE "0af7651916cd43dd8448eb211c80319c"

/* ---- a server whose methods tell their trace ---- */

typedef struct teller {
    godwit_server_t *server;
    godwit_client_t *onward; /* whom relay calls */
    godwit_request_t *kept;
    tally_t keeps;
} teller_t;

static godwit_status_t
reply_trace (godwit_request_t *request, const godwit_trace_t *trace)
{
    char text[GODWIT_TRACEPARENT_SIZE];
    godwit_trace_print (trace, text);
    return godwit_request_reply (request, GODWIT_STR (NULL, text));
}

/* What is current in the handler, which is what the request says, too. */
static godwit_status_t
tell (godwit_request_t *request, void *self)
{
    godwit_trace_t current, own;
    (void) self;
    if (!godwit_trace_current (&current))
        return GODWIT_ERR_FAILED;
    godwit_request_trace (request, &own);
    return memcmp (&current, &own, sizeof own) ? GODWIT_ERR_MALFORMED : reply_trace (request, &current);
}

/* Its own trace, and that of a call that it makes. */
static godwit_status_t
relay (godwit_request_t *request, void *self)
{
    const teller_t *const teller = self;
    godwit_trace_t own;
    char text[GODWIT_TRACEPARENT_SIZE];
    godwit_value_t *inner = NULL;
    godwit_request_trace (request, &own);
    godwit_trace_print (&own, text);
    const godwit_status_t status =
        godwit_client_call (teller->onward, NULL, "tell", GODWIT_NO_ARGS, &inner, NULL);
    if (status)
        return status;
    char both[2 * GODWIT_TRACEPARENT_SIZE];
    snprintf (both, sizeof both, "%s %s", text, godwit_value_as_str (inner, ""));
    godwit_value_unref (&inner);
    return godwit_request_reply (request, GODWIT_STR (NULL, both));
}

/* It sets another one, which is over when it returns. */
static godwit_status_t
change (godwit_request_t *request, void *self)
{
    godwit_trace_t other;
    (void) request, (void) self;
    godwit_trace_parse (&other, "00-11111111111111111111111111111111-2222222222222222-00", NULL);
    godwit_trace_set (&other);
    return GODWIT_OK;
}

static godwit_status_t
keep (godwit_request_t *request, void *self)
{
    teller_t *const teller = self;
    teller->kept = godwit_request_keep (request);
    tally_add (&teller->keeps);
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD ("tell", tell, 0),   GODWIT_METHOD ("tell_inline", tell, GODWIT_METHOD_INLINE),
    GODWIT_METHOD ("relay", relay, 0), GODWIT_METHOD ("change", change, 0),
    GODWIT_METHOD ("keep", keep, 0),   GODWIT_METHOD ("change_inline", change, GODWIT_METHOD_INLINE),
};

static void
teller_start (teller_t *teller, core_t *core, const char *topic, const char *onward)
{
    tally_open (&teller->keeps);
    teller->kept = NULL;
    MUST (godwit_server_new (&teller->server, core->serving, GODWIT_TARGET (.topic = topic, .server = topic),
                             &GODWIT_ENDPOINT (methods, .self = teller), 1, NULL, &error));
    MUST (godwit_server_start (teller->server, NULL, &error));
    MUST (godwit_client_new (&teller->onward, core->serving, GODWIT_TARGET (.topic = onward),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error));
}

static void
teller_end (teller_t *teller)
{
    godwit_request_destroy (&teller->kept);
    godwit_client_destroy (&teller->onward);
    godwit_server_destroy (&teller->server);
    tally_close (&teller->keeps);
}

static godwit_client_t *
client_of (const core_t *core, const char *topic)
{
    godwit_client_t *client = NULL;
    MUST (godwit_client_new (&client, core->calling, GODWIT_TARGET (.topic = topic),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error));
    return client;
}

/* The caller frees the text. */
static char *
ask (godwit_client_t *client, const char *method)
{
    godwit_value_t *result = NULL;
    MUST (godwit_client_call (client, NULL, method, GODWIT_NO_ARGS, &result, &error));
    char *const text = strdup (godwit_value_as_str (result, ""));
    godwit_value_unref (&result);
    return text;
}

static void
set_parent (void)
{
    godwit_trace_t trace;
    MUST (godwit_trace_parse (&trace, PARENT, &error));
    godwit_trace_set (&trace);
}

static bool
is_in_trace (const char *traceparent, const char *trace_id)
{
    return strlen (traceparent) >= GODWIT_TRACEPARENT_SIZE - 1 && !strncmp (traceparent + 3, trace_id, 32);
}

/* ---- rows ---- */

static void
begins_a_trace (core_t *core)
{
    teller_t teller;
    teller_start (&teller, core, "tell", "tell");
    godwit_client_t *client = client_of (core, "tell");
    char *const first = ask (client, "tell");
    char *const second = ask (client, "tell");
    cr_assert (strlen (first) == 55 && !strncmp (first, "00-", 3) && !strcmp (first + 52, "-01"), "%s",
               first);
    cr_assert (strncmp (first + 3, second + 3, 32) != 0, "%s and %s are of one trace", first, second);
    cr_assert (strncmp (first + 36, second + 36, 16) != 0, "%s and %s have one span", first, second);
    free (first);
    free (second);
    godwit_client_destroy (&client);
    teller_end (&teller);
}

static void
joins_the_threads_trace (core_t *core)
{
    teller_t teller;
    teller_start (&teller, core, "tell", "tell");
    godwit_client_t *client = client_of (core, "tell");
    set_parent ();
    char *text = ask (client, "tell");
    cr_assert (is_in_trace (text, PARENT_TRACE), "%s", text);
    cr_assert (!strstr (text, "b7ad6b7169203331"), "the run has a span of its own: %s", text);
    free (text);
    text = ask (client, "tell_inline");
    cr_assert (is_in_trace (text, PARENT_TRACE), "%s", text);
    free (text);
    godwit_trace_set (NULL);
    text = ask (client, "tell");
    cr_assert (!is_in_trace (text, PARENT_TRACE), "%s", text);
    free (text);
    godwit_client_destroy (&client);
    teller_end (&teller);
}

static void
goes_on_in_handlers (core_t *core)
{
    teller_t first, second;
    teller_start (&second, core, "second", "second");
    teller_start (&first, core, "first", "second");
    godwit_client_t *client = client_of (core, "first");
    char *const both = ask (client, "relay");
    char *const inner = strchr (both, ' ') + 1;
    cr_assert (!strncmp (both + 3, inner + 3, 32), "another trace: %s", both);
    cr_assert (strncmp (both + 36, inner + 36, 16) != 0, "the same span: %s", both);
    free (both);
    godwit_client_destroy (&client);
    teller_end (&first);
    teller_end (&second);
}

static void
ends_with_the_handler (core_t *core)
{
    teller_t teller;
    godwit_trace_t now;
    char text[GODWIT_TRACEPARENT_SIZE];
    teller_start (&teller, core, "tell", "tell");
    godwit_client_t *client = client_of (core, "tell");
    set_parent ();
    MUST (godwit_client_call (client, NULL, "change_inline", GODWIT_NO_ARGS, NULL, &error));
    cr_assert (godwit_trace_current (&now));
    godwit_trace_print (&now, text);
    cr_assert_str_eq (text, PARENT);
    godwit_trace_set (NULL);
    MUST (godwit_client_call (client, NULL, "change", GODWIT_NO_ARGS, NULL, &error));
    for (int i = 0; i < 20; i++) {
        char *const told = ask (client, "tell");
        cr_assert (!is_in_trace (told, "11111111111111111111111111111111"), "%s", told);
        free (told);
    }
    cr_assert (!godwit_trace_current (&now));
    godwit_client_destroy (&client);
    teller_end (&teller);
}

static void
kept_requests_have_it (core_t *core)
{
    teller_t teller;
    godwit_future_t *future = NULL;
    godwit_value_t *result = NULL;
    godwit_trace_t trace;
    teller_start (&teller, core, "tell", "tell");
    godwit_client_t *client = client_of (core, "tell");
    set_parent ();
    MUST (godwit_client_call_future (client, NULL, "keep", GODWIT_NO_ARGS, &future, &error));
    godwit_trace_set (NULL);
    tally_wait (&teller.keeps, 1);
    godwit_request_trace (teller.kept, &trace);
    cr_assert_eq (reply_trace (teller.kept, &trace), GODWIT_OK);
    MUST (godwit_future_wait (future, WAIT_LIMIT_MS, NULL, &result, &error));
    cr_assert (is_in_trace (godwit_value_as_str (result, ""), PARENT_TRACE));
    godwit_value_unref (&result);
    godwit_future_destroy (&future);
    godwit_client_destroy (&client);
    teller_end (&teller);
}

/* What was current in a callback. */
typedef struct heard {
    tally_t ended;
    bool has_trace;
    char text[GODWIT_TRACEPARENT_SIZE];
} heard_t;

static void
on_reply (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    heard_t *const heard = user;
    godwit_trace_t trace;
    (void) status, (void) result, (void) error;
    heard->has_trace = godwit_trace_current (&trace);
    if (heard->has_trace)
        godwit_trace_print (&trace, heard->text);
    tally_add (&heard->ended);
}

static void
callbacks_have_that_of_the_call (core_t *core)
{
    heard_t heard = {.has_trace = false};
    tally_open (&heard.ended);
    set_parent ();
    MUST (godwit_client_call_async (core->client, NULL, "nothing", GODWIT_NO_ARGS, on_reply, &heard, &error));
    godwit_trace_set (NULL);
    tally_wait (&heard.ended, 1);
    cr_assert (heard.has_trace);
    cr_assert_str_eq (heard.text, PARENT);
    MUST (godwit_client_call_async (core->client, NULL, "nothing", GODWIT_NO_ARGS, on_reply, &heard, &error));
    tally_wait (&heard.ended, 2);
    cr_assert (!heard.has_trace);
    tally_close (&heard.ended);
}

static bool
is_an_id (const char *id)
{
    return id && strlen (id) == 16 && strspn (id, "0123456789abcdef") == 16;
}

static void
errors_show_the_id (core_t *core)
{
    godwit_error_t *failure = NULL;
    char line[64];
    cr_assert (godwit_client_call (core->client, NULL, "fail", GODWIT_NO_ARGS, NULL, &failure));
    const char *const id = godwit_error_call_id (failure);
    cr_assert (is_an_id (id), "%s", godwit_error_print (failure));
    snprintf (line, sizeof line, "\nid: %s (godwit why)", id);
    const char *const print = godwit_error_print (failure);
    cr_assert (strlen (print) > strlen (line) && !strcmp (print + strlen (print) - strlen (line), line), "%s",
               print);
    cr_assert (!strstr (godwit_error_message (failure), id));
    godwit_error_destroy (&failure);
    cr_assert (!godwit_error_call_id (NULL));
}

/* An error that a handler passes on loses the id of its own call: its caller's is another one. */
static void
the_id_is_the_callers (core_t *core)
{
    godwit_error_t *failure = NULL;
    service_relay_to (&core->one, core->serving, "one", WAIT_LIMIT_MS);
    cr_assert (godwit_client_call (core->client, NULL, "relay", GODWIT_ARGS (GODWIT_STR ("method", "fail")),
                                   NULL, &failure));
    cr_assert (is_an_id (godwit_error_call_id (failure)));
    const char *const first = strstr (godwit_error_print (failure), "id: ");
    cr_assert (first && !strstr (first + 1, "id: "), "%s", godwit_error_print (failure));
    godwit_error_destroy (&failure);
    service_relay_to (&core->one, NULL, NULL, 0);
}

static const contract_row_t rows[] = {
    {"14: A call that is made outside of a trace begins one.", begins_a_trace},
    {"14: A call that is made in a trace belongs to it.", joins_the_threads_trace},
    {"14: So does a call that a handler makes.", goes_on_in_handlers},
    {"14: What a handler sets ends with it.", ends_with_the_handler},
    {"14: A request that was kept has its trace.", kept_requests_have_it},
    {"14: A callback has the trace in which its call was made.", callbacks_have_that_of_the_call},
    {"14: The error of a call shows its id, on a line of its own.", errors_show_the_id},
    {"14: It is the id of the caller's call.", the_id_is_the_callers},
};
CONTRACT_OF_ALL_DRIVERS (section14, rows)

/* ---- traceparent ---- */

Test (contract, traceparent)
{
    static const char *const good[] = {
        PARENT,
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future-will-be-like",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    };
    static const char *const bad[] = {
        "",
        "00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-011",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.more",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        godwit_trace_t trace;
        char text[GODWIT_TRACEPARENT_SIZE];
        MUST (godwit_trace_parse (&trace, good[i], &error));
        godwit_trace_print (&trace, text);
        cr_assert (!strncmp (text, "00-", 3) && !strncmp (text + 3, good[i] + 3, 52), "%s became %s", good[i],
                   text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        godwit_trace_t trace;
        memset (&trace, 7, sizeof trace);
        FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "traceparent: expected 00-TRACE-SPAN-FLAGS",
               godwit_trace_parse (&trace, bad[i], &error));
        cr_assert_eq (trace.flags, 7, "%s changed it", bad[i]);
    }
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "text: expected a pointer",
           godwit_trace_parse (&(godwit_trace_t){.flags = 0}, NULL, &error));
}
