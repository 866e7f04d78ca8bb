/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 7: remote errors. */
#include "tests/contract/contract.h"

#include <stdio.h>

static const godwit_error_class_t out_of_stock = {"shop", "OutOfStock"};
static const godwit_error_class_t key_error = {"builtins", "KeyError"};

/* ---- servers that fail, and pass failures on ---- */

/* A process of its own, as far as a test can tell: a transport with a server and a client for the next one.
 */
typedef struct hop {
    godwit_transport_t *transport;
    godwit_server_t *server;
    godwit_client_t *next; /* NULL: the last one */
} hop_t;

static godwit_status_t
take (godwit_request_t *request, void *self)
{
    (void) self;
    godwit_value_t *args = NULL, *kwargs = NULL;
    godwit_error_t *failure = GODWIT_ERROR_OF (&out_of_stock, "no %s left", "tea");
    MUST (
        godwit_value_new (&args, GODWIT_LIST (NULL, GODWIT_STR (NULL, "tea"), GODWIT_INT (NULL, 0)), &error));
    MUST (godwit_value_new_map (&kwargs, GODWIT_ARGS (GODWIT_STR ("item", "tea"), GODWIT_INT ("left", 0)),
                                &error));
    godwit_error_set_data (failure, args, kwargs);
    godwit_value_unref (&args);
    godwit_value_unref (&kwargs);
    return godwit_request_fail (request, &failure);
}

/* A failure without a place. */
static godwit_status_t
bare (godwit_request_t *request, void *self)
{
    (void) self;
    godwit_error_t *failure = godwit_error_new_of (&out_of_stock, "bare");
    return godwit_request_fail (request, &failure);
}

static godwit_status_t
python2 (godwit_request_t *request, void *self)
{
    (void) self;
    godwit_error_t *failure = godwit_error_new_typed ("exceptions", "KeyError", "'tea'");
    return godwit_request_fail (request, &failure);
}

static godwit_error_t *
open_drawer (void)
{
    return GODWIT_ERROR (GODWIT_ERR_SYSTEM, "the drawer is stuck");
}

static godwit_error_t *
look_for_change (void)
{
    return GODWIT_TRACE (open_drawer ());
}

static godwit_status_t
pay (godwit_request_t *request, void *self)
{
    (void) self;
    godwit_error_t *cause = look_for_change ();
    godwit_error_t *failure = GODWIT_ERROR_OF (&out_of_stock, "no change");
    godwit_error_set_cause (failure, &cause);
    return godwit_request_fail (request, &failure);
}

/* relay (hops, method): calls the method as many servers further on, and passes its failure on. */
static godwit_status_t
relay (godwit_request_t *request, void *self)
{
    const hop_t *hop = self;
    const godwit_value_t *args = godwit_request_args (request);
    const int64_t hops = godwit_value_as_int (godwit_value_get (args, "hops"), 0);
    const char *method = godwit_value_as_str (godwit_value_get (args, "method"), "");
    godwit_error_t *failure = NULL;
    if (hops > 1)
        godwit_client_call (hop->next, NULL, "relay",
                            GODWIT_ARGS (GODWIT_INT ("hops", hops - 1), GODWIT_STR ("method", method)), NULL,
                            &failure);
    else
        godwit_client_call (hop->next, NULL, method, GODWIT_NO_ARGS, NULL, &failure);
    return failure ? godwit_request_fail (request, &failure) : GODWIT_OK;
}

/* The same of one hop, and notes that the failure came by. */
static godwit_status_t
relay_traced (godwit_request_t *request, void *self)
{
    const hop_t *hop = self;
    godwit_error_t *failure = NULL;
    godwit_client_call (hop->next, NULL, "take", GODWIT_NO_ARGS, NULL, &failure);
    failure = GODWIT_TRACE (failure);
    return godwit_request_fail (request, &failure);
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD ("take", take, 0),
    GODWIT_METHOD ("bare", bare, 0),
    GODWIT_METHOD ("pay", pay, 0),
    GODWIT_METHOD ("python2", python2, 0),
    GODWIT_METHOD ("relay", relay, 0),
    GODWIT_METHOD ("relay_traced", relay_traced, 0),
    GODWIT_METHOD ("inside", take, GODWIT_METHOD_INLINE),
};

/* Whom a process lets in. */
typedef enum lets { NOBODY, ALLOWED, REGISTERED, BOTH } lets_t;

static godwit_transport_t *
transport_with (const core_t *core, lets_t lets, bool traces)
{
    const bool allows = lets == ALLOWED || lets == BOTH;
    godwit_transport_t *transport = core_transport (
        core, GODWIT_TRANSPORT_OPTIONS (.allowed_remote_exmods = allows ? "bank,shop" : "bank",
                                        .remote_traces = traces));
    if (lets == REGISTERED || lets == BOTH)
        MUST (godwit_transport_register_error (transport, &out_of_stock, &error));
    return transport;
}

static godwit_transport_t *
transport_of (const core_t *core, lets_t lets)
{
    return transport_with (core, lets, false);
}

static godwit_client_t *
client_of (godwit_transport_t *transport, const char *server)
{
    godwit_client_t *client = NULL;
    MUST (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "hops", .server = server),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error));
    MUST (godwit_client_wait_servers (client, 1, WAIT_LIMIT_MS, &error));
    return client;
}

/* next: the server that it passes calls on to, or NULL. */
static void
hop_open (hop_t *hop, const core_t *core, lets_t lets, const char *name, const char *next)
{
    memset (hop, 0, sizeof *hop);
    hop->transport = transport_of (core, lets);
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = "1.0", .self = hop);
    hop->next = next ? client_of (hop->transport, next) : NULL;
    MUST (godwit_server_new (&hop->server, hop->transport, GODWIT_TARGET (.topic = "hops", .server = name),
                             &endpoint, 1, NULL, &error));
    MUST (godwit_server_start (hop->server, NULL, &error));
}

static void
hop_close (hop_t *hop)
{
    godwit_server_destroy (&hop->server);
    godwit_client_destroy (&hop->next);
    godwit_transport_destroy (&hop->transport);
}

/* What a client that lets so much in gets from a server, which knows nothing of that. */
static godwit_error_t *
failure_with (const core_t *core, lets_t lets, bool traces, const char *method)
{
    hop_t hop;
    godwit_error_t *failure = NULL;
    hop_open (&hop, core, NOBODY, "shop", NULL);
    godwit_transport_t *transport = transport_with (core, lets, traces);
    godwit_client_t *client = client_of (transport, "shop");
    const godwit_status_t status = godwit_client_call (client, NULL, method, GODWIT_NO_ARGS, NULL, &failure);
    cr_assert (status && status == godwit_error_status (failure));
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    hop_close (&hop);
    return failure;
}

static godwit_error_t *
failure_of (const core_t *core, lets_t lets, const char *method)
{
    return failure_with (core, lets, false, method);
}

/* The printed form begins so, and ends with the call that failed. */
static void
expect_printed (const godwit_error_t *failure, const char *beginning, const char *method)
{
    char call[128];
    const char *const text = godwit_error_print (failure);
    snprintf (call, sizeof call, "; method \"%s\" of <Target topic=hops, server=shop>, server \"shop\" at ",
              method);
    cr_assert (!strncmp (text, beginning, strlen (beginning)), "expected \"%s\", got \"%s\"", beginning,
               text);
    cr_assert (!strncmp (text + strlen (beginning), call, strlen (call)) &&
                   strstr (text + strlen (beginning) + strlen (call), "://"),
               "expected \"%s\" at its end, got \"%s\"", call, text);
}

/* Line of a function of this file, at its place in the text; returns what follows it. */
static const char *
expect_line (const char *text, const char *function)
{
    char end[64];
    int line = 0;
    snprintf (end, sizeof end, ", in %s\n", function);
    const char *at = strstr (text, "  File \"" __FILE__ "\", line ");
    cr_assert (at, "no line of %s in:\n%s", function, text);
    at += strlen ("  File \"" __FILE__ "\", line ");
    while (*at >= '0' && *at <= '9')
        line = 10 * line + *at++ - '0';
    cr_assert (line > 10 && !strncmp (at, end, strlen (end)), "expected the line of %s in:\n%s", function,
               text);
    return at + strlen (end);
}

/* ---- the rows ---- */

static void
all_of_it_travels (core_t *core)
{
    godwit_error_t *failure = failure_of (core, BOTH, "take");
    cr_assert (godwit_error_is (failure, &out_of_stock));
    cr_assert_str_eq (godwit_error_module (failure), "shop");
    cr_assert_str_eq (godwit_error_message (failure), "no tea left");
    cr_assert_eq (godwit_error_outcome (failure), GODWIT_OUTCOME_RAN);
    expect_line (godwit_error_traceback (failure), "take");
    const godwit_value_t *args = godwit_error_args (failure), *kwargs = godwit_error_kwargs (failure);
    cr_assert_eq (godwit_value_count (args), 2u);
    cr_assert_str_eq (godwit_value_as_str (godwit_value_at (args, 0), ""), "tea");
    cr_assert_eq (godwit_value_as_int (godwit_value_at (args, 1), -1), 0);
    cr_assert_eq (godwit_value_count (kwargs), 2u);
    cr_assert_str_eq (godwit_error_detail (failure, "item"), "tea");
    cr_assert_eq (godwit_value_as_int (godwit_value_get (kwargs, "left"), -1), 0);
    godwit_error_destroy (&failure);
}

static void
lines_of_each_level (core_t *core)
{
    godwit_error_t *failure = failure_of (core, BOTH, "pay");
    const char *text = godwit_error_traceback (failure);
    cr_assert (!strncmp (text, "Traceback (most recent call last):\n", 35), "%s", text);
    text = expect_line (text, "look_for_change");
    text = expect_line (text, "open_drawer");
    const char between[] = "SystemError: the drawer is stuck\n\n"
                           "The above exception was the direct cause of the following exception:\n\n"
                           "Traceback (most recent call last):\n";
    cr_assert (!strncmp (text, between, sizeof between - 1), "%s", text);
    text = expect_line (text, "pay");
    cr_assert_str_eq (text, "shop.OutOfStock: no change");
    godwit_error_destroy (&failure);
}

/* Three servers, each of which passes on what it got; of them, the middle ones know the class or do not. */
static void
through_three_servers (core_t *core, lets_t middle, lets_t client_lets)
{
    hop_t last, second, first;
    godwit_error_t *failure = NULL;
    hop_open (&last, core, NOBODY, "last", NULL);
    hop_open (&second, core, middle, "second", "last");
    hop_open (&first, core, middle, "first", "second");
    godwit_transport_t *transport = transport_of (core, client_lets);
    godwit_client_t *client = client_of (transport, "first");
    const godwit_status_t status = godwit_client_call (
        client, NULL, "relay", GODWIT_ARGS (GODWIT_INT ("hops", 2), GODWIT_STR ("method", "take")), NULL,
        &failure);
    if (client_lets == BOTH) {
        cr_assert_eq (status, GODWIT_ERR_FAILED, "%s", godwit_error_print (failure));
        cr_assert_str_eq (godwit_error_type (failure), "OutOfStock_Remote");
        cr_assert_str_eq (godwit_error_module (failure), "shop");
        cr_assert (godwit_error_is (failure, &out_of_stock));
        cr_assert_str_eq (godwit_error_message (failure), "no tea left");
    } else {
        cr_assert_eq (status, GODWIT_ERR_REMOTE_ERROR, "%s", godwit_error_print (failure));
        cr_assert_str_eq (godwit_error_detail (failure, "exc_type"), "OutOfStock");
        cr_assert_str_eq (godwit_error_detail (failure, "value"), "no tea left");
    }
    cr_assert_eq (godwit_error_outcome (failure), GODWIT_OUTCOME_RAN);
    cr_assert_str_eq (expect_line (godwit_error_traceback (failure), "take"), "shop.OutOfStock: no tea left");
    cr_assert_eq (godwit_value_count (godwit_error_args (failure)), 2u);
    cr_assert_str_eq (godwit_error_detail (failure, "item"), "tea");
    godwit_error_destroy (&failure);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    hop_close (&first);
    hop_close (&second);
    hop_close (&last);
}

static void
first_name_through_hops (core_t *core)
{
    through_three_servers (core, BOTH, BOTH);
}

static void
first_name_through_strangers (core_t *core)
{
    through_three_servers (core, NOBODY, BOTH);
    through_three_servers (core, NOBODY, NOBODY);
}

/* The method of the first server ran, whatever became of the call that it made. */
static void
own_errors_through_hops (core_t *core)
{
    hop_t last, first;
    hop_open (&last, core, NOBODY, "last", NULL);
    hop_open (&first, core, NOBODY, "first", "last");
    godwit_client_t *client = client_of (core->calling, "first");
    godwit_error_t *failure = NULL;
    cr_assert_eq (godwit_client_call (client, NULL, "relay",
                                      GODWIT_ARGS (GODWIT_INT ("hops", 1), GODWIT_STR ("method", "absent")),
                                      NULL, &failure),
                  GODWIT_ERR_NO_SUCH_METHOD);
    const char *const text = godwit_error_print (failure);
    cr_assert (strstr (text, "NoSuchMethod_Remote: Endpoint does not support RPC method absent; there are: "),
               "%s", text);
    cr_assert (strstr (text, "(outcome RAN); method \"relay\" of <Target topic=hops, server=first>, "), "%s",
               text);
    cr_assert_str_eq (godwit_error_detail (failure, "method"), "absent");
    godwit_error_destroy (&failure);
    godwit_client_destroy (&client);
    hop_close (&first);
    hop_close (&last);
}

static void
lines_of_who_passes_it_on (core_t *core)
{
    hop_t last, first;
    godwit_error_t *failure = NULL;
    hop_open (&last, core, NOBODY, "last", NULL);
    hop_open (&first, core, BOTH, "first", "last");
    godwit_client_t *client = client_of (core->calling, "first");
    cr_assert (godwit_client_call (client, NULL, "relay_traced", GODWIT_NO_ARGS, NULL, &failure));
    const char *text = expect_line (godwit_error_traceback (failure), "relay_traced");
    text = expect_line (text, "take");
    cr_assert_str_eq (text, "shop.OutOfStock: no tea left");
    godwit_error_destroy (&failure);
    godwit_client_destroy (&client);
    hop_close (&first);
    hop_close (&last);
}

static void
python2_names_builtins_so (core_t *core)
{
    godwit_error_t *failure = failure_of (core, NOBODY, "python2");
    cr_assert_str_eq (godwit_error_module (failure), "builtins");
    cr_assert (godwit_error_is (failure, &key_error));
    godwit_error_destroy (&failure);
}

static void
a_strangers_is_a_remote_error (core_t *core)
{
    godwit_error_t *failure = failure_of (core, NOBODY, "take");
    cr_assert_eq (godwit_error_status (failure), GODWIT_ERR_REMOTE_ERROR);
    cr_assert_str_eq (godwit_error_type (failure), "RemoteError");
    cr_assert_str_eq (godwit_error_detail (failure, "exc_type"), "OutOfStock");
    cr_assert_str_eq (godwit_error_detail (failure, "value"), "no tea left");
    expect_line (godwit_error_detail (failure, "traceback"), "take");
    cr_assert (!godwit_error_is (failure, &out_of_stock) && godwit_error_is_remote (failure));
    godwit_error_destroy (&failure);
}

static void
an_allowed_one_is_itself (core_t *core)
{
    static const lets_t enough[] = {ALLOWED, REGISTERED, BOTH};
    godwit_error_t *same = GODWIT_ERROR_OF (&out_of_stock, "made here");
    for (size_t i = 0; i < sizeof enough / sizeof enough[0]; i++) {
        godwit_error_t *failure = failure_of (core, enough[i], "take");
        cr_assert_eq (godwit_error_status (failure), godwit_error_status (same), "%zu: %s", i,
                      godwit_error_print (failure));
        cr_assert_str_eq (godwit_error_type (failure), "OutOfStock_Remote");
        cr_assert (godwit_error_is (failure, &out_of_stock) && godwit_error_is (same, &out_of_stock));
        godwit_error_destroy (&failure);
    }
    godwit_error_destroy (&same);
}

/* Neither the server's files nor its lines, and the message once. */
static void
text_is_the_message (core_t *core)
{
    godwit_error_t *failure = failure_of (core, REGISTERED, "take");
    expect_printed (failure, "OutOfStock_Remote: no tea left (outcome RAN)", "take");
    cr_assert_null (strstr (godwit_error_print (failure), ".c\""));
    godwit_error_destroy (&failure);

    failure = failure_of (core, NOBODY, "take");
    expect_printed (failure, "RemoteError: Remote error: OutOfStock no tea left (outcome RAN)", "take");
    cr_assert_str_eq (godwit_error_message (failure), "Remote error: OutOfStock no tea left");
    cr_assert_null (strstr (godwit_error_print (failure), ".c\""));
    godwit_error_destroy (&failure);
}

/* The traceback without its end, which has the message again. */
static void
put_places (char *text, size_t size, const godwit_error_t *failure, const char *message)
{
    snprintf (text, size, "%s", godwit_error_traceback (failure));
    char *const end = strstr (text, message);
    cr_assert (end && end > text && end[-1] == '\n', "%s", text);
    end[-1] = '\0';
}

static void
places_that_are_asked_for (core_t *core)
{
    char expected[1024], places[512];
    godwit_error_t *failure = failure_with (core, REGISTERED, true, "take");
    expect_line (godwit_error_traceback (failure), "take");
    put_places (places, sizeof places, failure, "shop.OutOfStock: no tea left");
    snprintf (expected, sizeof expected, "OutOfStock_Remote: no tea left\n%s (outcome RAN)", places);
    expect_printed (failure, expected, "take");
    godwit_error_destroy (&failure);

    failure = failure_with (core, REGISTERED, true, "bare"); /* no line without a traceback */
    expect_printed (failure, "OutOfStock_Remote: bare (outcome RAN)", "bare");
    godwit_error_destroy (&failure);

    failure = failure_with (core, NOBODY, true, "take");
    put_places (places, sizeof places, failure, "shop.OutOfStock: no tea left");
    snprintf (expected, sizeof expected,
              "RemoteError: Remote error: OutOfStock no tea left\n%s. (outcome RAN)", places);
    expect_printed (failure, expected, "take");
    godwit_error_destroy (&failure);
}

static void
remote_is_told_apart (core_t *core)
{
    godwit_error_t *failure = failure_of (core, BOTH, "take");
    godwit_error_t *same = GODWIT_ERROR_OF (&out_of_stock, "made here");
    const char *type = godwit_error_type (failure);
    cr_assert (godwit_error_is_remote (failure) && !godwit_error_is_remote (same));
    cr_assert_str_eq (type + strlen (type) - strlen ("_Remote"), "_Remote");
    cr_assert_str_eq (godwit_error_type (same), "OutOfStock");
    godwit_error_destroy (&failure);
    godwit_error_destroy (&same);

    /* An error of the client's own is not remote, though it is about a call. */
    godwit_client_t *fanout = NULL;
    MUST (godwit_client_prepare (&fanout, core->client, GODWIT_OVERRIDES (.fanout = GODWIT_YES), &error));
    godwit_client_call (fanout, NULL, "nothing", GODWIT_NO_ARGS, NULL, &failure);
    cr_assert (failure && !godwit_error_is_remote (failure));
    godwit_error_destroy (&failure);
    godwit_client_destroy (&fanout);
}

static void
builtins_keep_their_name (core_t *core)
{
    godwit_error_t *failure = failure_of (core, NOBODY, "python2");
    expect_printed (failure, "KeyError: 'tea' (outcome RAN)", "python2");
    cr_assert (godwit_error_is_remote (failure));
    godwit_error_destroy (&failure);
}

static void
the_librarys_own_are_let_in (core_t *core)
{
    godwit_error_t *failure = NULL;
    cr_assert_eq (godwit_client_call (core->client, NULL, "absent", GODWIT_NO_ARGS, NULL, &failure),
                  GODWIT_ERR_NO_SUCH_METHOD);
    const char *const text = godwit_error_print (failure);
    cr_assert (strstr (text, "NoSuchMethod_Remote: Endpoint does not support RPC method absent; there are: "),
               "%s", text);
    cr_assert (
        strstr (text, "(outcome REJECTED); method \"absent\" of <Target topic=work>, server \"one\" at "),
        "%s", text);
    cr_assert_str_eq (godwit_error_module (failure), "godwit");
    cr_assert_str_eq (godwit_error_detail (failure, "method"), "absent");
    godwit_error_destroy (&failure);
}

/* A client whose URL has this query gets the server's error as itself. */
static void
expect_itself (const core_t *core, const char *query, bool registers)
{
    char url[256];
    godwit_transport_t *transport = NULL;
    hop_t hop;
    godwit_error_t *failure = NULL;
    snprintf (url, sizeof url, "%s%s%s", core->url, strchr (core->url, '?') ? "&" : "?",
              *query ? query : "log_level=error");
    hop_open (&hop, core, NOBODY, "shop", NULL);
    MUST (godwit_transport_new (&transport, url, GODWIT_TRANSPORT_OPTIONS (.allowed_remote_exmods = "x"),
                                &error));
    if (registers)
        MUST (godwit_transport_register_error (transport, &out_of_stock, &error));
    godwit_client_t *client = client_of (transport, "shop");
    godwit_client_call (client, NULL, "take", GODWIT_NO_ARGS, NULL, &failure);
    cr_assert (godwit_error_is (failure, &out_of_stock), "%s", godwit_error_print (failure));
    godwit_error_destroy (&failure);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    hop_close (&hop);
}

static void
a_class_is_registered (core_t *core)
{
    static const godwit_error_class_t nameless = {"shop", NULL}, empty = {"shop", ""};
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "transport",
           godwit_transport_register_error (NULL, &out_of_stock, &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "error_class: expected one, got NULL",
           godwit_transport_register_error (core->calling, NULL, &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "the class's name: expected one, got NULL",
           godwit_transport_register_error (core->calling, &nameless, &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "the class's name: expected one, got \"\"",
           godwit_transport_register_error (core->calling, &empty, &error));
    for (int i = 0; i < 3; i++)
        MUST (godwit_transport_register_error (core->calling, &out_of_stock, &error));

    /* One step is enough. */
    expect_itself (core, "", true);
    /* With modules from the URL, which wins, it is not needed. */
    expect_itself (core, "allowed_remote_exmods=shop&allowed_remote_exmods=bank", false);
}

static void
on_failure (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    tally_t *known = user;
    (void) status;
    (void) result;
    if (godwit_error_is (error, &out_of_stock) && godwit_error_args (error))
        tally_add (known);
}

/* On the caller's thread, with a callback, with a future that is asked twice, and without a thread change. */
static void
however_it_is_called (core_t *core)
{
    hop_t hop;
    tally_t known;
    godwit_error_t *failure = NULL;
    godwit_future_t *future = NULL;
    tally_open (&known);
    hop_open (&hop, core, BOTH, "shop", NULL);
    godwit_client_t *client = client_of (hop.transport, "shop");
    static const char *const ways[] = {"take", "inside"};
    for (size_t i = 0; i < 2; i++) {
        godwit_client_call (client, NULL, ways[i], GODWIT_NO_ARGS, NULL, &failure);
        cr_assert (godwit_error_is (failure, &out_of_stock), "%s", ways[i]);
        expect_line (godwit_error_traceback (failure), "take");
        godwit_error_destroy (&failure);
        MUST (godwit_client_call_async (client, NULL, ways[i], GODWIT_NO_ARGS, on_failure, &known, &error));
        tally_wait (&known, i + 1);
    }
    MUST (godwit_client_call_future (client, NULL, "take", GODWIT_NO_ARGS, &future, &error));
    for (int i = 0; i < 2; i++) {
        godwit_future_wait (future, -1, NULL, NULL, &failure);
        cr_assert (godwit_error_is (failure, &out_of_stock) && godwit_error_is_remote (failure));
        cr_assert_str_eq (godwit_error_detail (failure, "item"), "tea");
        expect_line (godwit_error_traceback (failure), "take");
        godwit_error_destroy (&failure);
    }
    godwit_future_destroy (&future);
    godwit_client_destroy (&client);
    hop_close (&hop);
    tally_close (&known);
}

static const contract_row_t rows[] = {
    {"7: On the wire: class, module, message, traceback lines, args, kwargs.", all_of_it_travels},
    {"7: Traceback lines of each level of a handler's error, causes included.", lines_of_each_level},
    {"7: A `_Remote` suffix is stripped before sending: the first name is kept through hops.",
     first_name_through_hops},
    {"7: The first module and class are kept also where nobody knew them (Fix).",
     first_name_through_strangers},
    {"7: The library's own keep their name through hops.", own_errors_through_hops},
    {"7: Who passes an error on can add its lines.", lines_of_who_passes_it_on},
    {"7: On the client: module \"exceptions\" -> \"builtins\".", python2_names_builtins_so},
    {"7: Module neither builtins nor in allowed_remote_exmods, class not registered -> RemoteError(class, "
     "message, traceback).",
     a_strangers_is_a_remote_error},
    {"7: allowed, or registered -> the same type, class name + `_Remote`.", an_allowed_one_is_itself},
    {"7: text = message, and the call.", text_is_the_message},
    {"7: remote_traces: text = message + newline + traceback; RemoteError prints \"Remote error: %(type)s "
     "%(value)s\\n%(traceback)s.\".",
     places_that_are_asked_for},
    {"7: distinguishable as remote by a function and by the suffix.", remote_is_told_apart},
    {"7: builtins keep their name.", builtins_keep_their_name},
    {"7: The library's own errors are always allowed.", the_librarys_own_are_let_in},
    {"7: An error type is registered by (module, class) and gets a handle to compare with.",
     a_class_is_registered},
    {"7: However it is called.", however_it_is_called},
};
CONTRACT (section07, rows)
