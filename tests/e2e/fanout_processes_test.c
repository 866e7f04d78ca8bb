/* SPDX-License-Identifier: Apache-2.0 */
/* Fanouts and fanout calls to real processes that die, and to addresses where nobody is. */
#include <criterion/criterion.h>
#include <godwit/godwit.h>

#include "tests/support/must.h"
#include "tests/support/process.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define PROGRAM GODWIT_BUILD_DIR "/tests/e2e/programs/core_server"
#define WAIT_LIMIT_MS PROCESS_WAIT_LIMIT_MS
#define SERVER_COUNT 3

typedef struct world {
    char url[128];
    process_t processes[SERVER_COUNT]; /* the first hosts the rendezvous, and the last one has bad luck */
    godwit_transport_t *transport;
    godwit_client_t *client;
} world_t;

static const char *const names[SERVER_COUNT] = {"one", "two", "three"};

static void
start (world_t *world, size_t i)
{
    process_start (&world->processes[i], PROGRAM, world->url, names[i]);
    process_expect (&world->processes[i], "up");
}

static void
tell (process_t *process, const char *line, const char *answer)
{
    process_tell (process, line);
    process_expect (process, answer);
}

static void
open_client (world_t *world, int64_t timeout_ms)
{
    MUST (godwit_transport_new (&world->transport, world->url, NULL, &error));
    MUST (godwit_client_new (&world->client, world->transport, GODWIT_TARGET (.topic = "work"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = timeout_ms), &error));
}

static void
close_client (world_t *world)
{
    godwit_client_destroy (&world->client);
    godwit_transport_destroy (&world->transport);
}

static void
open_world (world_t *world, const char *query)
{
    /* Nobody is given up because the machine is busy. */
    snprintf (world->url, sizeof world->url, "zmq://:%d/?heartbeat_timeout_ms=%d%s", free_port (),
              WAIT_LIMIT_MS, query);
    for (size_t i = 0; i < SERVER_COUNT; i++)
        start (world, i);
    open_client (world, WAIT_LIMIT_MS);
    MUST (godwit_client_wait_servers (world->client, SERVER_COUNT, WAIT_LIMIT_MS, &error));
}

static void
close_world (world_t *world)
{
    close_client (world);
    for (size_t i = SERVER_COUNT; i-- > 0;)
        process_finish (&world->processes[i], 0);
}

static godwit_fanout_report_t
publish (world_t *world)
{
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    MUST (godwit_client_fanout (world->client, NULL, "count", GODWIT_NO_ARGS, &report, &error));
    return report;
}

/* Servers that are connected, or not. */
static unsigned
count_servers (const world_t *world, bool connected)
{
    godwit_value_t *list = NULL;
    unsigned found = 0;
    MUST (godwit_client_servers (world->client, &list, &error));
    for (size_t i = 0; i < godwit_value_count (list); i++)
        found += godwit_value_as_bool (godwit_value_get (godwit_value_at (list, i), "connected"), false) ==
                 connected;
    godwit_value_unref (&list);
    return found;
}

static const godwit_fanout_row_t *
row_of (const godwit_fanout_result_t *result, const char *server)
{
    for (size_t i = 0; i < godwit_fanout_result_count (result); i++)
        if (strcmp (godwit_fanout_result_row (result, i)->server, server) == 0)
            return godwit_fanout_result_row (result, i);
    cr_assert_fail ("%s has no row", server);
    return NULL;
}

static void
expect_row (const godwit_fanout_result_t *result, const char *server, godwit_fanout_state_t state,
            godwit_outcome_t outcome)
{
    const godwit_fanout_row_t *row = row_of (result, server);
    cr_assert (row->state == state && godwit_error_outcome (row->error) == outcome,
               "%s: expected %s, got %s: %s", server, godwit_fanout_state_name (state),
               godwit_fanout_state_name (row->state), row->error ? godwit_error_print (row->error) : "");
}

/* ---- fanouts ---- */

/* Once its connection is known to be gone, it is not counted, whatever else still stands of it; and each that
 * is counted gets it. Another process of its name is another server. */
static void
kill_a_subscriber (const char *query)
{
    char line[32];
    world_t world;
    unsigned rounds = 5, all = 0;
    open_world (&world, query);
    for (unsigned i = 0; i < rounds; i++, all++)
        cr_assert_eq (publish (&world).reached, 3u);
    for (size_t i = 0; i < SERVER_COUNT; i++)
        tell (&world.processes[i], "counted 5", "counted");
    process_finish (&world.processes[2], SIGKILL);
    const int64_t end = process_now_ms () + WAIT_LIMIT_MS;
    while (count_servers (&world, true) == SERVER_COUNT)
        cr_assert_lt (process_now_ms (), end);
    for (unsigned i = 0; i < rounds; i++, all++) {
        const godwit_fanout_report_t report = publish (&world);
        cr_assert (report.reached == 2 && report.missing <= 1, "%u, %u", report.reached, report.missing);
    }
    start (&world, 2);
    MUST (godwit_client_wait_servers (world.client, SERVER_COUNT, WAIT_LIMIT_MS, &error));
    for (unsigned i = 0; i < rounds; i++, all++)
        cr_assert_eq (publish (&world).reached, 3u);
    tell (&world.processes[2], "counted 5", "counted");
    snprintf (line, sizeof line, "counted %u", all);
    tell (&world.processes[0], line, "counted");
    tell (&world.processes[1], line, "counted");
    close_world (&world);
}

Test (fanout_processes, a_killed_one_is_not_counted_ipc, .timeout = 60)
{
    kill_a_subscriber ("");
}

Test (fanout_processes, a_killed_one_is_not_counted_tcp, .timeout = 60)
{
    kill_a_subscriber ("&paths=tcp&insecure=true");
}

/* ---- fanout calls ---- */

typedef struct asking {
    world_t *world;
    godwit_fanout_result_t *result;
    godwit_status_t status;
} asking_t;

static void *
ask (void *user)
{
    asking_t *asking = user;
    asking->status = godwit_client_fanout_call (asking->world->client, NULL, "hold", GODWIT_NO_ARGS,
                                                &asking->result, NULL);
    return NULL;
}

Test (fanout_processes, one_is_killed_while_it_works, .timeout = 60)
{
    world_t world;
    pthread_t thread;
    asking_t asking = {.world = &world};
    open_world (&world, "");
    cr_assert_eq (pthread_create (&thread, NULL, ask, &asking), 0);
    for (size_t i = 0; i < SERVER_COUNT; i++)
        tell (&world.processes[i], "held 1", "held");
    process_finish (&world.processes[2], SIGKILL);
    tell (&world.processes[0], "release", "released");
    tell (&world.processes[1], "release", "released");
    pthread_join (thread, NULL);
    cr_assert_eq (asking.status, GODWIT_OK);
    cr_assert_eq (godwit_fanout_result_count (asking.result), (size_t) SERVER_COUNT);
    expect_row (asking.result, "one", GODWIT_FANOUT_REPLIED, GODWIT_OUTCOME_NONE);
    expect_row (asking.result, "two", GODWIT_FANOUT_REPLIED, GODWIT_OUTCOME_NONE);
    expect_row (asking.result, "three", GODWIT_FANOUT_TIMED_OUT, GODWIT_OUTCOME_MAYBE_RUN);
    cr_assert_lt (row_of (asking.result, "three")->took_us, WAIT_LIMIT_MS / 2 * 1000);
    godwit_fanout_result_destroy (&asking.result);
    start (&world, 2);
    close_world (&world);
}

/* Listed, and not there: told at once, not after the time of the whole. */
Test (fanout_processes, nobody_is_at_its_address, .timeout = 60)
{
    world_t world;
    godwit_fanout_result_t *result = NULL;
    snprintf (world.url, sizeof world.url, "zmq:///?insecure=true&static=work/gone@tcp://127.0.0.1:%d",
              free_port ());
    open_client (&world, WAIT_LIMIT_MS);
    const int64_t end = process_now_ms () + WAIT_LIMIT_MS;
    while (count_servers (&world, false) == 0) /* the control thread reads the list */
        cr_assert_lt (process_now_ms (), end);
    for (int i = 0; i < 3; i++) {
        MUST (godwit_client_fanout_call (world.client, NULL, "nothing", GODWIT_NO_ARGS, &result, &error));
        cr_assert_eq (godwit_fanout_result_count (result), 1u);
        expect_row (result, "gone", GODWIT_FANOUT_UNREACHABLE, GODWIT_OUTCOME_NOT_SENT);
        cr_assert_lt (row_of (result, "gone")->took_us, WAIT_LIMIT_MS / 2 * 1000);
        godwit_fanout_result_destroy (&result);
    }
    close_client (&world);
}
