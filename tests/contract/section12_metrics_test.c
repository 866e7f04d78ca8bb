/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 12: metrics of client and server. */
#include "tests/contract/contract.h"

#include <stdio.h>

/* Which label is looked for; a text that is NULL is unset. */
typedef struct label {
    const char *side;
    const char *topic;
    const char *name_space;
    const char *version;
    const char *server;
    bool fanout;
    const char *method;
} label_t;

typedef struct numbers {
    int64_t started;
    int64_t ended;
    int64_t failures;
    double seconds;
    double max;
    godwit_status_t status; /* of all failures, if it is the same; OK: of none, or of several */
} numbers_t;

static bool
has_text (const godwit_value_t *entry, const char *name, const char *text)
{
    const godwit_value_t *const value = godwit_value_get (entry, name);
    return text ? strcmp (godwit_value_as_str (value, ""), text) == 0
                : value && godwit_value_type (value) == GODWIT_TYPE_NIL;
}

static int64_t
named (const godwit_value_t *entry, const char *name)
{
    return godwit_value_as_int (godwit_value_get (entry, name), -1);
}

static int64_t
number (const godwit_value_t *list, size_t index)
{
    return godwit_value_as_int (godwit_value_at (list, index), -1);
}

/* Failures by status and durations are of as many invocations as there were. */
static void
is_consistent (const godwit_value_t *entry)
{
    const godwit_value_t *const failures = godwit_value_get (entry, "by_status");
    const godwit_value_t *const buckets = godwit_value_get (entry, "buckets");
    int64_t failed = 0, measured = 0;
    for (size_t i = 0; i < godwit_value_count (failures); i++)
        failed += godwit_value_as_int (godwit_value_at (failures, i), -1000);
    for (size_t i = 0; i < godwit_value_count (buckets); i++)
        measured += number (godwit_value_at (buckets, i), 1);
    cr_assert_eq (failed, named (entry, "failures"));
    cr_assert_eq (measured, named (entry, "ended"), "%lld measured of %lld", (long long) measured,
                  (long long) named (entry, "ended"));
    cr_assert_eq (named (entry, "in_flight"), named (entry, "started") - named (entry, "ended"));
}

static godwit_status_t
only_status (const godwit_value_t *failures)
{
    for (int i = 1; godwit_value_count (failures) == 1 && i < (int) GODWIT_STATUS_COUNT; i++)
        if (godwit_value_get (failures, godwit_status_type ((godwit_status_t) i)))
            return (godwit_status_t) i;
    return GODWIT_OK;
}

/* What one label came to; all 0 if it is not there. */
static numbers_t
metrics_of (const godwit_transport_t *transport, const label_t *label)
{
    godwit_value_t *list = NULL;
    numbers_t numbers = {0, 0, 0, 0, 0, GODWIT_OK};
    size_t found = 0;
    MUST (godwit_transport_metrics (transport, &list, &error));
    for (size_t i = 0; i < godwit_value_count (list); i++) {
        const godwit_value_t *const entry = godwit_value_at (list, i);
        if (!has_text (entry, "side", label->side) || !has_text (entry, "topic", label->topic) ||
            !has_text (entry, "exchange", label->topic ? "godwit" : NULL) ||
            !has_text (entry, "namespace", label->name_space) ||
            !has_text (entry, "version", label->version) || !has_text (entry, "server", label->server) ||
            !has_text (entry, "method", label->method) ||
            godwit_value_as_bool (godwit_value_get (entry, "fanout"), !label->fanout) != label->fanout)
            continue;
        found++;
        is_consistent (entry);
        numbers = (numbers_t){named (entry, "started"),
                              named (entry, "ended"),
                              named (entry, "failures"),
                              godwit_value_as_double (godwit_value_get (entry, "seconds"), -1),
                              godwit_value_as_double (godwit_value_get (entry, "max"), -1),
                              only_status (godwit_value_get (entry, "by_status"))};
    }
    godwit_value_unref (&list);
    cr_assert_leq (found, 1u, "%s %s is there %zu times", label->side, label->method, found);
    return numbers;
}

/* A server counts when its handler has returned, which its caller may see before. */
static void
stop (core_t *core)
{
    MUST (godwit_server_stop (core->one.server, NULL, &error));
    MUST (godwit_server_wait (core->one.server, NULL, &error));
}

#define IS(numbers_, started_, ended_, failures_)                                                            \
    do {                                                                                                     \
        const numbers_t is_ = (numbers_);                                                                    \
        cr_assert (is_.started == (started_) && is_.ended == (ended_) && is_.failures == (failures_),        \
                   "started %lld, ended %lld, failures %lld", (long long) is_.started,                       \
                   (long long) is_.ended, (long long) is_.failures);                                         \
    } while (0)

#define FAILED_WITH(numbers_, status_)                                                                       \
    do {                                                                                                     \
        const godwit_status_t is_ = (numbers_).status;                                                       \
        cr_assert_eq (is_, (status_), "%s failed with %s", #numbers_, godwit_status_type (is_));             \
    } while (0)

static const label_t client_whoami = {"client", "work", NULL, NULL, NULL, false, "whoami"};
static const label_t server_whoami = {"server", "work", NULL, "1.3", "one", false, "whoami"};
static const label_t server_others = {"server", NULL, NULL, NULL, NULL, false, "..."};

/* ---- the rows ---- */

static void
calls_on_both_sides (core_t *core)
{
    IS (metrics_of (core->calling, &client_whoami), 0, 0, 0);
    for (int i = 0; i < 5; i++)
        cr_assert_eq (call_who (core->client), 'e');
    stop (core);
    IS (metrics_of (core->calling, &client_whoami), 5, 5, 0);
    IS (metrics_of (core->serving, &server_whoami), 5, 5, 0);
}

static void
by_every_label (core_t *core)
{
    godwit_client_t *other = NULL;
    MUST (godwit_client_prepare (&other, core->client,
                                 GODWIT_OVERRIDES (.name_space = "other", .version = "2.0", .server = "one"),
                                 &error));
    MUST (godwit_client_call (other, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    MUST (godwit_client_call (core->client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    MUST (godwit_client_call (other, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    MUST (godwit_client_call (other, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    /* What is no label makes no difference, and is counted with the parent's. */
    godwit_client_t *patient = NULL;
    MUST (
        godwit_client_prepare (&patient, other, GODWIT_OVERRIDES (.timeout_ms = 2 * WAIT_LIMIT_MS), &error));
    MUST (godwit_client_call (patient, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    MUST (godwit_client_call (patient, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&patient);
    godwit_client_destroy (&other);
    stop (core);
    static const struct {
        label_t label;
        int64_t count;
    } rows[] = {
        {{"client", "work", "other", "2.0", "one", false, "nothing"}, 3},
        {{"client", "work", NULL, NULL, NULL, false, "nothing"}, 1},
        {{"client", "work", "other", "2.0", "one", false, "whoami"}, 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        IS (metrics_of (core->calling, &rows[i].label), rows[i].count, rows[i].count, 0);
    /* The server's are in its own words. */
    static const label_t of_other = {"server", "work", "other", "2.0", "one", false, "nothing"};
    static const label_t of_none = {"server", "work", NULL, "1.3", "one", false, "nothing"};
    IS (metrics_of (core->serving, &of_other), 3, 3, 0);
    IS (metrics_of (core->serving, &of_none), 1, 1, 0);
}

static void
casts_and_fanouts (core_t *core)
{
    MUST (godwit_client_cast (core->client, NULL, "count", GODWIT_NO_ARGS, &error));
    MUST (godwit_client_fanout (core->client, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
    MUST (godwit_client_fanout (core->client, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
    service_wait (&core->one, &core->one.counted, 3);
    stop (core);
    label_t label = {"client", "work", NULL, NULL, NULL, false, "count"};
    IS (metrics_of (core->calling, &label), 1, 1, 0);
    label.fanout = true;
    IS (metrics_of (core->calling, &label), 2, 2, 0);
    label = (label_t){"server", "work", NULL, "1.3", "one", false, "count"};
    IS (metrics_of (core->serving, &label), 1, 1, 0);
    label.fanout = true;
    IS (metrics_of (core->serving, &label), 2, 2, 0);
}

static void
on_reply (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) status;
    (void) result;
    (void) error;
    tally_add (user);
}

static void
asynchronous_calls (core_t *core)
{
    static const label_t failing = {"client", "work", NULL, NULL, NULL, false, "fail"};
    tally_t done;
    tally_open (&done);
    for (int i = 0; i < 50; i++)
        MUST (godwit_client_call_async (core->client, NULL, i % 5 ? "whoami" : "fail", GODWIT_NO_ARGS,
                                        on_reply, &done, &error));
    tally_wait (&done, 50);
    /* It was counted before the callback ran. */
    IS (metrics_of (core->calling, &client_whoami), 40, 40, 0);
    IS (metrics_of (core->calling, &failing), 10, 10, 10);
    tally_close (&done);
}

static void
failures_end_too (core_t *core)
{
    for (int i = 0; i < 3; i++)
        cr_assert_neq (godwit_client_call (core->client, NULL, "fail", GODWIT_NO_ARGS, NULL, NULL),
                       GODWIT_OK);
    cr_assert_neq (godwit_client_call (core->client, NULL, "deny", GODWIT_NO_ARGS, NULL, NULL), GODWIT_OK);
    cr_assert_neq (godwit_client_call (core->client, NULL, "drop", GODWIT_NO_ARGS, NULL, NULL), GODWIT_OK);
    MUST (godwit_client_cast (core->client, NULL, "deny", GODWIT_NO_ARGS, &error));
    /* Arguments that do not fit are a failure of the method. */
    cr_assert_neq (
        godwit_client_call (core->client, NULL, "add", GODWIT_ARGS (GODWIT_STR ("a", "x")), NULL, NULL),
        GODWIT_OK);
    service_wait (&core->one, &core->one.runs, 6);
    stop (core);
    static const struct {
        const char *method;
        int64_t client, client_failed, server;
        godwit_status_t client_status, server_status;
    } rows[] = {{"fail", 3, 3, 3, GODWIT_ERR_REMOTE_ERROR, GODWIT_ERR_FAILED},
                {"deny", 2, 1, 2, GODWIT_ERR_INVALID_ARGUMENT, GODWIT_ERR_INVALID_ARGUMENT},
                {"drop", 1, 1, 1, GODWIT_ERR_FAILED, GODWIT_ERR_FAILED},
                {"add", 1, 1, 1, GODWIT_ERR_TYPE_MISMATCH, GODWIT_ERR_TYPE_MISMATCH}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const label_t client = {"client", "work", NULL, NULL, NULL, false, rows[i].method};
        const label_t server = {"server", "work", NULL, "1.3", "one", false, rows[i].method};
        IS (metrics_of (core->calling, &client), rows[i].client, rows[i].client, rows[i].client_failed);
        IS (metrics_of (core->serving, &server), rows[i].server, rows[i].server, rows[i].server);
        FAILED_WITH (metrics_of (core->calling, &client), rows[i].client_status);
        FAILED_WITH (metrics_of (core->serving, &server), rows[i].server_status);
    }
}

static void
what_is_not_sent_ends (core_t *core)
{
    godwit_client_t *nobody = NULL;
    static const label_t label = {"client", "nowhere", NULL, NULL, NULL, false, "whoami"};
    MUST (godwit_client_new (&nobody, core->calling, GODWIT_TARGET (.topic = "nowhere"),
                             GODWIT_CLIENT_OPTIONS (.mandatory = GODWIT_YES), &error));
    FAILS (GODWIT_ERR_UNDELIVERABLE, GODWIT_OUTCOME_NOT_SENT, "",
           godwit_client_call (nobody, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    IS (metrics_of (core->calling, &label), 1, 1, 1);
    FAILED_WITH (metrics_of (core->calling, &label), GODWIT_ERR_UNDELIVERABLE);
    /* There was nothing to send: not an invocation. */
    godwit_client_t *capped = NULL;
    MUST (godwit_client_prepare (&capped, nobody, GODWIT_OVERRIDES (.version_cap = "1.0"), &error));
    FAILS (GODWIT_ERR_VERSION_CAP, GODWIT_OUTCOME_NONE, "",
           godwit_client_call (capped, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    IS (metrics_of (core->calling, &label), 1, 1, 1);
    godwit_client_destroy (&capped);
    godwit_client_destroy (&nobody);
}

static void
started_is_not_ended (core_t *core)
{
    static const label_t client = {"client", "work", NULL, NULL, NULL, false, "block"};
    static const label_t server = {"server", "work", NULL, "1.3", "one", false, "block"};
    godwit_future_t *future = NULL;
    MUST (godwit_client_call_future (core->client, NULL, "block", GODWIT_NO_ARGS, &future, &error));
    service_wait (&core->one, &core->one.blocked, 1);
    IS (metrics_of (core->calling, &client), 1, 0, 0);
    IS (metrics_of (core->serving, &server), 1, 0, 0);
    service_open_gate (&core->one);
    MUST (godwit_future_wait (future, WAIT_LIMIT_MS, NULL, NULL, &error));
    stop (core);
    IS (metrics_of (core->calling, &client), 1, 1, 0);
    IS (metrics_of (core->serving, &server), 1, 1, 0);
    godwit_future_destroy (&future);
}

static void
kept_requests_end_when_given_back (core_t *core)
{
    static const label_t server = {"server", "work", NULL, "1.3", "one", false, "hold"};
    godwit_future_t *future = NULL;
    MUST (godwit_client_call_future (core->client, NULL, "hold", GODWIT_NO_ARGS, &future, &error));
    service_wait_held (&core->one, 1);
    godwit_request_t *request = service_take (&core->one);
    IS (metrics_of (core->serving, &server), 1, 0, 0);
    cr_assert_eq (godwit_request_reply (request, GODWIT_INT (NULL, 1)), GODWIT_OK);
    godwit_request_destroy (&request);
    MUST (godwit_future_wait (future, WAIT_LIMIT_MS, NULL, NULL, &error));
    stop (core);
    IS (metrics_of (core->serving, &server), 1, 1, 0);
    godwit_future_destroy (&future);
}

static void
seconds_are_measured (core_t *core)
{
    static const label_t client = {"client", "work", NULL, NULL, NULL, false, "block"};
    static const label_t server = {"server", "work", NULL, "1.3", "one", false, "block"};
    godwit_future_t *future = NULL;
    MUST (godwit_client_call_future (core->client, NULL, "block", GODWIT_NO_ARGS, &future, &error));
    service_wait (&core->one, &core->one.blocked, 1);
    const int64_t before = now_ms ();
    while (now_ms () < before + 20) {
    }
    service_open_gate (&core->one);
    MUST (godwit_future_wait (future, WAIT_LIMIT_MS, NULL, NULL, &error));
    stop (core);
    /* At least so long, as it was blocked meanwhile; and no thousand times as much. */
    const double seconds[] = {metrics_of (core->calling, &client).seconds,
                              metrics_of (core->serving, &server).seconds};
    for (int i = 0; i < 2; i++)
        cr_assert (seconds[i] >= 0.019 && seconds[i] < WAIT_LIMIT_MS / 1000.0, "%f", seconds[i]);
    /* There was only this one. */
    cr_assert_eq (metrics_of (core->calling, &client).max, seconds[0]);
    cr_assert_eq (metrics_of (core->serving, &server).max, seconds[1]);
    godwit_future_destroy (&future);
}

static void
strangers_make_no_labels (core_t *core)
{
    char name[32];
    for (int i = 0; i < 200; i++) {
        snprintf (name, sizeof name, "stranger_%d", i);
        cr_assert_neq (godwit_client_call (core->client, NULL, name, GODWIT_NO_ARGS, NULL, NULL), GODWIT_OK);
    }
    /* Nor do versions, whichever way they are written, and denied methods. */
    static const char *const versions[] = {"1.3", "1.2", "1.1.9", "1.0.00001", "01.0"};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        godwit_client_t *client = NULL;
        MUST (
            godwit_client_prepare (&client, core->client, GODWIT_OVERRIDES (.version = versions[i]), &error));
        godwit_client_call (client, NULL, "whoami", GODWIT_NO_ARGS, NULL, NULL);
        godwit_client_call (client, NULL, "_hidden", GODWIT_NO_ARGS, NULL, NULL);
        godwit_client_destroy (&client);
    }
    stop (core);
    godwit_value_t *list = NULL;
    size_t server_labels = 0;
    MUST (godwit_transport_metrics (core->serving, &list, &error));
    for (size_t i = 0; i < godwit_value_count (list); i++)
        server_labels += has_text (godwit_value_at (list, i), "side", "server");
    godwit_value_unref (&list);
    cr_assert_eq (server_labels, 2u, "%zu labels", server_labels);
    IS (metrics_of (core->serving, &server_others), 205, 205, 205);
    FAILED_WITH (metrics_of (core->serving, &server_others), GODWIT_ERR_NO_SUCH_METHOD);
    IS (metrics_of (core->serving, &server_whoami), 5, 5, 0);
}

static void
labels_are_bounded (core_t *core)
{
    godwit_client_t *nobody = NULL;
    char name[32];
    static const label_t others = {"client", NULL, NULL, NULL, NULL, false, "..."};
    MUST (godwit_client_new (&nobody, core->calling, GODWIT_TARGET (.topic = "nowhere"),
                             GODWIT_CLIENT_OPTIONS (.mandatory = GODWIT_YES), &error));
    for (int i = 0; i < 4096 + 10; i++) {
        snprintf (name, sizeof name, "method_%d", i);
        cr_assert_eq (godwit_client_call (nobody, NULL, name, GODWIT_NO_ARGS, NULL, NULL),
                      GODWIT_ERR_UNDELIVERABLE);
    }
    const label_t first = {"client", "nowhere", NULL, NULL, NULL, false, "method_0"};
    const label_t last = {"client", "nowhere", NULL, NULL, NULL, false, "method_4095"};
    const label_t beyond = {"client", "nowhere", NULL, NULL, NULL, false, "method_4096"};
    IS (metrics_of (core->calling, &first), 1, 1, 1);
    IS (metrics_of (core->calling, &last), 1, 1, 1);
    IS (metrics_of (core->calling, &beyond), 0, 0, 0);
    IS (metrics_of (core->calling, &others), 10, 10, 10);
    /* The other side has its own. */
    cr_assert_eq (call_who (core->client), 'e');
    stop (core);
    IS (metrics_of (core->serving, &server_whoami), 1, 1, 0);
    godwit_client_destroy (&nobody);
}

#define THREADS 4
#define ROUNDS 200

static void *
call_often (void *user)
{
    for (int i = 0; i < ROUNDS; i++)
        godwit_client_call (user, NULL, i % 2 ? "whoami" : "nothing", GODWIT_NO_ARGS, NULL, NULL);
    return NULL;
}

static void
threads_lose_nothing (core_t *core)
{
    static const label_t client_nothing = {"client", "work", NULL, NULL, NULL, false, "nothing"};
    static const label_t server_nothing = {"server", "work", NULL, "1.3", "one", false, "nothing"};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq (pthread_create (&threads[i], NULL, call_often, core->client), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join (threads[i], NULL);
    stop (core);
    const int64_t each = THREADS * ROUNDS / 2;
    IS (metrics_of (core->calling, &client_whoami), each, each, 0);
    IS (metrics_of (core->calling, &client_nothing), each, each, 0);
    IS (metrics_of (core->serving, &server_whoami), each, each, 0);
    IS (metrics_of (core->serving, &server_nothing), each, each, 0);
}

/* Those that share a measurement all count, and so does each one that another method interrupts. */
static void
publications_in_quick_succession (core_t *core)
{
    static const label_t count = {"server", "work", NULL, "1.3", "one", true, "count"};
    static const label_t nothing = {"server", "work", NULL, "1.3", "one", true, "nothing"};
    for (int i = 0; i < 2000; i++) {
        MUST (godwit_client_fanout (core->client, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
        if (i % 7 == 0)
            MUST (godwit_client_fanout (core->client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    }
    service_wait (&core->one, &core->one.counted, 2000);
    stop (core);
    IS (metrics_of (core->serving, &count), 2000, 2000, 0);
    IS (metrics_of (core->serving, &nothing), 286, 286, 0);
}

static void
inline_methods_count (core_t *core)
{
    static const label_t on_client = {"client", "work", NULL, NULL, "near", false, "quick"};
    static const label_t on_server = {"server", "work", NULL, "1.3", "near", false, "quick"};
    godwit_client_t *client = NULL;
    service_t service;
    service_start (&service, core->calling, "near", NULL);
    MUST (godwit_client_new (&client, core->calling, GODWIT_TARGET (.topic = "work", .server = "near"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error));
    MUST (godwit_client_wait_servers (client, 1, WAIT_LIMIT_MS, &error));
    MUST (godwit_client_call (client, NULL, "quick", GODWIT_ARGS (GODWIT_INT ("thread", core_this_thread ())),
                              NULL, &error));
    IS (metrics_of (core->calling, &on_client), 1, 1, 0);
    IS (metrics_of (core->calling, &on_server), 1, 1, 0);
    cr_assert_lt (metrics_of (core->calling, &on_client).seconds, WAIT_LIMIT_MS / 1000.0);
    godwit_client_destroy (&client);
    service_end (&service);
}

static const contract_row_t rows[] = {
    {"12: Metrics of client and server: invocations started and ended", calls_on_both_sides},
    {"12: labelled by exchange, topic, namespace, version, server, fanout, method", by_every_label},
    {"12: casts and fanouts", casts_and_fanouts},
    {"12: asynchronous calls", asynchronous_calls},
    {"12: failures (Fix: OM loses \"end\" on failure)", failures_end_too},
    {"12: failures to send", what_is_not_sent_ends},
    {"12: invocations started, and not ended yet", started_is_not_ended},
    {"12: requests that are kept (Fix: OM never counts on the server)", kept_requests_end_when_given_back},
    {"12: processing seconds", seconds_are_measured},
    {"12: methods that do not exist are counted together", strangers_make_no_labels},
    {"12: labels are bounded", labels_are_bounded},
    {"12: nothing is lost among threads", threads_lose_nothing},
    {"12: publications that share a measurement", publications_in_quick_succession},
    {"12: inline methods", inline_methods_count},
};
CONTRACT (section12_metrics, rows)
