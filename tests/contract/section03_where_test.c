/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 3: what the error of a call tells besides what went wrong. Which call it was, which server it went
 * to, at which address, and what is known of that server. unit.outcomes has the same for each answer that a
 * server can give. */
#include "tests/contract/contract.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- how a call fails ---- */

typedef struct end {
    tally_t *ended;
    godwit_error_t *error;
} end_t;

static godwit_client_t *
prepared (godwit_client_t *client, const godwit_overrides_t *how)
{
    godwit_client_t *other = NULL;
    MUST (godwit_client_prepare (&other, client, how, &error));
    return other;
}

static godwit_error_t *
call (godwit_client_t *client, const godwit_overrides_t *how, const char *method)
{
    godwit_error_t *failure = NULL;
    godwit_client_t *late = prepared (client, how);
    cr_assert (godwit_client_call (late, NULL, method, GODWIT_NO_ARGS, NULL, &failure));
    godwit_client_destroy (&late);
    return failure;
}

/* Each text is there, in this order. The last one is NULL. */
static void
expect_in_order (const godwit_error_t *failure, const char *const *texts)
{
    const char *at = godwit_error_print (failure);
    for (; *texts; texts++) {
        const char *const found = strstr (at, *texts);
        cr_assert (found, "expected \"%s\", there or later, in: %s", *texts, godwit_error_print (failure));
        at = found + strlen (*texts);
    }
}

#define EXPECT(failure_, ...) expect_in_order ((failure_), (const char *const[]){__VA_ARGS__, NULL})

/* One of the addresses that the server has, and the same in the details. */
static void
expect_server (const godwit_error_t *failure, godwit_client_t *client, const char *name)
{
    const char *const address = godwit_error_detail (failure, "address");
    const char *const server = godwit_error_detail (failure, "server");
    godwit_value_t *servers = NULL;
    bool is_known = false;
    cr_assert (server && !strcmp (server, name), "%s", godwit_error_print (failure));
    cr_assert (address && strstr (godwit_error_message (failure), address), "%s",
               godwit_error_print (failure));
    MUST (godwit_client_servers (client, &servers, &error));
    for (size_t i = 0; i < godwit_value_count (servers); i++) {
        const godwit_value_t *const row = godwit_value_at (servers, i);
        const godwit_value_t *const addresses = godwit_value_get (row, "addresses");
        for (size_t j = 0; j < godwit_value_count (addresses); j++)
            is_known |= !strcmp (godwit_value_as_str (godwit_value_get (row, "server"), ""), name) &&
                        !strcmp (godwit_value_as_str (godwit_value_at (addresses, j), ""), address);
    }
    godwit_value_unref (&servers);
    cr_assert (is_known, "%s", godwit_error_print (failure));
}

/* An address at which nobody listens: the port is taken, so that nobody else gets it. */
static int
take_port (char *address, size_t size)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t at_size = sizeof at;
    const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert (fd >= 0 && bind (fd, (struct sockaddr *) &at, sizeof at) == 0 &&
               getsockname (fd, (struct sockaddr *) &at, &at_size) == 0);
    snprintf (address, size, "tcp://127.0.0.1:%d", ntohs (at.sin_port));
    return fd;
}

/* A transport that was told of servers "gone" and "gone2" of one process, which is not there: not over tcp,
 * nor over ipc. */
typedef struct nowhere {
    char address[64], says[256];
    int fd;
    godwit_transport_t *transport;
    godwit_client_t *client; /* of topic "calc" */
} nowhere_t;

static void
nowhere_open (nowhere_t *self)
{
    char url[512];
    self->fd = take_port (self->address, sizeof self->address);
    snprintf (
        url, sizeof url,
        "zmq://?insecure=true&static=calc/gone@%s|ipc://@godwit-nobody,calc/gone2@%s|ipc://@godwit-nobody",
        self->address, self->address);
    snprintf (self->says, sizeof self->says,
              "server \"gone\" cannot be reached: %s (the connection was refused), ipc://@godwit-nobody (the "
              "connection was refused)",
              self->address);
    MUST (godwit_transport_new (&self->transport, url, NULL, &error));
    MUST (godwit_client_new (&self->client, self->transport, GODWIT_TARGET (.topic = "calc"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = 500), &error));
}

static void
nowhere_close (nowhere_t *self)
{
    godwit_client_destroy (&self->client);
    godwit_transport_destroy (&self->transport);
    close (self->fd);
}

/* ---- the rows ---- */

static void
no_answer (core_t *core)
{
    godwit_error_t *failure = call (core->client, GODWIT_OVERRIDES (.timeout_ms = 700), "hold");
    EXPECT (failure, "MessagingTimeout: No reply within 700 ms: ",
            "; method \"hold\" of <Target topic=work>, server \"one\" at ", "its connection is up",
            "without a call monitor nobody knows whether the method still runs", "(outcome MAYBE_RUN)");
    cr_assert_str_eq (godwit_error_detail (failure, "method"), "hold");
    cr_assert_str_eq (godwit_error_detail (failure, "target"), "<Target topic=work>");
    expect_server (failure, core->client, "one");
    godwit_error_destroy (&failure);
}

static void
no_answer_to_a_monitored_call (core_t *core)
{
    godwit_error_t *failure =
        call (core->client,
              GODWIT_OVERRIDES (.timeout_ms = 900, .call_monitor_timeout_ms = 400, .server = "one"), "hold");
    EXPECT (failure, "No reply within 900 ms",
            "method \"hold\" of <Target topic=work, server=one>, server \"one\" at ", "; it said ",
            " ms ago that the call waits or runs there");
    expect_server (failure, core->client, "one");
    godwit_error_destroy (&failure);
}

/* Keeps the error as it is printed. */
static void
on_end (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    end_t *const end = user;
    (void) result;
    end->error = godwit_error_new (status, "%s", godwit_error_print (error));
    tally_add (end->ended);
}

/* The process of a server goes while a call runs there. The server is forgotten then, and still named. */
static void
its_connection_ends (core_t *core)
{
    godwit_transport_t *serving = core_transport (core, NULL);
    service_t dying;
    tally_t ended;
    end_t ends[2] = {{&ended, NULL}, {&ended, NULL}}; /* one call to each of the two servers */
    tally_open (&ended);
    service_start (&dying, serving, "dying", NULL);
    godwit_client_t *client = prepared (core->client, NULL);
    MUST (godwit_client_wait_servers (client, 2, WAIT_LIMIT_MS, &error));
    for (size_t i = 0; i < 2; i++)
        MUST (godwit_client_call_async (client, NULL, "hold", GODWIT_NO_ARGS, on_end, &ends[i], &error));
    service_wait_held (&dying, 1);
    service_wait_held (&core->one, 1);
    godwit_transport_destroy (&serving);
    tally_wait (&ended, 1);
    godwit_client_destroy (&client); /* ends the other one */
    tally_wait (&ended, 2);
    const end_t *const end = &ends[godwit_error_status (ends[0].error) == GODWIT_ERR_TIMEOUT ? 0 : 1];
    EXPECT (
        end->error, "MessagingTimeout: No reply: the connection was lost after the request was handed over",
        "method \"hold\" of <Target topic=work>, server \"dying\" at ", "://", "; the connection ended ",
        " ms after the call began", ", at most ", " ms after its last frame", "; the method may have run");
    cr_assert_null (strstr (godwit_error_print (end->error), "in time"));
    for (size_t i = 0; i < 2; i++)
        godwit_error_destroy (&ends[i].error);
    tally_close (&ended);
    service_end (&dying);
}

/* Each way to ask for a server that cannot be reached names the addresses that were refused. */
static void
nobody_at_its_addresses (core_t *core)
{
    nowhere_t nowhere;
    godwit_error_t *failure = NULL;
    godwit_future_t *future = NULL;
    godwit_fanout_result_t *result = NULL;
    (void) core;
    nowhere_open (&nowhere);
    godwit_client_call (nowhere.client, NULL, "add", GODWIT_NO_ARGS, NULL, &failure);
    EXPECT (failure,
            "MessagingTimeout: No reply within 500 ms: no server could be connected to; method \"add\" of "
            "<Target topic=calc>; ",
            nowhere.says, " (outcome NOT_SENT)");
    godwit_error_destroy (&failure);

    godwit_client_cast (nowhere.client, NULL, "add", GODWIT_NO_ARGS, &failure);
    EXPECT (failure, "MessageDeliveryFailure: The cast was not accepted within 500 ms",
            "method \"add\" of <Target topic=calc>; ", nowhere.says);
    godwit_error_destroy (&failure);

    MUST (godwit_client_call_future (nowhere.client, NULL, "add", GODWIT_NO_ARGS, &future, &error));
    godwit_future_wait (future, 0, NULL, NULL, &failure);
    EXPECT (failure, "The call has not ended within 0 ms; method \"add\" of <Target topic=calc>");
    godwit_error_destroy (&failure);
    godwit_future_wait (future, -1, NULL, NULL, &failure);
    EXPECT (failure, "method \"add\" of <Target topic=calc>; ", nowhere.says);
    godwit_error_destroy (&failure);
    godwit_future_destroy (&future);

    /* After a back-off the server is tried once more. */
    godwit_client_t *patient = prepared (nowhere.client, GODWIT_OVERRIDES (.timeout_ms = WAIT_LIMIT_MS));
    MUST (godwit_client_fanout_call (patient, NULL, "add", GODWIT_NO_ARGS, &result, &error));
    godwit_client_destroy (&patient);
    cr_assert_eq (godwit_fanout_result_count (result), 2u);
    const godwit_error_t *const error = godwit_fanout_result_row (result, 0)->error;
    EXPECT (error, "Server \"gone\" could not be connected to", "method \"add\" of <Target topic=calc>; ",
            nowhere.says);
    cr_assert_str_eq (godwit_error_detail (error, "server"), "gone");
    godwit_fanout_result_destroy (&result);

    godwit_client_wait_servers (nowhere.client, 1, 300, &failure);
    EXPECT (failure, "0 of 1 servers are connected after 300 ms", "<Target topic=calc>; ", nowhere.says);
    godwit_error_destroy (&failure);

    /* Each address once, although both servers have it. */
    godwit_client_t *gone = prepared (nowhere.client, GODWIT_OVERRIDES (.server = "gone"));
    godwit_client_call (gone, NULL, "add", GODWIT_NO_ARGS, NULL, &failure);
    EXPECT (failure, "method \"add\" of <Target topic=calc, server=gone>; ", nowhere.says,
            " (outcome NOT_SENT)");
    cr_assert_null (strstr (strstr (godwit_error_print (failure), nowhere.address) + 1, nowhere.address),
                    "%s", godwit_error_print (failure));
    godwit_error_destroy (&failure);
    godwit_client_destroy (&gone);

    godwit_client_t *other = prepared (nowhere.client, GODWIT_OVERRIDES (.server = "other"));
    godwit_client_call (other, NULL, "add", GODWIT_NO_ARGS, NULL, &failure);
    cr_assert_null (strstr (godwit_error_print (failure), "refused"), "%s", godwit_error_print (failure));
    godwit_error_destroy (&failure);
    godwit_client_destroy (&other);
    nowhere_close (&nowhere);
}

/* The call was at its server. */
static void
its_client_is_destroyed (core_t *core)
{
    tally_t ended;
    end_t end = {&ended, NULL};
    tally_open (&ended);
    godwit_client_t *client = prepared (core->client, NULL);
    MUST (godwit_client_call_async (client, NULL, "hold", GODWIT_NO_ARGS, on_end, &end, &error));
    service_wait_held (&core->one, 1);
    godwit_client_destroy (&client);
    tally_wait (&ended, 1);
    EXPECT (
        end.error,
        "Closed: The client is being destroyed; method \"hold\" of <Target topic=work>, server \"one\" at ",
        "://", "(outcome MAYBE_RUN)");
    godwit_error_destroy (&end.error);
    tally_close (&ended);
}

static void
rows_of_a_fanout_call (core_t *core)
{
    godwit_fanout_result_t *result = NULL;
    godwit_client_t *client = prepared (core->client, GODWIT_OVERRIDES (.timeout_ms = 700));
    MUST (godwit_client_fanout_call (client, NULL, "hold", GODWIT_NO_ARGS, &result, &error));
    cr_assert_eq (godwit_fanout_result_count (result), 1u);
    const godwit_error_t *const failure = godwit_fanout_result_row (result, 0)->error;
    EXPECT (failure, "method \"hold\" of <Target topic=work>, server \"one\" at ");
    expect_server (failure, client, "one");
    godwit_fanout_result_destroy (&result);
    godwit_client_destroy (&client);
}

/* A method's failure keeps its message and its data; the printed form tells where it came from. */
static void
a_failure_of_the_method (core_t *core)
{
    godwit_error_t *failure = call (core->client, NULL, "fail");
    cr_assert_str_eq (godwit_error_message (failure), "Remote error: OutOfStock no tea left");
    EXPECT (
        failure,
        "Remote error: OutOfStock no tea left (outcome RAN); method \"fail\" of <Target topic=work>, server "
        "\"one\" at ",
        "://");
    cr_assert_null (godwit_error_detail (failure, "server"));
    godwit_error_destroy (&failure);
}

/* Of all lengths that msgpack writes differently: the name is read from the request. */
static void
long_names (core_t *core)
{
    static const size_t sizes[] = {31, 32, 201, 300, 70000};
    static char name[70001], says[300];
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        memset (name, 'm', sizes[i]);
        name[sizes[i]] = '\0';
        snprintf (says, sizeof says, "method \"%.30s", name);
        godwit_error_t *failure =
            call (core->client, GODWIT_OVERRIDES (.topic = "nobody", .retry = GODWIT_RETRY_NONE), name);
        EXPECT (failure, says, "m\" of <Target topic=nobody>");
        godwit_error_destroy (&failure);
    }
}

static const contract_row_t rows[] = {
    {"3: A timeout names method, target, server and address, and what is known of the server.", no_answer},
    {"3: A timeout of a monitored call tells when the server last reported it.",
     no_answer_to_a_monitored_call},
    {"3: A lost connection names the server, and when the connection ended.", its_connection_ends},
    {"3: Which addresses were refused, and why.", nobody_at_its_addresses},
    {"3: A call that is given up names the server that has it.", its_client_is_destroyed},
    {"3: Rows of a fanout call do the same.", rows_of_a_fanout_call},
    {"3: A failure of the method keeps its message.", a_failure_of_the_method},
    {"3: A method of any length is named.", long_names},
};
CONTRACT (section03_where, rows)
