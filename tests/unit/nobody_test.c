/* SPDX-License-Identifier: Apache-2.0 */
/* A wrong topic, a wrong server name, a wrong exchange: the log says after a second what is waited for and
 * what is known, near names first, and the error at the end says the same. On a simulated cluster, so that
 * seconds and minutes are exact. */
#include <criterion/criterion.h>
#include <godwit/godwit.h>
#include <godwit/testing.h>

#include "src/base/distance.h"
#include "tests/support/log_book.h"
#include "tests/support/must.h"

#include <stdio.h>
#include <string.h>

/* ---- the world: a node with servers, a node with clients ---- */

#define SERVERS_MAX 8

typedef struct world {
    godwit_cluster_t *cluster;
    godwit_transport_t *serving;
    godwit_transport_t *calling;
    godwit_server_t *servers[SERVERS_MAX];
    size_t server_count;
    log_book_t book; /* of the calling one */
} world_t;

static world_t world;

static godwit_status_t
nothing (godwit_request_t *request, void *self)
{
    (void) request;
    (void) self;
    return GODWIT_OK;
}

static void
serve (const char *exchange, const char *topic, const char *server)
{
    static const godwit_method_t methods[] = {GODWIT_METHOD ("nothing", nothing, 0)};
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods);
    godwit_server_t **const made = &world.servers[world.server_count++];
    MUST (godwit_server_new (made, world.serving,
                             GODWIT_TARGET (.exchange = exchange, .topic = topic, .server = server),
                             &endpoint, 1, NULL, &error));
    MUST (godwit_server_start (*made, NULL, &error));
}

static void
open_world (void)
{
    memset (&world, 0, sizeof world);
    log_book_open (&world.book);
    MUST (godwit_cluster_new (&world.cluster, 7, &error));
    MUST (godwit_cluster_add (&world.serving, world.cluster, "servers", NULL, &error));
    MUST (godwit_cluster_add (&world.calling, world.cluster, "clients",
                              GODWIT_TRANSPORT_OPTIONS (.log = log_book_write, .log_user = &world.book,
                                                        .log_level = GODWIT_LOG_INFO),
                              &error));
    serve (NULL, "work", "one");
    serve (NULL, "work", "two");
    serve (NULL, "worker", "one");
    serve (NULL, "audit", "one");
    serve (NULL, "billing", "one");
    serve ("shop", "works", "one");
    godwit_cluster_run (world.cluster, 2000);
}

static void
close_world (void)
{
    godwit_transport_destroy (&world.calling);
    while (world.server_count > 0)
        godwit_server_destroy (&world.servers[--world.server_count]);
    godwit_transport_destroy (&world.serving);
    godwit_cluster_destroy (&world.cluster);
    log_book_close (&world.book);
}

/* Calls; the error's text ends like this, and then says which call it was. */
static void
expect (const godwit_target_t *target, const godwit_client_options_t *options, godwit_status_t status,
        const char *ending)
{
    godwit_client_t *client = NULL;
    godwit_error_t *failure = NULL;
    MUST (godwit_client_new (&client, world.calling, target, options, &error));
    cr_assert_eq (godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &failure), status, "%s",
                  godwit_error_print (failure));
    const char *const text = godwit_error_message (failure);
    const char *const call = strstr (text, "; method \"nothing\"");
    cr_assert (call && call - text >= (ptrdiff_t) strlen (ending) &&
                   !strncmp (call - strlen (ending), ending, strlen (ending)),
               "%s", text);
    godwit_error_destroy (&failure);
    godwit_client_destroy (&client);
}

/* ---- errors ---- */

static const char wrong_topic[] = "no server is known of topic \"wrok\" in exchange \"godwit\"; "
                                  "topics that are known in this exchange: \"work\", \"worker\", \"audit\" "
                                  "and 1 other";

Test (nobody, errors_say_who_is_known, .timeout = 60)
{
    const godwit_client_options_t *const brief = GODWIT_CLIENT_OPTIONS (.timeout_ms = 300);
    open_world ();
    expect (GODWIT_TARGET (.topic = "wrok"), brief, GODWIT_ERR_TIMEOUT, wrong_topic);
    expect (GODWIT_TARGET (.topic = "wrok"), GODWIT_CLIENT_OPTIONS (.mandatory = GODWIT_YES),
            GODWIT_ERR_UNDELIVERABLE, wrong_topic);
    expect (GODWIT_TARGET (.topic = "wrok"), GODWIT_CLIENT_OPTIONS (.retry = GODWIT_RETRY_NONE),
            GODWIT_ERR_DELIVERY_FAILURE, wrong_topic);
    expect (GODWIT_TARGET (.topic = "wrok"), GODWIT_CLIENT_OPTIONS (.retry = 2), GODWIT_ERR_DELIVERY_FAILURE,
            wrong_topic);
    expect (GODWIT_TARGET (.topic = "work", .server = "tow"), brief, GODWIT_ERR_TIMEOUT,
            "no server is known by the name \"tow\" in topic \"work\" of exchange \"godwit\"; known there: "
            "\"two\" and \"one\"");
    expect (GODWIT_TARGET (.topic = "works"), brief, GODWIT_ERR_TIMEOUT,
            "no server is known of topic \"works\" in exchange \"godwit\"; exchanges that have this topic: "
            "\"shop\"; topics that are known in this exchange: \"work\", \"worker\", \"audit\" and 1 other");
    expect (GODWIT_TARGET (.exchange = "nowhere", .topic = "x\ny"), brief, GODWIT_ERR_TIMEOUT,
            "no server is known of topic \"x?y\" in exchange \"nowhere\"");
    close_world ();
}

/* Whatever the names are, the text is no longer than this. */
Test (nobody, errors_are_bounded, .timeout = 60)
{
    char name[256];
    godwit_client_t *client = NULL;
    godwit_error_t *failure = NULL;
    open_world ();
    memset (name, 'x', sizeof name);
    name[63] = '\xc3'; /* the letter would be cut in two */
    name[64] = '\xa9';
    name[255] = '\0';
    serve (NULL, name, name);
    godwit_cluster_run (world.cluster, 1000);
    MUST (godwit_client_new (&client, world.calling, GODWIT_TARGET (.topic = name, .server = "one"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = 100), &error));
    cr_assert_eq (godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &failure),
                  GODWIT_ERR_TIMEOUT);
    name[63] = '\0';
    char says[600];
    snprintf (says, sizeof says,
              "by the name \"one\" in topic \"%s...\" of exchange \"godwit\"; known there: \"%s...\"", name,
              name);
    cr_assert (strstr (godwit_error_message (failure), says), "%s", godwit_error_message (failure));
    godwit_error_destroy (&failure);
    godwit_client_destroy (&client);
    close_world ();
}

/* A program that waits for its servers is told the same. */
Test (nobody, waiting_for_servers_says_who_is_known, .timeout = 60)
{
    godwit_client_t *client = NULL;
    godwit_error_t *failure = NULL;
    open_world ();
    MUST (godwit_client_new (&client, world.calling, GODWIT_TARGET (.topic = "wrok"), NULL, &error));
    cr_assert_eq (godwit_client_wait_servers (client, 1, 3000, &failure), GODWIT_ERR_TIMEOUT);
    cr_assert (strstr (godwit_error_message (failure), wrong_topic), "%s", godwit_error_message (failure));
    cr_assert_eq (log_book_count (&world.book, GODWIT_LOG_WARNING, wrong_topic), 1u);
    godwit_error_destroy (&failure);
    godwit_client_destroy (&client);
    close_world ();
}

/* One that comes now has been told of nobody yet. It is right all the same, in virtual time, too. */
Test (nobody, a_new_node_is_told_first, .timeout = 60)
{
    open_world ();
    for (int i = 0; i < 20; i++) {
        godwit_transport_t *transport = NULL;
        godwit_client_t *client = NULL;
        godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
        char name[16];
        snprintf (name, sizeof name, "new-%d", i);
        MUST (godwit_cluster_add (&transport, world.cluster, name, NULL, &error));
        MUST (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "work"),
                                 GODWIT_CLIENT_OPTIONS (.mandatory = GODWIT_YES), &error));
        if (i % 2)
            MUST (godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
        MUST (godwit_client_fanout (client, NULL, "nothing", GODWIT_NO_ARGS, &report, &error));
        cr_assert (report.reached == 2 && report.missing == 0, "%u, %u", report.reached, report.missing);
        godwit_client_destroy (&client);
        godwit_transport_destroy (&transport);
    }
    close_world ();
}

/* ---- the log ---- */

static size_t
lines_of (const char *says)
{
    return log_book_count (&world.book, GODWIT_LOG_WARNING, says);
}

Test (nobody, the_log_hears_of_it_after_a_second, .timeout = 60)
{
    enum { CALLS = 50 };
    godwit_client_t *client = NULL;
    godwit_future_t *futures[CALLS];
    open_world ();
    /* A shorter call says it itself. */
    expect (GODWIT_TARGET (.topic = "wrok"), GODWIT_CLIENT_OPTIONS (.timeout_ms = 900), GODWIT_ERR_TIMEOUT,
            wrong_topic);
    cr_assert_eq (lines_of ("Waiting for"), 0u);
    expect (GODWIT_TARGET (.topic = "wrok"), GODWIT_CLIENT_OPTIONS (.timeout_ms = 1500), GODWIT_ERR_TIMEOUT,
            wrong_topic);
    cr_assert_eq (lines_of ("Waiting for <Target topic=wrok>, for 1"), 1u);
    cr_assert_eq (lines_of (wrong_topic), 1u);
    /* Once a minute for a topic, however many wait; each topic for itself. */
    MUST (godwit_client_new (&client, world.calling, GODWIT_TARGET (.topic = "wrok"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = 150000), &error));
    for (size_t i = 0; i < CALLS; i++)
        MUST (godwit_client_call_future (client, NULL, "nothing", GODWIT_NO_ARGS, &futures[i], &error));
    expect (GODWIT_TARGET (.topic = "work", .server = "tow"), GODWIT_CLIENT_OPTIONS (.timeout_ms = 2000),
            GODWIT_ERR_TIMEOUT, "known there: \"two\" and \"one\"");
    cr_assert_eq (lines_of ("Waiting for <Target topic=work, server=tow>"), 1u);
    cr_assert_eq (lines_of ("Waiting for <Target topic=wrok>"), 1u);
    godwit_cluster_run (world.cluster, 62000);
    cr_assert_eq (lines_of ("Waiting for <Target topic=wrok>"), 2u);
    godwit_cluster_run (world.cluster, 62000);
    cr_assert_eq (lines_of ("Waiting for <Target topic=wrok>"), 3u);
    /* Somebody comes. */
    serve (NULL, "wrok", "one");
    for (size_t i = 0; i < CALLS; i++) {
        MUST (godwit_future_wait (futures[i], -1, NULL, NULL, &error));
        godwit_future_destroy (&futures[i]);
    }
    cr_assert_eq (lines_of ("Waiting for"), 4u);
    godwit_client_destroy (&client);
    close_world ();
}

/* ---- how near names are ---- */

Test (nobody, distance)
{
    static const struct {
        const char *a, *b;
        size_t distance;
    } rows[] = {{"", "", 0},        {"work", "work", 0}, {"work", "wrok", 2},      {"work", "worker", 2},
                {"work", "ork", 1}, {"", "abc", 3},      {"kitten", "sitting", 3}, {"abc", "", 3}};
    char name[GODWIT__DISTANCE_NAME_MAX + 2];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq (godwit__distance (rows[i].a, rows[i].b), rows[i].distance, "%s, %s", rows[i].a,
                      rows[i].b);
    memset (name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    cr_assert_eq (godwit__distance (name, "x"), GODWIT__DISTANCE_FAR);
    cr_assert_eq (godwit__distance ("x", name), GODWIT__DISTANCE_FAR);
    cr_assert_eq (godwit__distance (name + 1, name + 1), 0u);
}
