/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 3's errors: each one's place in the tree, its text, its own data and its printed form. */
#include "tests/contract/contract.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- how each comes about ---- */

static godwit_error_t *
call (godwit_client_t *client, const godwit_overrides_t *overrides, const char *method, godwit_fields_t args)
{
    godwit_client_t *prepared = NULL;
    godwit_error_t *failure = NULL;
    MUST (godwit_client_prepare (&prepared, client, overrides, &error));
    godwit_client_call (prepared, NULL, method, args, NULL, &failure);
    godwit_client_destroy (&prepared);
    return failure;
}

static godwit_error_t *
null_method (core_t *core)
{
    return call (core->client, NULL, NULL, GODWIT_NO_ARGS);
}

static godwit_error_t *
wrong_type (core_t *core)
{
    return call (core->client, NULL, "add", GODWIT_ARGS (GODWIT_INT ("a", 1), GODWIT_STR ("b", "2")));
}

static godwit_error_t *
missing_argument (core_t *core)
{
    return call (core->client, NULL, "add", GODWIT_ARGS (GODWIT_INT ("a", 1)));
}

static godwit_error_t *
large_request (core_t *core)
{
    static const char bytes[5000];
    godwit_transport_t *transport =
        core_transport (core, GODWIT_TRANSPORT_OPTIONS (.max_message_size = 4096));
    godwit_client_t *client = core_client (transport, NULL);
    godwit_error_t *failure =
        call (client, NULL, "echo", GODWIT_ARGS (GODWIT_BIN ("value", bytes, sizeof bytes)));
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    return failure;
}

static godwit_error_t *
destroyed_transport (core_t *core)
{
    godwit_transport_t *transport = core_transport (core, NULL);
    godwit_client_t *client = core_client (transport, NULL);
    godwit_error_t *failure = NULL;
    godwit_transport_destroy (&transport);
    godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &failure);
    godwit_client_destroy (&client);
    return failure;
}

static godwit_error_t *
dropped_request (core_t *core)
{
    return call (core->client, NULL, "drop", GODWIT_NO_ARGS);
}

static godwit_error_t *
no_reply (core_t *core)
{
    return call (core->client, GODWIT_OVERRIDES (.timeout_ms = 400), "hold", GODWIT_NO_ARGS);
}

static godwit_error_t *
no_retry (core_t *core)
{
    return call (core->client, GODWIT_OVERRIDES (.topic = "nobody", .retry = GODWIT_RETRY_NONE), "nothing",
                 GODWIT_NO_ARGS);
}

static godwit_error_t *
call_of_all (core_t *core)
{
    return call (core->client, GODWIT_OVERRIDES (.fanout = GODWIT_YES), "nothing", GODWIT_NO_ARGS);
}

static godwit_error_t *
strange_error (core_t *core)
{
    return call (core->client, NULL, "fail", GODWIT_NO_ARGS);
}

static godwit_error_t *
above_cap (core_t *core)
{
    return call (core->client, GODWIT_OVERRIDES (.version = "1.3", .version_cap = "1.2"), "nothing",
                 GODWIT_NO_ARGS);
}

/* Each of the two is within the limit of a value, together they are more than a server accepts. */
static godwit_error_t *
too_many_elements (core_t *core)
{
    enum { COUNT = GODWIT_VALUE_MAX_COUNT * 6 / 10 };
    godwit_value_t *map = NULL;
    godwit_error_t *failure = NULL;
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_map (builder, NULL);
    godwit_builder_open_list (builder, "many");
    for (int i = 0; i < COUNT; i++)
        godwit_builder_nil (builder, NULL);
    godwit_builder_close (builder);
    godwit_builder_close (builder);
    MUST (godwit_builder_finish (&builder, &map, &error));
    godwit_client_call (core->client, map, "echo", GODWIT_ARGS (GODWIT_VALUE ("value", map)), NULL, &failure);
    godwit_value_unref (&map);
    return failure;
}

static godwit_error_t *
refused_url (core_t *core)
{
    godwit_transport_t *transport = NULL;
    godwit_error_t *failure = NULL;
    (void) core;
    godwit_transport_new (&transport, "user:secret@host", NULL, &failure);
    cr_assert (failure && !strstr (godwit_error_print (failure), "secret"));
    return failure;
}

static godwit_error_t *
unknown_driver (core_t *core)
{
    godwit_transport_t *transport = NULL;
    godwit_error_t *failure = NULL;
    (void) core;
    godwit_transport_new (&transport, "rabbit://user:secret@host/", NULL, &failure);
    return failure;
}

static godwit_error_t *
nobody_listens (core_t *core)
{
    return call (core->client, GODWIT_OVERRIDES (.topic = "nobody", .mandatory = GODWIT_YES), "nothing",
                 GODWIT_NO_ARGS);
}

/* An address of no machine's. */
static godwit_error_t *
cannot_listen (core_t *core)
{
    static const core_kind_t zmq = {"zmq", "?paths=tcp&insecure=true", false, NULL};
    char url[160];
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    godwit_error_t *failure = NULL;
    (void) core;
    core_url (url, sizeof url, &zmq);
    MUST (godwit_transport_new (&transport, url, GODWIT_TRANSPORT_OPTIONS (.host = "192.0.2.1"), &error));
    MUST (godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "t", .server = "s"), NULL, 0, NULL,
                             &error));
    godwit_server_start (server, NULL, &failure);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    return failure;
}

static godwit_error_t *
unknown_executor (core_t *core)
{
    godwit_server_t *server = NULL;
    godwit_error_t *failure = NULL;
    godwit_server_new (&server, core->serving, GODWIT_TARGET (.topic = "t", .server = "s"), NULL, 0,
                       GODWIT_SERVER_OPTIONS (.executor = "fibers"), &failure);
    return failure;
}

static godwit_error_t *
handler_that_does_not_end (core_t *core)
{
    service_t busy;
    godwit_error_t *failure = NULL;
    godwit_client_t *client = NULL;
    service_start (&busy, core->serving, "busy", NULL);
    MUST (godwit_client_prepare (&client, core->client, GODWIT_OVERRIDES (.server = "busy"), &error));
    MUST (godwit_client_cast (client, NULL, "block", GODWIT_NO_ARGS, &error));
    service_wait (&busy, &busy.blocked, 1);
    MUST (godwit_server_stop (busy.server, NULL, &error));
    godwit_server_wait (busy.server, GODWIT_STEP_OPTIONS (.timeout_ms = 1), &failure);
    godwit_client_destroy (&client);
    service_end (&busy);
    return failure;
}

static godwit_error_t *
unknown_method (core_t *core)
{
    return call (core->client, NULL, "absent", GODWIT_NO_ARGS);
}

static godwit_error_t *
unknown_version (core_t *core)
{
    return call (core->client, GODWIT_OVERRIDES (.version = "9.1"), "nothing", GODWIT_NO_ARGS);
}

static void
on_end (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) user;
    (void) status;
    (void) result;
    (void) error;
}

static godwit_error_t *
too_many_calls (core_t *core)
{
    godwit_transport_t *transport = core_transport (core, GODWIT_TRANSPORT_OPTIONS (.queue_limit = 1));
    godwit_client_t *client = core_client (transport, NULL), *nobody = NULL;
    godwit_error_t *failure = NULL;
    MUST (godwit_client_prepare (&nobody, client, GODWIT_OVERRIDES (.topic = "nobody"), &error));
    MUST (godwit_client_call_async (nobody, NULL, "nothing", GODWIT_NO_ARGS, on_end, NULL, &error));
    godwit_client_call_async (nobody, NULL, "nothing", GODWIT_NO_ARGS, on_end, NULL, &failure);
    godwit_client_destroy (&nobody);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    return failure;
}

static bool
never (void *user, const godwit_request_t *request)
{
    (void) user, (void) request;
    return false;
}

static godwit_status_t
do_nothing (godwit_request_t *request, void *self)
{
    (void) request, (void) self;
    return GODWIT_OK;
}

static godwit_error_t *
refused_by_policy (core_t *core)
{
    static const godwit_method_t methods[] = {GODWIT_METHOD ("nothing", do_nothing, 0)};
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods);
    godwit_server_t *server = NULL;
    MUST (godwit_server_new (&server, core->serving, GODWIT_TARGET (.topic = "guarded", .server = "one"),
                             &endpoint, 1, GODWIT_SERVER_OPTIONS (.authorize = never), &error));
    MUST (godwit_server_start (server, NULL, &error));
    godwit_error_t *const failure =
        call (core->client, GODWIT_OVERRIDES (.topic = "guarded"), "nothing", GODWIT_NO_ARGS);
    godwit_server_destroy (&server);
    return failure;
}

/* ---- the table ---- */

typedef struct detail {
    const char *name;
    const char *text; /* "..." stands for any text */
} detail_t;

typedef struct row {
    const char *parent;                        /* its own name: a root */
    godwit_error_t *(*provoke) (core_t *core); /* NULL: godwit_error_new with the default text */
    const char *printed;                       /* "..." stands for any text */
    detail_t details[3];
} row_t;

/* Which call it was. */
#define METHOD(name_) "method \"" name_ "\" of <Target topic=work>"
#define ONE_AT "\"one\" at ...://..."
#define ONE ", server " ONE_AT

static const row_t errors[GODWIT_STATUS_COUNT] = {
    [GODWIT_ERR_INVALID_ARGUMENT] =
        {"InvalidArgument",
         null_method,
         "InvalidArgument: method: expected a name, got NULL; <Target topic=work>",
         {{0}}},
    [GODWIT_ERR_OUT_OF_MEMORY] = {"OutOfMemory", NULL, "OutOfMemory: out of memory", {{0}}},
    [GODWIT_ERR_TYPE_MISMATCH] =
        {"TypeMismatch",
         wrong_type,
         "TypeMismatch_Remote: args.b: expected int, got str (outcome REJECTED); " METHOD ("add") ONE,
         {{0}}},
    [GODWIT_ERR_NOT_FOUND] = {"NotFound",
                              missing_argument,
                              "NotFound_Remote: args.b: missing, expected int (outcome REJECTED); " METHOD (
                                  "add") ONE,
                              {{0}}},
    [GODWIT_ERR_LIMIT_EXCEEDED] =
        {"LimitExceeded",
         large_request,
         "LimitExceeded: The request has 50...; method \"echo\" of <Target topic=work>",
         {{0}}},
    [GODWIT_ERR_MALFORMED] = {"Malformed", NULL, "Malformed: bytes that do not follow the format", {{0}}},
    [GODWIT_ERR_CANCELLED] = {"Cancelled", NULL, "Cancelled: the operation was cancelled", {{0}}},
    [GODWIT_ERR_CLOSED] = {"Closed",
                           destroyed_transport,
                           "Closed: The transport is being destroyed; method \"nothing\" of <Target "
                           "topic=work>",
                           {{0}}},
    [GODWIT_ERR_FORKED] = {"Forked", NULL, "Forked: the object belongs to the process before fork()", {{0}}},
    [GODWIT_ERR_SYSTEM] = {"SystemError", NULL, "SystemError: the operating system refused", {{0}}},
    [GODWIT_ERR_FAILED] =
        {"Failed",
         dropped_request,
         "Failed_Remote: the handler gave the request up without a reply (outcome RAN); " METHOD ("drop") ONE,
         {{0}}},
    [GODWIT_ERR_MESSAGING] = {"MessagingException", NULL, "MessagingException: messaging failed", {{0}}},
    /* On a busy machine 400 ms may be over anywhere. */
    [GODWIT_ERR_TIMEOUT] = {"MessagingException",
                            no_reply,
                            "MessagingTimeout: No reply within 400 ms: ...; " METHOD ("hold") "...",
                            {{"method", "hold"}, {"target", "<Target topic=work>"}}},
    [GODWIT_ERR_DELIVERY_FAILURE] =
        {"MessagingException",
         no_retry,
         "MessageDeliveryFailure: The message could not be handed over, and no "
         "retry is left: no server is known of topic \"nobody\" in exchange \"godwit\"; "
         "topics that are known in this exchange: \"work\"; method \"nothing\" of "
         "<Target topic=nobody> (outcome NOT_SENT)",
         {{"method", "nothing"}, {"target", "<Target topic=nobody>"}}},
    [GODWIT_ERR_INVALID_TARGET] =
        {"MessagingException",
         call_of_all,
         "InvalidTarget: A call cannot be used with fanout: <Target topic=work, fanout=True>; "
         "method \"nothing\"",
         {{"target", "<Target topic=work, fanout=True>"}}},
    [GODWIT_ERR_REMOTE_ERROR] = {"MessagingException",
                                 strange_error,
                                 "RemoteError: Remote error: OutOfStock no tea left (outcome RAN); " METHOD (
                                     "fail") ONE,
                                 {{"exc_type", "OutOfStock"}, {"value", "no tea left"}, {"traceback", ""}}},
    [GODWIT_ERR_VERSION_CAP] =
        {"MessagingException",
         above_cap,
         "RPCVersionCapError: Requested message version, 1.3 is incompatible. It needs to be "
         "equal in major version and less than or equal in minor version as the specified "
         "version cap 1.2.; method \"nothing\" of <Target topic=work, version=1.3>",
         {{"version", "1.3"}, {"version_cap", "1.2"}}},
    [GODWIT_ERR_CLIENT_SEND] =
        {"MessagingException",
         too_many_elements,
         "ClientSendError: Failed to send to target \"<Target topic=work>\": the server refused "
         "the request as MALFORMED; method \"echo\", server \"one\" at ...://... (outcome REJECTED)",
         {{"target", "<Target topic=work>"}, {"server", "one"}, {"address", "...://..."}}},
    [GODWIT_ERR_INVALID_URL] = {"MessagingException",
                                refused_url,
                                "InvalidTransportURL: ...",
                                {{"url", "***@host"}}},
    [GODWIT_ERR_DRIVER_LOAD] =
        {"MessagingException",
         unknown_driver,
         "DriverLoadFailure: Failed to load transport driver \"rabbit\": expected zmq, zmq+libzmq or inproc",
         {{"driver", "rabbit"}}},
    [GODWIT_ERR_UNDELIVERABLE] =
        {"MessagingException",
         nobody_listens,
         "MessageUndeliverable: Nobody listens at <Target topic=nobody>: no server is known of topic "
         "\"nobody\" in exchange \"godwit\"; topics that are known in this exchange: \"work\"; method "
         "\"nothing\" "
         "(outcome NOT_SENT)",
         {{"target", "<Target topic=nobody>"}}},
    [GODWIT_ERR_SERVER_ERROR] = {"MessagingException",
                                 NULL,
                                 "MessagingServerError: a server operation failed",
                                 {{0}}},
    [GODWIT_ERR_SERVER_LISTEN] =
        {"MessagingServerError",
         cannot_listen,
         "ServerListenError: Failed to listen on target \"<Target topic=t, server=s>\": "
         "cannot listen at tcp://192.0.2.1...",
         {{"target", "<Target topic=t, server=s>"}}},
    [GODWIT_ERR_EXECUTOR_LOAD] =
        {"MessagingServerError",
         unknown_executor,
         "ExecutorLoadFailure: Failed to load executor \"fibers\": expected pool or inline",
         {{"executor", "fibers"}}},
    [GODWIT_ERR_TASK_TIMEOUT] = {"MessagingServerError",
                                 handler_that_does_not_end,
                                 "TaskTimeout: ...",
                                 {{0}}},
    [GODWIT_ERR_DISPATCHER] = {"MessagingException",
                               NULL,
                               "RPCDispatcherError: the request could not be dispatched",
                               {{0}}},
    [GODWIT_ERR_NO_SUCH_METHOD] = {"RPCDispatcherError",
                                   unknown_method,
                                   "NoSuchMethod_Remote: Endpoint does not support RPC method absent; there "
                                   "are: ... (outcome REJECTED); " METHOD ("absent") ONE,
                                   {{"method", "absent"}}},
    [GODWIT_ERR_UNSUPPORTED_VERSION] =
        {"RPCDispatcherError",
         unknown_version,
         "UnsupportedVersion_Remote: Endpoint does not support RPC version 9.1. Attempted "
         "method: nothing; there are: ... (outcome REJECTED); method \"nothing\" of <Target topic=work, "
         "version=9.1>, "
         "server " ONE_AT,
         {{"version", "9.1"}, {"method", "nothing"}}},
    [GODWIT_ERR_OVERLOADED] =
        {"MessagingException",
         too_many_calls,
         "Overloaded: 1 asynchronous calls wait already, as many as queue_limit allows; method "
         "\"nothing\" of <Target topic=nobody> (outcome NOT_SENT)",
         {{0}}},
    [GODWIT_ERR_PERMISSION_DENIED] =
        {"MessagingException",
         refused_by_policy,
         "PermissionDenied: the server's policy does not allow it; method \"nothing\" of <Target "
         "topic=guarded>, server " ONE_AT " (outcome REJECTED)",
         {{"method", "nothing"}, {"server", "one"}, {"address", "...://..."}}},
};

static bool
matches (const char *text, const char *pattern)
{
    const char *const any = strstr (pattern, "...");
    const size_t size = any ? (size_t) (any - pattern) : strlen (pattern);
    if (strncmp (text, pattern, size) != 0)
        return false;
    if (!any)
        return !text[size];
    for (text += size; !matches (text, any + 3); text++)
        if (!*text)
            return false;
    return true;
}

/* The printed form without the last line, which tells the id of the call (contract 14). The caller frees it.
 */
static char *
print_without_id (const godwit_error_t *failure)
{
    char *const text = strdup (godwit_error_print (failure));
    char *const line = strstr (text, "\nid: ");
    cr_assert_eq (line != NULL, godwit_error_call_id (failure) != NULL, "%s", text);
    if (line)
        *line = '\0';
    return text;
}

static void
check (core_t *core, godwit_status_t status)
{
    const row_t *row = &errors[status];
    const char *const type = godwit_status_type (status);
    cr_assert (row->parent, "%s has no row in this table: give it one", type);
    godwit_error_t *failure = row->provoke ? row->provoke (core) : godwit_error_new (status, NULL);
    cr_assert_eq (godwit_error_status (failure), status, "expected %s, got %s", type,
                  godwit_error_print (failure));
    char *const printed = print_without_id (failure);
    cr_assert (matches (printed, row->printed), "expected \"%s\", got \"%s\"", row->printed, printed);
    free (printed);
    for (size_t i = 0; i < 3 && row->details[i].name; i++) {
        const char *const text = godwit_error_detail (failure, row->details[i].name);
        cr_assert (text && matches (text, row->details[i].text), "%s.%s: expected %s, got %s", type,
                   row->details[i].name, row->details[i].text, text ? text : "nothing");
    }
    godwit_error_destroy (&failure);
}

static void
every_error (core_t *core)
{
    for (int status = GODWIT_OK + 1; status < (int) GODWIT_STATUS_COUNT; status++)
        check (core, (godwit_status_t) status);
}

/* The tree as the page has it: each below its parent, and below that one's. */
static void
the_tree (core_t *core)
{
    (void) core;
    for (int i = GODWIT_OK + 1; i < (int) GODWIT_STATUS_COUNT; i++) {
        const godwit_status_t status = (godwit_status_t) i;
        cr_assert (errors[i].parent, "%s has no row in this table: give it one", godwit_status_type (status));
        for (int j = GODWIT_OK + 1; j < (int) GODWIT_STATUS_COUNT; j++) {
            const godwit_status_t other = (godwit_status_t) j;
            const char *above = godwit_status_type (status);
            bool expected = false;
            for (int steps = 0; steps < 4 && !expected; steps++) {
                expected = !strcmp (above, godwit_status_type (other));
                for (int k = GODWIT_OK + 1; k < (int) GODWIT_STATUS_COUNT; k++)
                    if (!strcmp (above, godwit_status_type ((godwit_status_t) k))) {
                        above = errors[k].parent;
                        break;
                    }
            }
            cr_assert_eq (godwit_status_is (status, other) != 0, expected, "is %s a %s?",
                          godwit_status_type (status), godwit_status_type (other));
        }
    }
}

/* ---- data of errors in their other cases ---- */

static void
cap_without_version (core_t *core)
{
    godwit_error_t *failure =
        call (core->client, GODWIT_OVERRIDES (.version_cap = "1.2"), "nothing", GODWIT_NO_ARGS);
    cr_assert_eq (godwit_error_status (failure), GODWIT_ERR_VERSION_CAP);
    cr_assert_null (godwit_error_detail (failure, "version"));
    cr_assert_str_eq (godwit_error_detail (failure, "version_cap"), "1.2");
    godwit_error_destroy (&failure);
}

static void
targets_of_senders (core_t *core)
{
    godwit_client_t *client = NULL;
    godwit_error_t *failure = NULL;
    MUST (godwit_client_new (&client, core->calling, GODWIT_TARGET (.server = "s"), NULL, &error));
    godwit_client_cast (client, NULL, "nothing", GODWIT_NO_ARGS, &failure);
    cr_assert_eq (godwit_error_status (failure), GODWIT_ERR_INVALID_TARGET);
    cr_assert_str_eq (godwit_error_detail (failure, "target"), "<Target server=s>");
    godwit_error_destroy (&failure);
    godwit_client_destroy (&client);

    MUST (godwit_client_prepare (
        &client, core->client,
        GODWIT_OVERRIDES (.topic = "nobody", .fanout = GODWIT_YES, .mandatory = GODWIT_YES), &error));
    godwit_client_cast (client, NULL, "nothing", GODWIT_NO_ARGS, &failure);
    cr_assert_eq (godwit_error_status (failure), GODWIT_ERR_UNDELIVERABLE);
    cr_assert_str_eq (godwit_error_detail (failure, "target"), "<Target topic=nobody, fanout=True>");
    godwit_error_destroy (&failure);
    godwit_client_call_async (client, NULL, "nothing", GODWIT_NO_ARGS, on_end, NULL, &failure);
    cr_assert_eq (godwit_error_status (failure), GODWIT_ERR_INVALID_TARGET);
    cr_assert_str_eq (godwit_error_detail (failure, "target"), "<Target topic=nobody, fanout=True>");
    godwit_error_destroy (&failure);
    godwit_client_destroy (&client);
}

static void
target_of_a_server (core_t *core)
{
    godwit_server_t *server = NULL;
    godwit_error_t *failure = NULL;
    MUST (godwit_server_new (&server, core->serving, GODWIT_TARGET (.topic = "t"), NULL, 0, NULL, &error));
    godwit_server_start (server, NULL, &failure);
    cr_assert_eq (godwit_error_status (failure), GODWIT_ERR_INVALID_TARGET);
    cr_assert_str_eq (godwit_error_detail (failure, "target"), "<Target topic=t>");
    cr_assert (!strncmp (godwit_error_message (failure),
                         "A server's target must have topic and server names specified", 60));
    godwit_error_destroy (&failure);
    godwit_server_destroy (&server);
}

static void
causes (core_t *core)
{
    godwit_error_t *failure = cannot_listen (core);
    cr_assert_not_null (godwit_error_cause (failure));
    cr_assert (strstr (godwit_error_print (failure), "; caused by "));
    godwit_error_destroy (&failure);
}

static const contract_row_t rows[] = {
    {"3: Errors: MessagingException > MessagingTimeout, ..., RPCDispatcherError > NoSuchMethod, "
     "UnsupportedVersion.",
     the_tree},
    {"3: Each keeps its own data; its text; its printed form.", every_error},
    {"3: RPCVersionCapError without a version.", cap_without_version},
    {"3: InvalidTarget and MessageUndeliverable of casts and fanouts.", targets_of_senders},
    {"3: InvalidTarget of a server.", target_of_a_server},
    {"3: ServerListenError with the target and the cause.", causes},
};
CONTRACT (section03_errors, rows)

/* ---- without passwords ---- */

Test (section03_errors, urls_are_shown_without_passwords)
{
    static const char *const cases[][2] = {
        {"user:secret@host", "***@host"},
        {"zmq://user:secret@host:x/", "zmq://***@host:***/"},
        {"zmq://user:se@cr:et@h1:1,u2:se/cret@h2:x/v", "zmq://***@h2:***/v"},
        {"zmq://user:secret", "zmq://user:***"},
        {"zmq://host:12x4,other:5672/v:v?a=b:c", "zmq://host:***,other:5672/v:v?a=b:c"},
        {"zmq://[::1]:x/", "zmq://[::1]:***/"},
        {"us%er:secret@x://host", "***@x://host"},
        {"user:secret://host", "user:***//host"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        godwit_url_t *url = NULL;
        godwit_error_t *failure = NULL;
        godwit_url_parse (&url, cases[i][0], &failure);
        cr_assert_eq (godwit_error_status (failure), GODWIT_ERR_INVALID_URL, "case %zu: %s", i, cases[i][0]);
        cr_assert_str_eq (godwit_error_detail (failure, "url"), cases[i][1], "case %zu", i);
        godwit_error_destroy (&failure);
    }
}
