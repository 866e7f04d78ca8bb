/* SPDX-License-Identifier: Apache-2.0 */
/* Three processes of `godwit matchmaker`, servers as processes, and this process as their client: each
 * rendezvous is killed and replaced in turn, then all of them, while calls go on. */
#include <criterion/criterion.h>
#include <godwit/godwit.h>

#include "tests/support/must.h"
#include "tests/support/process.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define COMMAND GODWIT_BUILD_DIR "/tools/godwit"
#define SERVER GODWIT_BUILD_DIR "/tests/e2e/programs/core_server"
#define WAIT_LIMIT_MS PROCESS_WAIT_LIMIT_MS
#define COUNT 3
#define RETURNS 5
/* With a sanitizer the figure is printed, and says little. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RETURN_MAX_MS (WAIT_LIMIT_MS / 2)
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RETURN_MAX_MS (WAIT_LIMIT_MS / 2)
#endif
#endif
#ifndef RETURN_MAX_MS
#define RETURN_MAX_MS 1000
#endif

/* ---- processes ---- */

static process_t rendezvous[COUNT];
static process_t servers[4];
static int ports[COUNT];
static char url[128];

static void
rendezvous_start (int index)
{
    char command[256], ready[96];
    snprintf (command, sizeof command, "exec " COMMAND " matchmaker --insecure --listen=127.0.0.1:%d",
              ports[index]);
    snprintf (ready, sizeof ready, "godwit matchmaker: ready at 127.0.0.1:%d", ports[index]);
    process_start (&rendezvous[index], "/bin/sh", "-c", command);
    process_expect (&rendezvous[index], ready);
}

static void
server_start (int index, const char *name)
{
    process_start (&servers[index], SERVER, url, name);
    process_expect (&servers[index], "up");
}

static void
start_rendezvous (void)
{
    for (int i = 0; i < COUNT; i++) {
        ports[i] = free_port ();
        rendezvous_start (i);
    }
    snprintf (url, sizeof url, "zmq://127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d/?insecure=true", ports[0],
              ports[1], ports[2]);
}

/* ---- clients ---- */

typedef struct side {
    godwit_transport_t *transport;
    godwit_client_t *client;
} side_t;

static void
side_open (side_t *side)
{
    MUST (godwit_transport_new (&side->transport, url, NULL, &error));
    MUST (godwit_client_new (&side->client, side->transport, GODWIT_TARGET (.topic = "work"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error));
}

static void
side_close (side_t *side)
{
    godwit_client_destroy (&side->client);
    godwit_transport_destroy (&side->transport);
}

static void
call_server (const side_t *side, const char *name)
{
    godwit_client_t *client = NULL;
    godwit_value_t *result = NULL;
    MUST (godwit_client_prepare (&client, side->client, GODWIT_OVERRIDES (.server = name), &error));
    MUST (godwit_client_call (client, NULL, "whoami", GODWIT_NO_ARGS, &result, &error));
    cr_assert_str_eq (godwit_value_as_str (result, ""), name);
    godwit_value_unref (&result);
    godwit_client_destroy (&client);
}

/* Calls all the time. Each is one server's, in turn; none may fail. */
typedef struct caller {
    side_t side;
    pthread_t thread;
    atomic_bool stop;
    atomic_uint calls;
    char failure[512]; /* of the first that failed; read when the thread is over */
} caller_t;

static void *
run_caller (void *user)
{
    caller_t *caller = user;
    while (!atomic_load (&caller->stop)) {
        godwit_error_t *error = NULL;
        const godwit_status_t status =
            godwit_client_call (caller->side.client, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error);
        if (status && !caller->failure[0])
            snprintf (caller->failure, sizeof caller->failure, "%s", godwit_error_print (error));
        godwit_error_destroy (&error);
        atomic_fetch_add (&caller->calls, 1);
    }
    return NULL;
}

static void
caller_start (caller_t *caller)
{
    side_open (&caller->side);
    MUST (godwit_client_wait_servers (caller->side.client, 2, WAIT_LIMIT_MS, &error));
    cr_assert_eq (pthread_create (&caller->thread, NULL, run_caller, caller), 0);
}

/* So many more have ended; a failure is one that stands still as well. */
static void
caller_goes_on (caller_t *caller, unsigned calls)
{
    const unsigned wanted = atomic_load (&caller->calls) + calls;
    const int64_t end_ms = process_now_ms () + WAIT_LIMIT_MS;
    while (atomic_load (&caller->calls) < wanted) {
        cr_assert (process_now_ms () < end_ms, "the calls stand still");
        sched_yield ();
    }
}

static void
caller_stop (caller_t *caller)
{
    atomic_store (&caller->stop, true);
    pthread_join (caller->thread, NULL);
    cr_assert_str_empty (caller->failure, "%s", caller->failure);
    side_close (&caller->side);
}

/* ---- tests ---- */

/* One that starts while a rendezvous is gone is found by all, and finds all. */
static void
check_newcomer (caller_t *caller, int index, const char *name)
{
    server_start (index, name);
    side_t late;
    side_open (&late);
    MUST (godwit_client_wait_servers (late.client, 3, WAIT_LIMIT_MS, &error));
    call_server (&late, "one");
    call_server (&late, "two");
    call_server (&late, name);
    call_server (&caller->side, name);
    side_close (&late);
}

Test (matchmaker_command, each_of_three_is_killed_and_replaced, .timeout = 120)
{
    static const char *const names[] = {"three", "four", "five"};
    caller_t caller = {.stop = false};
    start_rendezvous ();
    server_start (0, "one");
    server_start (1, "two");
    caller_start (&caller);
    for (int i = 0; i < COUNT; i++) {
        process_finish (&rendezvous[i], SIGKILL);
        caller_goes_on (&caller, 20);
        check_newcomer (&caller, 2, names[i]);
        rendezvous_start (i);
        caller_goes_on (&caller, 20);
        process_finish (&servers[2], 0);
    }
    caller_stop (&caller);
    process_finish (&servers[0], 0);
    process_finish (&servers[1], 0);
    for (int i = 0; i < COUNT; i++) { /* and closes well */
        const int status = process_end (&rendezvous[i], i ? SIGTERM : SIGINT);
        cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0, "status %d", status);
    }
}

static int
compare_times (const void *a, const void *b)
{
    const int64_t left = *(const int64_t *) a, right = *(const int64_t *) b;
    return (left > right) - (left < right);
}

/* Who comes now finds nobody. */
static void
check_is_told_why (const side_t *late)
{
    godwit_error_t *told = NULL;
    godwit_client_t *hasty = NULL;
    MUST (godwit_client_prepare (&hasty, late->client, GODWIT_OVERRIDES (.timeout_ms = 100), &error));
    cr_assert_eq (godwit_client_call (hasty, NULL, "whoami", GODWIT_NO_ARGS, NULL, &told),
                  GODWIT_ERR_TIMEOUT);
    cr_assert_eq (godwit_error_outcome (told), GODWIT_OUTCOME_NOT_SENT);
    cr_assert (strstr (godwit_error_message (told), "no rendezvous can be reached: "), "%s",
               godwit_error_message (told));
    godwit_error_destroy (&told);
    godwit_client_destroy (&hasty);
}

Test (matchmaker_command, calls_go_on_without_any_rendezvous, .timeout = 120)
{
    caller_t caller = {.stop = false};
    side_t late;
    int64_t took_ms[RETURNS];
    start_rendezvous ();
    server_start (0, "one");
    server_start (1, "two");
    caller_start (&caller);
    for (int i = 0; i < COUNT; i++)
        process_finish (&rendezvous[i], SIGKILL);
    caller_goes_on (&caller, 100);

    side_open (&late);
    check_is_told_why (&late);

    /* One returns, several times: everybody is back in it within a second, the newcomer finds them there. */
    for (int i = 0; i < RETURNS; i++) {
        rendezvous_start (i % COUNT);
        const int64_t began_ms = process_now_ms ();
        MUST (godwit_client_wait_servers (late.client, 2, WAIT_LIMIT_MS, &error));
        took_ms[i] = process_now_ms () - began_ms;
        caller_goes_on (&caller, 10);
        process_finish (&rendezvous[i % COUNT], SIGKILL);
        side_close (&late);
        side_open (&late);
    }
    qsort (took_ms, RETURNS, sizeof *took_ms, compare_times);
    printf ("a newcomer found both servers %d ms after the rendezvous was ready (best %d, worst %d)\n",
            (int) took_ms[RETURNS / 2], (int) took_ms[0], (int) took_ms[RETURNS - 1]);
    cr_assert_leq (took_ms[0], RETURN_MAX_MS);
    side_close (&late);
    caller_stop (&caller);
    process_finish (&servers[0], 0);
    process_finish (&servers[1], 0);
}
