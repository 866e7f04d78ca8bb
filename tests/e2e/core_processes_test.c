/* SPDX-License-Identifier: Apache-2.0 */
/* The core with real processes that stop, die, freeze and come back. Each test has a rendezvous port of its
 * own, which the first process that it starts hosts. */
#include <criterion/criterion.h>
#include <godwit/godwit.h>

#include "tests/support/must.h"
#include "tests/support/process.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PROGRAM GODWIT_BUILD_DIR "/tests/e2e/programs/core_server"
#define WAIT_LIMIT_MS PROCESS_WAIT_LIMIT_MS
/* Less than the time that passes if a death is not noticed. It takes some milliseconds on an idle machine. */
#define NOTICED_MS (WAIT_LIMIT_MS / 2)

static int64_t
now_us (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- server processes ---- */

static void
new_url (char url[64], const char *query)
{
    snprintf (url, 64, "zmq://:%d/%s", free_port (), query);
}

static void
start (process_t *process, const char *url, const char *name)
{
    process_start (process, PROGRAM, url, name);
    process_expect (process, "up");
}

static void
tell (process_t *process, const char *word, const char *answer)
{
    process_tell (process, word);
    process_expect (process, answer);
}

/* ---- the client's side ---- */

typedef struct side {
    godwit_transport_t *transport;
    godwit_client_t *client;
} side_t;

static void
open_side (side_t *side, const char *url, const godwit_transport_options_t *options)
{
    MUST (godwit_transport_new (&side->transport, url, options, &error));
    MUST (godwit_client_new (&side->client, side->transport, GODWIT_TARGET (.topic = "work"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error));
}

static void
close_side (side_t *side)
{
    godwit_client_destroy (&side->client);
    godwit_transport_destroy (&side->transport);
}

static godwit_client_t *
named (const side_t *side, const char *server)
{
    godwit_client_t *client = NULL;
    MUST (godwit_client_prepare (&client, side->client, GODWIT_OVERRIDES (.server = server), &error));
    return client;
}

/* Calls one after the other, in several threads. */
enum { THREADS = 3 };
typedef struct load {
    godwit_client_t *client;
    pthread_t threads[THREADS];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stop;
    uint64_t succeeded;
    uint64_t lost;   /* TIMEOUT with MAYBE_RUN: the server died with them */
    uint64_t failed; /* anything else */
    char first_failure[256];
} load_t;

static void *
call_on (void *user)
{
    load_t *load = user;
    for (;;) {
        godwit_error_t *error = NULL;
        const godwit_status_t status =
            godwit_client_call (load->client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error);
        pthread_mutex_lock (&load->lock);
        if (status == GODWIT_OK)
            load->succeeded++;
        else if (status == GODWIT_ERR_TIMEOUT && godwit_error_outcome (error) == GODWIT_OUTCOME_MAYBE_RUN)
            load->lost++;
        else if (load->failed++ == 0)
            snprintf (load->first_failure, sizeof load->first_failure, "%s", godwit_error_print (error));
        const bool stop = load->stop;
        pthread_cond_broadcast (&load->changed);
        pthread_mutex_unlock (&load->lock);
        godwit_error_destroy (&error);
        if (stop)
            return NULL;
    }
}

static void
begin_load (load_t *load, godwit_client_t *client)
{
    memset (load, 0, sizeof *load);
    load->client = client;
    pthread_mutex_init (&load->lock, NULL);
    pthread_cond_init (&load->changed, NULL);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq (pthread_create (&load->threads[i], NULL, call_on, load), 0);
}

/* Waits for so many more calls that succeed. */
static void
pass (load_t *load, uint64_t more)
{
    struct timespec end;
    clock_gettime (CLOCK_REALTIME, &end);
    end.tv_sec += WAIT_LIMIT_MS / 1000;
    pthread_mutex_lock (&load->lock);
    const uint64_t least = load->succeeded + more;
    int late = 0;
    while (load->succeeded < least && !late)
        late = pthread_cond_timedwait (&load->changed, &load->lock, &end);
    pthread_mutex_unlock (&load->lock);
    cr_assert (!late, "the calls stand still: %s", load->first_failure);
}

static void
end_load (load_t *load)
{
    pthread_mutex_lock (&load->lock);
    load->stop = true;
    pthread_mutex_unlock (&load->lock);
    for (int i = 0; i < THREADS; i++)
        pthread_join (load->threads[i], NULL);
    cr_assert_eq (load->failed, 0u, "%llu of %llu failed, the first: %s", (unsigned long long) load->failed,
                  (unsigned long long) (load->failed + load->succeeded), load->first_failure);
}

/* ---- tests ---- */

Test (core_processes, finds_servers_started_before_and_after, .timeout = 60)
{
    char url[64];
    process_t one, two;
    side_t before = {0}, after = {0};
    godwit_future_t *future = NULL;
    new_url (url, "");
    open_side (&before, url, NULL);
    MUST (godwit_client_call_future (before.client, NULL, "whoami", GODWIT_NO_ARGS, &future, &error));
    start (&one, url, "one");
    MUST (godwit_future_wait (future, -1, NULL, NULL, &error));
    godwit_future_destroy (&future);
    open_side (&after, url, NULL);
    MUST (godwit_client_call (after.client, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    start (&two, url, "two");
    MUST (godwit_client_wait_servers (before.client, 2, WAIT_LIMIT_MS, &error));
    MUST (godwit_client_wait_servers (after.client, 2, WAIT_LIMIT_MS, &error));
    close_side (&before);
    close_side (&after);
    process_finish (&one, 0);
    process_finish (&two, 0);
}

/* A server is killed with calls pending: those end at once, as what may have run; nothing else fails. */
static void
kill_a_server (const char *query)
{
    enum { HELD = 50 };
    char url[64];
    process_t one, two;
    side_t side = {0};
    load_t load;
    godwit_future_t *doomed[HELD], *safe[HELD];
    new_url (url, query);
    start (&two, url, "two"); /* the host of the rendezvous: not the one that is killed */
    start (&one, url, "one");
    open_side (&side, url, NULL);
    MUST (godwit_client_wait_servers (side.client, 2, WAIT_LIMIT_MS, &error));
    godwit_client_t *to_one = named (&side, "one");
    godwit_client_t *to_two = named (&side, "two");
    for (int i = 0; i < HELD; i++) {
        MUST (godwit_client_call_future (to_one, NULL, "hold", GODWIT_NO_ARGS, &doomed[i], &error));
        MUST (godwit_client_call_future (to_two, NULL, "hold", GODWIT_NO_ARGS, &safe[i], &error));
    }
    begin_load (&load, side.client);
    pass (&load, 100);

    const int64_t killed = now_us ();
    kill (one.pid, SIGKILL);
    for (int i = 0; i < HELD; i++) {
        godwit_error_t *error = NULL;
        cr_assert_eq (godwit_future_wait (doomed[i], -1, NULL, NULL, &error), GODWIT_ERR_TIMEOUT);
        cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_MAYBE_RUN);
        godwit_error_destroy (&error);
        godwit_future_destroy (&doomed[i]);
    }
    const int64_t took = now_us () - killed;
    fprintf (stderr, "killed%s: %d calls ended after %.1f ms\n", query, HELD, (double) took / 1000);
    cr_assert_lt (took, NOTICED_MS * 1000);
    pass (&load, 100);
    end_load (&load);
    cr_assert_leq (load.lost, THREADS); /* those that were under way to it */
    for (int i = 0; i < HELD; i++) {
        bool finished = true;
        godwit_future_wait (safe[i], 0, &finished, NULL, NULL);
        cr_assert (!finished, "a call to the other server ended");
    }
    tell (&two, "release", "released");
    for (int i = 0; i < HELD; i++) {
        MUST (godwit_future_wait (safe[i], -1, NULL, NULL, &error));
        godwit_future_destroy (&safe[i]);
    }
    godwit_client_destroy (&to_one);
    godwit_client_destroy (&to_two);
    close_side (&side);
    process_finish (&one, SIGKILL);
    process_finish (&two, 0);
}

Test (core_processes, notices_a_killed_server_at_once, .timeout = 60)
{
    kill_a_server ("");
}

Test (core_processes, notices_a_killed_server_at_once_over_tcp, .timeout = 60)
{
    kill_a_server ("?paths=tcp&insecure=true");
}

/* The process that hosts the rendezvous is killed: no call between others fails, and names still spread. */
Test (core_processes, survives_the_host_of_the_rendezvous, .timeout = 90)
{
    char url[64];
    process_t host, one, two;
    side_t side = {0};
    load_t load;
    new_url (url, "");
    start (&host, url, "host");
    start (&one, url, "one");
    open_side (&side, url, NULL);
    godwit_client_t *to_one = named (&side, "one");
    MUST (godwit_client_wait_servers (to_one, 1, WAIT_LIMIT_MS, &error));
    begin_load (&load, to_one);
    pass (&load, 100);
    process_finish (&host, SIGKILL);
    pass (&load, 1000);
    /* Somebody took over: a server that starts now is found. */
    start (&two, url, "two");
    godwit_client_t *to_two = named (&side, "two");
    MUST (godwit_client_call (to_two, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    end_load (&load);
    cr_assert_eq (load.lost, 0u);
    godwit_client_destroy (&to_one);
    godwit_client_destroy (&to_two);
    close_side (&side);
    process_finish (&one, 0);
    process_finish (&two, 0);
}

Test (core_processes, finds_a_restarted_server_again, .timeout = 60)
{
    char url[64];
    process_t host, one;
    side_t side = {0};
    new_url (url, "");
    start (&host, url, "host");
    start (&one, url, "one");
    open_side (&side, url, NULL);
    godwit_client_t *to_one = named (&side, "one");
    for (int i = 0; i < 6; i++) {
        MUST (godwit_client_call (to_one, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
        process_finish (&one, i % 2 ? SIGKILL : 0);
        start (&one, url, "one");
        /* A request that was under way to the dead one may be lost; here there is none. */
        godwit_value_t *result = NULL;
        godwit_error_t *error = NULL;
        godwit_status_t status = godwit_client_call (to_one, NULL, "whoami", GODWIT_NO_ARGS, &result, &error);
        if (status == GODWIT_ERR_TIMEOUT && i % 2) { /* sent before the death was noticed */
            cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_MAYBE_RUN);
            godwit_error_destroy (&error);
            status = godwit_client_call (to_one, NULL, "whoami", GODWIT_NO_ARGS, &result, &error);
        }
        cr_assert_eq (status, GODWIT_OK, "%d: %s", i, godwit_error_print (error));
        cr_assert_str_eq (godwit_value_as_str (result, ""), "one");
        godwit_value_unref (&result);
    }
    godwit_client_destroy (&to_one);
    close_side (&side);
    process_finish (&one, 0);
    process_finish (&host, 0);
}

/* A server that is frozen says nothing: heartbeats find out. Thawed, it is called again. */
static void
freeze_a_server (const char *query)
{
    char url[64];
    process_t one, two;
    side_t side = {0};
    load_t load;
    godwit_future_t *doomed = NULL;
    new_url (url, query);
    start (&two, url, "two");
    start (&one, url, "one");
    open_side (&side, url, GODWIT_TRANSPORT_OPTIONS (.heartbeat_ms = 50, .heartbeat_timeout_ms = 300));
    MUST (godwit_client_wait_servers (side.client, 2, WAIT_LIMIT_MS, &error));
    godwit_client_t *to_one = named (&side, "one");
    MUST (godwit_client_call_future (to_one, NULL, "hold", GODWIT_NO_ARGS, &doomed, &error));
    MUST (godwit_client_call (to_one, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    begin_load (&load, side.client);
    pass (&load, 50);

    const int64_t frozen = now_us ();
    process_stand_still (&one);
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_future_wait (doomed, -1, NULL, NULL, &error), GODWIT_ERR_TIMEOUT);
    const int64_t took = now_us () - frozen;
    cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_MAYBE_RUN, "%s", godwit_error_print (error));
    fprintf (stderr, "frozen%s: noticed after %.1f ms\n", query, (double) took / 1000);
    cr_assert_lt (took, (300 + 50 + NOTICED_MS) * 1000);
    godwit_error_destroy (&error);
    godwit_future_destroy (&doomed);
    pass (&load, 200);
    kill (one.pid, SIGCONT);
    end_load (&load);
    cr_assert_leq (load.lost, 4 * THREADS);
    cr_assert_eq (godwit_client_call (to_one, NULL, "nothing", GODWIT_NO_ARGS, NULL, NULL), GODWIT_OK);
    godwit_client_destroy (&to_one);
    close_side (&side);
    process_finish (&one, 0);
    process_finish (&two, 0);
}

Test (core_processes, notices_a_frozen_server_by_its_silence, .timeout = 60)
{
    freeze_a_server ("");
}

Test (core_processes, notices_a_frozen_server_by_its_silence_over_tcp, .timeout = 60)
{
    freeze_a_server ("?paths=tcp&insecure=true");
}

/* The same with a call monitor (contract 4), where nothing else would notice: the connection is not tested
 * for half a minute, by neither side. The monitor is long, so that a machine which is busy does not fall
 * silent by itself. */
static void
monitor_a_frozen_server (const char *query)
{
    enum { MONITOR_MS = 1500 };
    char url[64];
    process_t host, one;
    side_t side = {0};
    godwit_future_t *doomed = NULL;
    new_url (url, query);
    start (&host, url, "host"); /* somebody else has the rendezvous */
    start (&one, url, "one");
    open_side (&side, url, NULL);
    MUST (godwit_client_wait_servers (side.client, 2, WAIT_LIMIT_MS, &error));
    godwit_client_t *to_one = named (&side, "one");
    godwit_client_t *monitored = NULL;
    MUST (godwit_client_prepare (&monitored, to_one, GODWIT_OVERRIDES (.call_monitor_timeout_ms = MONITOR_MS),
                                 &error));
    /* While it lives, its silence is none. */
    MUST (godwit_client_call_future (monitored, NULL, "hold", GODWIT_NO_ARGS, &doomed, &error));
    bool finished = true;
    godwit_error_t *error = NULL;
    godwit_future_wait (doomed, MONITOR_MS + MONITOR_MS / 2, &finished, NULL, &error);
    cr_assert_not (finished, "%s", godwit_error_print (error));
    godwit_error_destroy (&error);

    process_stand_still (&one);
    const int64_t frozen = now_us ();
    cr_assert_eq (godwit_future_wait (doomed, -1, NULL, NULL, &error), GODWIT_ERR_TIMEOUT);
    cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_MAYBE_RUN);
    cr_assert (strstr (godwit_error_message (error), "The call monitor ended the call"), "%s",
               godwit_error_print (error));
    cr_assert_lt (now_us () - frozen, (MONITOR_MS + NOTICED_MS) * 1000); /* half of the call's own time */
    godwit_error_destroy (&error);
    godwit_future_destroy (&doomed);
    /* And one that is made now, on this thread. */
    cr_assert_eq (godwit_client_call (monitored, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error),
                  GODWIT_ERR_TIMEOUT);
    cr_assert (strstr (godwit_error_message (error), "The call monitor ended the call"), "%s",
               godwit_error_print (error));
    godwit_error_destroy (&error);
    kill (one.pid, SIGCONT);
    cr_assert_eq (godwit_client_call (monitored, NULL, "nothing", GODWIT_NO_ARGS, NULL, NULL), GODWIT_OK);
    godwit_client_destroy (&monitored);
    godwit_client_destroy (&to_one);
    close_side (&side);
    process_finish (&one, 0);
    process_finish (&host, 0);
}

Test (core_processes, a_monitor_ends_the_calls_of_a_frozen_server, .timeout = 60)
{
    monitor_a_frozen_server ("?heartbeat_ms=30000");
}

Test (core_processes, a_monitor_ends_the_calls_of_a_frozen_server_over_tcp, .timeout = 60)
{
    monitor_a_frozen_server ("?paths=tcp&insecure=true&heartbeat_ms=30000");
}

/* Each of three servers is replaced by a new process, twice; no call is lost. */
static void
restart_rolling (const char *query)
{
    static const char *const names[] = {"one", "two", "three"};
    char url[64];
    process_t host, processes[3];
    side_t side = {0};
    load_t load;
    new_url (url, query);
    start (&host, url, "host"); /* keeps the rendezvous, so that this is about the servers */
    tell (&host, "stop", "stopped");
    for (int i = 0; i < 3; i++)
        start (&processes[i], url, names[i]);
    open_side (&side, url, NULL);
    MUST (godwit_client_wait_servers (side.client, 3, WAIT_LIMIT_MS, &error));
    begin_load (&load, side.client);
    for (int i = 0; i < 6; i++) {
        pass (&load, 50);
        process_finish (&processes[i % 3], 0);
        pass (&load, 50);
        start (&processes[i % 3], url, names[i % 3]);
        godwit_client_t *client = named (&side, names[i % 3]);
        MUST (godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
        godwit_client_destroy (&client);
    }
    end_load (&load);
    cr_assert_eq (load.lost, 0u, "%llu of %llu calls were lost", (unsigned long long) load.lost,
                  (unsigned long long) (load.lost + load.succeeded));
    close_side (&side);
    for (int i = 0; i < 3; i++)
        process_finish (&processes[i], 0);
    process_finish (&host, 0);
}

Test (core_processes, a_rolling_restart_loses_no_call, .timeout = 90)
{
    restart_rolling ("");
}

Test (core_processes, a_rolling_restart_loses_no_call_over_tcp, .timeout = 90)
{
    restart_rolling ("?paths=tcp&insecure=true");
}
