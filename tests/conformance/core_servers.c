/* SPDX-License-Identifier: Apache-2.0 */
/* Which server gets a call, and what happens when servers come and go. */
#include "tests/conformance/core_conformance.h"

#include <stdio.h>

static godwit_client_t *
prepared (godwit_client_t *client, const godwit_overrides_t *overrides)
{
    godwit_client_t *other = NULL;
    MUST (godwit_client_prepare (&other, client, overrides, &error));
    return other;
}

void
core_clients_may_come_first (const core_kind_t *kind)
{
    core_t core;
    core_open_empty (&core, kind);
    godwit_future_t *future = NULL;
    MUST (godwit_client_call_future (core.client, NULL, "whoami", GODWIT_NO_ARGS, &future, &error));
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NONE, "", godwit_future_wait (future, 10, NULL, NULL, &error));
    const int64_t began = now_ms ();
    service_start (&core.one, core.serving, "one", NULL);
    cr_assert_eq (call_who (core.client), 'e');
    MUST (godwit_future_wait (future, -1, NULL, NULL, &error));
    cr_assert_lt (now_ms () - began, WAIT_LIMIT_MS / 2);
    godwit_future_destroy (&future);
    core_close (&core);
}

void
core_round_robin_is_even (const core_kind_t *kind)
{
    enum { ROUNDS = 50 };
    core_t core;
    service_t two, three;
    core_open (&core, kind);
    godwit_transport_t *elsewhere = core_transport (&core, NULL);
    service_start (&two, core.serving, "two", NULL);
    service_start (&three, elsewhere, "three", NULL);
    MUST (godwit_client_wait_servers (core.client, 3, WAIT_LIMIT_MS, &error));
    for (int i = 0; i < 3 * ROUNDS; i++)
        MUST (godwit_client_call (core.client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_eq (service_get (&core.one, &core.one.runs), ROUNDS);
    cr_assert_eq (service_get (&two, &two.runs), ROUNDS);
    cr_assert_eq (service_get (&three, &three.runs), ROUNDS);
    service_end (&two);
    service_end (&three);
    godwit_transport_destroy (&elsewhere);
    core_close (&core);
}

void
core_a_named_server_and_never_another (const core_kind_t *kind)
{
    core_t core;
    service_t two;
    core_open (&core, kind);
    service_start (&two, core.serving, "two", NULL);
    MUST (godwit_client_wait_servers (core.client, 2, WAIT_LIMIT_MS, &error));
    godwit_client_t *named =
        prepared (core.client, GODWIT_OVERRIDES (.server = "two", .timeout_ms = WAIT_LIMIT_MS));
    for (int i = 0; i < 20; i++) {
        MUST (godwit_client_call (named, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
        MUST (godwit_client_cast (named, NULL, "nothing", GODWIT_NO_ARGS, &error));
    }
    service_wait (&two, &two.runs, 40);
    cr_assert_eq (service_get (&core.one, &core.one.runs), 0u);
    /* Gone: failure, though another server of the topic is there. */
    service_end (&two);
    godwit_client_t *late = prepared (named, GODWIT_OVERRIDES (.timeout_ms = 400));
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_client_call (late, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error),
                  GODWIT_ERR_TIMEOUT);
    cr_assert (godwit_error_outcome (error) == GODWIT_OUTCOME_NOT_SENT ||
                   godwit_error_outcome (error) == GODWIT_OUTCOME_REJECTED,
               "%s", godwit_error_print (error));
    godwit_error_destroy (&error);
    cr_assert_eq (service_get (&core.one, &core.one.runs), 0u);
    godwit_client_destroy (&late);
    godwit_client_destroy (&named);
    core_close (&core);
}

/* ---- fanout ---- */

void
core_fanouts_reach_all (const core_kind_t *kind)
{
    core_t core;
    service_t two, three;
    godwit_fanout_report_t report = {sizeof report, 9, 9, 9};
    core_open_empty (&core, kind);
    /* Nobody known is no failure. */
    MUST (godwit_client_fanout (core.client, NULL, "count", GODWIT_NO_ARGS, &report, &error));
    cr_assert (report.reached == 0 && report.missing == 0);

    godwit_transport_t *elsewhere = core_transport (&core, NULL);
    service_start (&core.one, core.serving, "one", NULL);
    service_start (&two, core.serving, "two", NULL);
    service_start (&three, elsewhere, "three", NULL);
    MUST (godwit_client_wait_servers (core.client, 3, WAIT_LIMIT_MS, &error));
    for (uint64_t i = 1; i <= 20; i++) {
        MUST (godwit_client_fanout (core.client, NULL, "count", GODWIT_NO_ARGS, &report, &error));
        cr_assert (report.reached == 3 && report.missing == 0, "%u, %u", report.reached, report.missing);
    }
    godwit_client_t *all = prepared (core.client, GODWIT_OVERRIDES (.fanout = GODWIT_YES));
    MUST (godwit_client_cast (all, NULL, "count", GODWIT_NO_ARGS, &error));
    service_t *const services[] = {&core.one, &two, &three};
    for (int i = 0; i < 3; i++)
        service_wait (services[i], &services[i]->counted, 21);

    /* A large one, and one to fewer. */
    static char bytes[1 << 20];
    MUST (godwit_client_fanout (core.client, NULL, "count",
                                GODWIT_ARGS (GODWIT_BIN ("x", bytes, sizeof bytes)), &report, &error));
    cr_assert_eq (report.reached, 3u);
    for (int i = 0; i < 3; i++)
        service_wait (services[i], &services[i]->counted, 22);
    MUST (godwit_server_stop (two.server, NULL, &error));
    int64_t wait_limit = WAIT_LIMIT_MS;
    do
        MUST (godwit_client_fanout (core.client, NULL, "count", GODWIT_NO_ARGS, &report, &error));
    while (report.reached == 3 && --wait_limit);
    cr_assert (report.reached == 2 && report.missing == 0, "%u, %u", report.reached, report.missing);
    godwit_client_destroy (&all);
    service_wait (&three, &three.counted, 23);
    service_wait (&core.one, &core.one.counted, 23);
    service_end (&two);
    service_end (&three);
    godwit_transport_destroy (&elsewhere);
    core_close (&core);
}

/* Two more start in the middle of a stream of fanouts: what is said to have reached them did. */
void
core_fanouts_report_who_is_missing (const core_kind_t *kind)
{
    core_t core;
    service_t more[4];
    core_open (&core, kind);
    uint64_t said = 0, count = 0;
    for (int i = 0; i < 4; i++) {
        service_start (&more[i], core.serving, "more", NULL);
        for (int k = 0; k < 10; k++) {
            godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
            MUST (godwit_client_fanout (core.client, NULL, "count", GODWIT_NO_ARGS, &report, &error));
            cr_assert_geq (report.reached, 1u);
            said += report.reached;
            count++;
        }
        MUST (godwit_client_wait_servers (core.client, (size_t) i + 2, WAIT_LIMIT_MS, &error));
    }
    const int64_t end = now_ms () + WAIT_LIMIT_MS;
    uint64_t got = 0;
    while (got < said && now_ms () < end) {
        service_wait (&core.one, &core.one.counted, count);
        got = service_get (&core.one, &core.one.counted);
        for (int i = 0; i < 4; i++)
            got += service_get (&more[i], &more[i].counted);
    }
    cr_assert_geq (got, said);
    for (int i = 0; i < 4; i++)
        service_end (&more[i]);
    core_close (&core);
}

/* So quickly that they travel together; a large one and one of another topic are among them. */
void
core_fanouts_in_a_row_come_once_each (const core_kind_t *kind)
{
    enum { ROUNDS = 30, IN_A_ROW = 100 };
    static char bytes[3000];
    core_t core;
    service_t two;
    godwit_transport_stats_t stats;
    core_open (&core, kind);
    service_start (&two, core.serving, "two", NULL);
    MUST (godwit_client_wait_servers (core.client, 2, WAIT_LIMIT_MS, &error));
    godwit_client_t *nobody = prepared (core.client, GODWIT_OVERRIDES (.topic = "nobody"));
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < IN_A_ROW; i++)
            MUST (godwit_client_fanout (core.client, NULL, "count", GODWIT_ARGS (GODWIT_INT ("x", i)), NULL,
                                        &error));
        MUST (godwit_client_fanout (nobody, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
        MUST (godwit_client_fanout (core.client, NULL, "count",
                                    GODWIT_ARGS (GODWIT_BIN ("x", bytes, sizeof bytes)), NULL, &error));
        /* Not followed by anything that would push them out. */
        for (int i = 0; round == ROUNDS - 1 && i < IN_A_ROW; i++)
            MUST (godwit_client_fanout (core.client, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
        /* A server whose queue is full refuses what comes. */
        const uint64_t sent = (uint64_t) (round + 1) * (IN_A_ROW + 1);
        service_wait (&core.one, &core.one.counted, sent);
        service_wait (&two, &two.counted, sent);
    }
    const uint64_t all = ROUNDS * (IN_A_ROW + 1) + IN_A_ROW;
    service_wait (&core.one, &core.one.counted, all);
    service_wait (&two, &two.counted, all);
    godwit_transport_stats (core.serving, &stats, sizeof stats);
    cr_assert_eq (service_get (&core.one, &core.one.counted), all);
    cr_assert_eq (service_get (&two, &two.counted), all);
    cr_assert (stats.fanout_gaps == 0 && stats.requests_duplicate == 0 && stats.frames_malformed == 0);
    godwit_client_destroy (&nobody);
    service_end (&two);
    core_close (&core);
}

/* ---- coming and going ---- */

typedef struct load {
    godwit_client_t *client;
    atomic_bool stop;
    atomic_uint_fast64_t succeeded;
    atomic_uint_fast64_t failed;
    char first_failure[300];
    pthread_mutex_t lock;
} load_t;

static void *
call_on (void *user)
{
    load_t *load = user;
    while (!atomic_load (&load->stop)) {
        godwit_error_t *error = NULL;
        if (godwit_client_call (load->client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error) == GODWIT_OK) {
            atomic_fetch_add (&load->succeeded, 1);
            continue;
        }
        pthread_mutex_lock (&load->lock);
        if (atomic_fetch_add (&load->failed, 1) == 0)
            snprintf (load->first_failure, sizeof load->first_failure, "%s", godwit_error_print (error));
        pthread_mutex_unlock (&load->lock);
        godwit_error_destroy (&error);
    }
    return NULL;
}

void
core_draining_loses_no_call (const core_kind_t *kind)
{
    enum { THREADS = 4, ROUNDS = 10 };
    core_t core;
    service_t two;
    pthread_t threads[THREADS];
    load_t load = {.lock = PTHREAD_MUTEX_INITIALIZER};
    core_open (&core, kind);
    service_start (&two, core.serving, "two", NULL);
    MUST (godwit_client_wait_servers (core.client, 2, WAIT_LIMIT_MS, &error));
    load.client = core.client;
    for (int i = 0; i < THREADS; i++)
        pthread_create (&threads[i], NULL, call_on, &load);
    godwit_client_t *named = prepared (core.client, GODWIT_OVERRIDES (.server = "two"));
    for (int i = 0; i < ROUNDS; i++) {
        service_wait (&two, &two.runs, service_get (&two, &two.runs) + 20);
        MUST (godwit_server_stop (two.server, NULL, &error));
        MUST (godwit_server_wait (two.server, GODWIT_STEP_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error));
        const uint64_t ran = service_get (&two, &two.runs);
        service_wait (&core.one, &core.one.runs, service_get (&core.one, &core.one.runs) + 20);
        cr_assert_eq (service_get (&two, &two.runs), ran, "a stopped server ran something");
        MUST (godwit_server_start (two.server, NULL, &error));
        MUST (godwit_client_call (named, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    }
    atomic_store (&load.stop, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join (threads[i], NULL);
    cr_assert_eq (atomic_load (&load.failed), 0u, "%llu of %llu failed, the first: %s",
                  (unsigned long long) load.failed, (unsigned long long) (load.failed + load.succeeded),
                  load.first_failure);
    /* Each ran exactly once, as far as anybody can tell. */
    cr_assert_eq (service_get (&core.one, &core.one.runs) + service_get (&two, &two.runs),
                  load.succeeded + ROUNDS);
    godwit_client_destroy (&named);
    service_end (&two);
    core_close (&core);
}

/* The only server of its process stops, and its record is withdrawn; what it has accepted still runs. */
void
core_accepted_calls_outlive_a_stop (const core_kind_t *kind)
{
    core_t core;
    godwit_future_t *future = NULL;
    core_open (&core, kind);
    MUST (godwit_client_call_future (core.client, NULL, "hold", GODWIT_NO_ARGS, &future, &error));
    service_wait_held (&core.one, 1);
    MUST (godwit_server_stop (core.one.server, NULL, &error));
    godwit_value_t *list = NULL;
    const int64_t end = now_ms () + WAIT_LIMIT_MS;
    do { /* until the client has heard of it */
        godwit_value_unref (&list);
        godwit_client_wait_servers (core.client, 1, 1, NULL);
        MUST (godwit_client_servers (core.client, &list, &error));
    } while (godwit_value_count (list) > 0 && now_ms () < end);
    cr_assert_eq (godwit_value_count (list), 0u);
    godwit_value_unref (&list);
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NONE, "", godwit_future_wait (future, 10, NULL, NULL, &error));
    godwit_request_t *request = service_take (&core.one);
    MUST (godwit_request_reply (request, GODWIT_INT (NULL, 1)));
    godwit_request_destroy (&request);
    MUST (godwit_future_wait (future, -1, NULL, NULL, &error));
    godwit_future_destroy (&future);
    MUST (godwit_server_wait (core.one.server, GODWIT_STEP_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error));
    core_close (&core);
}

/* However the news of the stop and of the start overtake each other. */
void
core_restarted_servers_are_called_again (const core_kind_t *kind)
{
    core_t core;
    core_open (&core, kind);
    for (int i = 0; i < 40; i++) {
        if (i % 2)
            cr_assert_eq (call_who (core.client), 'e');
        MUST (godwit_server_stop (core.one.server, NULL, &error));
        if (i % 3 == 0)
            MUST (godwit_server_wait (core.one.server, GODWIT_STEP_OPTIONS (.timeout_ms = WAIT_LIMIT_MS),
                                      &error));
        MUST (godwit_server_start (core.one.server, NULL, &error));
        MUST (godwit_client_call (core.client, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    }
    /* One of the same name in its place. */
    for (int i = 0; i < 5; i++) {
        service_end (&core.one);
        service_start (&core.one, core.serving, "one", NULL);
        MUST (godwit_client_call (core.client, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    }
    core_close (&core);
}

void
core_overloaded_servers_are_passed_over (const core_kind_t *kind)
{
    core_t core;
    service_t two;
    core_open_empty (&core, kind);
    service_start (&core.one, core.serving, "one",
                   GODWIT_SERVER_OPTIONS (.concurrency = 1, .queue_limit = 1));
    MUST (godwit_client_wait_servers (core.client, 1, WAIT_LIMIT_MS, &error));
    MUST (godwit_client_cast (core.client, NULL, "block", GODWIT_NO_ARGS, &error));
    service_wait (&core.one, &core.one.blocked, 1);
    MUST (godwit_client_cast (core.client, NULL, "count", GODWIT_NO_ARGS, &error));
    service_start (&two, core.serving, "two", NULL);
    MUST (godwit_client_wait_servers (core.client, 2, WAIT_LIMIT_MS, &error));
    for (int i = 0; i < 20; i++)
        cr_assert_eq (call_who (core.client), 'o');
    godwit_future_t *futures[20];
    for (int i = 0; i < 20; i++)
        MUST (godwit_client_call_future (core.client, NULL, "whoami", GODWIT_NO_ARGS, &futures[i], &error));
    for (int i = 0; i < 20; i++) {
        MUST (godwit_future_wait (futures[i], -1, NULL, NULL, &error));
        godwit_future_destroy (&futures[i]);
    }
    cr_assert_eq (service_get (&two, &two.runs), 40u);
    godwit_transport_stats_t stats;
    godwit_transport_stats (core.calling, &stats, sizeof stats);
    /* The first of them at least met the other one, which then was left alone for a while. */
    cr_assert (stats.calls_retried >= 1 && stats.calls_retried <= 40, "%llu",
               (unsigned long long) stats.calls_retried);
    service_end (&two);
    core_close (&core);
}

void
core_an_overloaded_server_says_so (const core_kind_t *kind)
{
    core_t core;
    core_open_empty (&core, kind);
    service_start (&core.one, core.serving, "one",
                   GODWIT_SERVER_OPTIONS (.concurrency = 1, .queue_limit = 1));
    MUST (godwit_client_wait_servers (core.client, 1, WAIT_LIMIT_MS, &error));
    MUST (godwit_client_cast (core.client, NULL, "block", GODWIT_NO_ARGS, &error));
    service_wait (&core.one, &core.one.blocked, 1);
    MUST (godwit_client_cast (core.client, NULL, "count", GODWIT_NO_ARGS, &error));
    godwit_client_t *late = prepared (core.client, GODWIT_OVERRIDES (.timeout_ms = 1000));
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_REJECTED, "overloaded",
           godwit_client_call (late, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&late);
    core_close (&core);
}

void
core_virtual_hosts_are_isolated (const core_kind_t *kind)
{
    core_t core, other;
    core_open (&core, kind);
    core_open_empty (&other, kind);
    godwit_client_t *client = prepared (other.client, GODWIT_OVERRIDES (.timeout_ms = 100));
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NOT_SENT, "no server is known",
           godwit_client_call (client, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    godwit_fanout_report_t report = {sizeof report, 9, 9, 9};
    MUST (godwit_client_fanout (client, NULL, "count", GODWIT_NO_ARGS, &report, &error));
    cr_assert (report.reached == 0 && report.missing == 0);
    service_start (&other.one, other.serving, "one", NULL);
    MUST (godwit_client_wait_servers (other.client, 1, WAIT_LIMIT_MS, &error));
    for (int i = 0; i < 4; i++)
        cr_assert_eq (call_who (other.client), 'e');
    MUST (godwit_client_fanout (client, NULL, "count", GODWIT_NO_ARGS, &report, &error));
    cr_assert_eq (report.reached, 1u);
    service_wait (&other.one, &other.one.counted, 1);
    MUST (godwit_client_call (core.client, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_eq (service_get (&core.one, &core.one.runs), 1u);
    godwit_client_destroy (&client);
    core_close (&other);
    core_close (&core);
}

void
core_servers_are_listed (const core_kind_t *kind)
{
    core_t core;
    service_t two;
    godwit_value_t *list = NULL;
    core_open (&core, kind);
    service_start (&two, core.serving, "two", NULL);
    MUST (godwit_client_wait_servers (core.client, 2, WAIT_LIMIT_MS, &error));
    MUST (godwit_client_servers (core.client, &list, &error));
    cr_assert_eq (godwit_value_count (list), 2u);
    for (size_t i = 0; i < 2; i++) {
        const godwit_value_t *map = godwit_value_at (list, i);
        const char *name = godwit_value_as_str (godwit_value_get (map, "server"), "");
        cr_assert (!strcmp (name, "one") || !strcmp (name, "two"), "%s", name);
        cr_assert_str_eq (godwit_value_as_str (godwit_value_get (map, "topic"), ""), "work");
        cr_assert_str_eq (godwit_value_as_str (godwit_value_get (map, "exchange"), ""), "godwit");
        cr_assert_str_eq (godwit_value_as_str (godwit_value_get (map, "state"), ""), "UP");
        cr_assert (godwit_value_as_bool (godwit_value_get (map, "connected"), false));
        cr_assert_eq (godwit_value_count (godwit_value_get (map, "instance")), 16u);
        cr_assert_gt (godwit_value_count (godwit_value_get (map, "addresses")), 0u);
    }
    godwit_value_unref (&list);
    service_end (&two);
    core_close (&core);
}
