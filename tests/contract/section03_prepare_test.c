/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 3: prepare. Random chains of random overrides beside a plain model of what they mean. */
#include "tests/contract/contract.h"

#include "src/client/client.h"
#include "tests/support/random.h"

/* What a client is, as a model: NULL and 0 are unset. */
typedef struct model {
    const char *exchange, *topic, *name_space, *version, *server, *version_cap;
    godwit_choice_t fanout;
    int64_t timeout_ms, retry, call_monitor_timeout_ms;
    bool mandatory, idempotent;
} model_t;

static const char *const exchanges[] = {"godwit", "other"};
static const char *const topics[] = {"work", "elsewhere"};
static const char *const name_spaces[] = {"other", "nowhere"};
static const char *const versions[] = {"1.0", "1.3", "2.0", "1.9"};
static const char *const servers[] = {"one", "two"};
static const char *const caps[] = {"1.2", "1.9", "2.5"};
static const int64_t timeouts[] = {20000, 19000, GODWIT_TIMEOUT_ZERO};
static const int64_t retries[] = {GODWIT_RETRY_NONE, GODWIT_RETRY_FOREVER, 3};
static const int64_t monitors[] = {15000, 30000};

#define COUNT(array) ((uint32_t) (sizeof (array) / sizeof ((array)[0])))

/* Not given, cleared, or one of these: in the overrides, and in the model. */
static const char *
choose_text (random_t *random, const char *const *texts, uint32_t count, const char **model)
{
    const uint32_t choice = random_below (random, 6);
    if (choice < 3)
        return NULL;
    if (choice == 3) {
        *model = NULL;
        return godwit_clear;
    }
    return *model = texts[random_below (random, count)];
}

static int64_t
choose_number (random_t *random, const int64_t *numbers, uint32_t count, int64_t *model)
{
    const uint32_t choice = random_below (random, 6);
    if (choice < 3)
        return 0;
    if (choice == 3) {
        *model = 0;
        return GODWIT_CLEAR_INT;
    }
    return *model = numbers[random_below (random, count)];
}

static godwit_choice_t
choose_choice (random_t *random)
{
    static const godwit_choice_t choices[] = {GODWIT_UNSET, GODWIT_UNSET,        GODWIT_UNSET, GODWIT_YES,
                                              GODWIT_NO,    GODWIT_CLEAR_CHOICE, GODWIT_NO};
    return choices[random_below (random, COUNT (choices))];
}

static godwit_overrides_t
choose (random_t *random, model_t *model)
{
    godwit_overrides_t given = {.struct_size = sizeof given};
    given.exchange = choose_text (random, exchanges, COUNT (exchanges), &model->exchange);
    given.topic = choose_text (random, topics, COUNT (topics), &model->topic);
    given.name_space = choose_text (random, name_spaces, COUNT (name_spaces), &model->name_space);
    given.version = choose_text (random, versions, COUNT (versions), &model->version);
    given.server = choose_text (random, servers, COUNT (servers), &model->server);
    given.version_cap = choose_text (random, caps, COUNT (caps), &model->version_cap);
    given.timeout_ms = choose_number (random, timeouts, COUNT (timeouts), &model->timeout_ms);
    given.retry = choose_number (random, retries, COUNT (retries), &model->retry);
    given.call_monitor_timeout_ms =
        choose_number (random, monitors, COUNT (monitors), &model->call_monitor_timeout_ms);
    given.fanout = choose_choice (random);
    if (given.fanout)
        model->fanout = given.fanout == GODWIT_CLEAR_CHOICE ? GODWIT_UNSET : given.fanout;
    given.mandatory = choose_choice (random);
    if (given.mandatory)
        model->mandatory = given.mandatory == GODWIT_YES;
    given.idempotent = choose_choice (random);
    if (given.idempotent)
        model->idempotent = given.idempotent == GODWIT_YES;
    return given;
}

/* ---- what a client is, from the inside ---- */

static bool
same_text (const char *a, const char *b)
{
    return a == b || (a && b && !strcmp (a, b));
}

static void
expect_same (const godwit_client_t *client, const model_t *model)
{
    const godwit_target_t target = {.struct_size = sizeof target,
                                    .exchange = model->exchange,
                                    .topic = model->topic,
                                    .name_space = model->name_space,
                                    .version = model->version,
                                    .server = model->server,
                                    .fanout = model->fanout};
    char expected[300], got[300];
    godwit_target_print (&target, expected, sizeof expected);
    godwit_target_print (&client->target, got, sizeof got);
    cr_assert (godwit_target_equal (&client->target, &target), "expected %s, got %s", expected, got);
    cr_assert (same_text (client->version_cap, model->version_cap));
    cr_assert_eq (client->timeout_ms, model->timeout_ms);
    cr_assert_eq (client->retry, model->retry);
    cr_assert_eq (client->call_monitor_timeout_ms, model->call_monitor_timeout_ms);
    cr_assert_eq (client->mandatory, model->mandatory);
    cr_assert_eq (client->idempotent, model->idempotent);
}

/* ---- what a client does ---- */

static bool
compatible (const char *implemented, const char *requested)
{
    bool result = false;
    godwit_version_compatible (implemented, requested, &result, NULL);
    return result;
}

/* The server "one" of godwit/work has an endpoint of 1.3, and one of 2.0 in the namespace "other". */
static godwit_status_t
expected_status (const model_t *model)
{
    const char *version = model->version ? model->version : "1.0";
    if (model->fanout == GODWIT_YES)
        return GODWIT_ERR_INVALID_TARGET;
    if (model->version_cap && !compatible (model->version_cap, model->version))
        return GODWIT_ERR_VERSION_CAP;
    if (!model->topic)
        return GODWIT_ERR_INVALID_TARGET;
    if (model->timeout_ms == GODWIT_TIMEOUT_ZERO)
        return GODWIT_ERR_TIMEOUT;
    if ((model->exchange && strcmp (model->exchange, "godwit")) || strcmp (model->topic, "work") ||
        (model->server && strcmp (model->server, "one")))
        return GODWIT_ERR_UNDELIVERABLE;
    if (model->name_space)
        return !strcmp (model->name_space, "other") && compatible ("2.0", version)
                   ? GODWIT_OK
                   : GODWIT_ERR_UNSUPPORTED_VERSION;
    return compatible ("1.3", version) ? GODWIT_OK : GODWIT_ERR_UNSUPPORTED_VERSION;
}

/* Nobody is waited for: it is mandatory that somebody listens. */
static void
expect_behaviour (const godwit_client_t *parent, const model_t *model)
{
    godwit_client_t *client = NULL;
    godwit_value_t *result = NULL;
    MUST (godwit_client_prepare (&client, parent, GODWIT_OVERRIDES (.mandatory = GODWIT_YES), &error));
    godwit_error_t *error = NULL;
    const godwit_status_t status =
        godwit_client_call (client, NULL, "remaining", GODWIT_NO_ARGS, &result, &error);
    const godwit_status_t expected = expected_status (model);
    cr_assert_eq (status, expected, "expected %s, got %s: %s", godwit_status_type (expected),
                  godwit_status_type (status), status ? godwit_error_print (error) : "");
    if (status == GODWIT_OK) {
        const int64_t timeout_ms = model->timeout_ms ? model->timeout_ms : 60000;
        const int64_t left_ms = godwit_value_as_int (result, -1);
        cr_assert (left_ms > 0 && left_ms <= timeout_ms, "%lld of %lld ms", (long long) left_ms,
                   (long long) timeout_ms);
        /* The nearest lower one that there is: 60000, 20000, 19000. */
        cr_assert (timeout_ms != 60000 || left_ms > 20000);
    }
    cr_assert_eq (godwit_client_can_send_version (client, NULL),
                  !model->version_cap || compatible (model->version_cap, model->version));
    godwit_value_unref (&result);
    godwit_error_destroy (&error);
    godwit_client_destroy (&client);
}

/* ---- the property ---- */

enum { ROUNDS = 40, GENERATIONS = 12 };

static void
random_chain (core_t *core, random_t *random)
{
    godwit_client_t *clients[GENERATIONS] = {NULL};
    model_t models[GENERATIONS] = {{.topic = "work", .timeout_ms = WAIT_LIMIT_MS}};
    clients[0] = core_client (core->calling, NULL);
    for (size_t i = 1; i < GENERATIONS; i++) {
        /* Of any that is still there. */
        size_t parent = random_below (random, (uint32_t) i);
        while (!clients[parent])
            parent++;
        models[i] = models[parent];
        const godwit_overrides_t given = choose (random, &models[i]);
        MUST (godwit_client_prepare (&clients[i], clients[parent],
                                     random_below (random, 8) ? &given : (models[i] = models[parent], NULL),
                                     &error));
        /* No parent is changed by it, nor by another's end; the last one stays to be the next one's parent.
         */
        for (size_t j = 0; j <= i; j++)
            if (clients[j])
                expect_same (clients[j], &models[j]);
        if (random_below (random, 3) == 0)
            godwit_client_destroy (&clients[random_below (random, (uint32_t) i)]);
        expect_behaviour (clients[i], &models[i]);
    }
    for (size_t i = 0; i < GENERATIONS; i++) {
        if (clients[i])
            expect_behaviour (clients[i], &models[i]);
        godwit_client_destroy (&clients[i]);
    }
}

static void
chains (core_t *core)
{
    random_t random = random_start ();
    for (int i = 0; i < ROUNDS; i++)
        random_chain (core, &random);
}

/* ---- each override by itself ---- */

typedef struct single {
    const char *what;
    godwit_overrides_t set, clear;
    size_t offset; /* of the client's member */
    size_t size;
} single_t;

#define SINGLE(name_, member_, value_, clear_)                                                               \
    {                                                                                                        \
#name_, {.struct_size = sizeof(godwit_overrides_t), .name_ = (value_) },                             \
                {.struct_size = sizeof(godwit_overrides_t), .name_ = (clear_) },                             \
                offsetof(godwit_client_t, member_),                                                          \
                sizeof(((godwit_client_t *) 0)->member_)                                                     \
    }

static bool
is_zero (const godwit_client_t *client, const single_t *single)
{
    static const char zero[sizeof (void *)];
    return !memcmp ((const char *) client + single->offset, zero, single->size);
}

/* 3: "not given = inherit, explicit None = clear", of each of the twelve. */
static void
inherit_override_clear (core_t *core)
{
    static const single_t singles[] = {
        SINGLE (exchange, target.exchange, "e", godwit_clear),
        SINGLE (topic, target.topic, "t", godwit_clear),
        SINGLE (name_space, target.name_space, "n", godwit_clear),
        SINGLE (version, target.version, "1.0", godwit_clear),
        SINGLE (server, target.server, "s", godwit_clear),
        SINGLE (fanout, target.fanout, GODWIT_YES, GODWIT_CLEAR_CHOICE),
        SINGLE (timeout_ms, timeout_ms, 5, GODWIT_CLEAR_INT),
        SINGLE (version_cap, version_cap, "1.0", godwit_clear),
        SINGLE (retry, retry, 5, GODWIT_CLEAR_INT),
        SINGLE (call_monitor_timeout_ms, call_monitor_timeout_ms, 5, GODWIT_CLEAR_INT),
        SINGLE (mandatory, mandatory, GODWIT_YES, GODWIT_CLEAR_CHOICE),
        SINGLE (idempotent, idempotent, GODWIT_YES, GODWIT_CLEAR_CHOICE),
    };
    godwit_client_t *root = NULL;
    MUST (godwit_client_new (&root, core->calling, NULL, NULL, &error));
    for (size_t i = 0; i < sizeof singles / sizeof singles[0]; i++) {
        const single_t *single = &singles[i];
        godwit_client_t *set = NULL, *inherited = NULL, *cleared = NULL;
        cr_assert (is_zero (root, single), "%s", single->what);
        MUST (godwit_client_prepare (&set, root, &single->set, &error));
        MUST (godwit_client_prepare (&inherited, set, NULL, &error));
        MUST (godwit_client_prepare (&cleared, inherited, &single->clear, &error));
        for (size_t j = 0; j < sizeof singles / sizeof singles[0]; j++) {
            cr_assert_eq (is_zero (set, &singles[j]), i != j, "%s, %s", single->what, singles[j].what);
            cr_assert_eq (is_zero (inherited, &singles[j]), i != j, "%s, %s", single->what, singles[j].what);
            cr_assert (is_zero (cleared, &singles[j]), "%s, %s", single->what, singles[j].what);
        }
        godwit_client_destroy (&set);
        godwit_client_destroy (&inherited);
        godwit_client_destroy (&cleared);
    }
    godwit_client_destroy (&root);
}

static void
what_is_no_number (core_t *core)
{
    godwit_client_t *client = NULL;
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "timeout_ms: expected",
           godwit_client_prepare (&client, core->client, GODWIT_OVERRIDES (.timeout_ms = -2), &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "retry: expected",
           godwit_client_prepare (&client, core->client, GODWIT_OVERRIDES (.retry = -3), &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "call_monitor_timeout_ms: expected",
           godwit_client_prepare (&client, core->client, GODWIT_OVERRIDES (.call_monitor_timeout_ms = -1),
                                  &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "mandatory: expected",
           godwit_client_prepare (&client, core->client, GODWIT_OVERRIDES (.mandatory = (godwit_choice_t) 9),
                                  &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "idempotent: expected",
           godwit_client_prepare (&client, core->client, GODWIT_OVERRIDES (.idempotent = (godwit_choice_t) 9),
                                  &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "idempotent: expected",
           godwit_client_new (&client, core->calling, NULL,
                              GODWIT_CLIENT_OPTIONS (.idempotent = GODWIT_CLEAR_CHOICE), &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "fanout: expected",
           godwit_client_prepare (&client, core->client, GODWIT_OVERRIDES (.fanout = (godwit_choice_t) 9),
                                  &error));
    FAILS (
        GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "timeout_ms: expected",
        godwit_client_new (&client, core->calling, NULL, GODWIT_CLIENT_OPTIONS (.timeout_ms = -7), &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "retry: expected",
           godwit_client_new (&client, core->calling, NULL, GODWIT_CLIENT_OPTIONS (.retry = -7), &error));
    cr_assert_null (client);
    /* For ever is no problem. */
    MUST (godwit_client_prepare (
        &client, core->client,
        GODWIT_OVERRIDES (.timeout_ms = INT64_MAX, .retry = INT64_MAX, .call_monitor_timeout_ms = INT64_MAX),
        &error));
    cr_assert_eq (call_who (client), 'e');
    godwit_client_destroy (&client);
}

/* Threads that prepare of one client, call and destroy, while it goes; then the transport goes. */
typedef struct preparer {
    pthread_t thread;
    godwit_client_t *parent;
    atomic_int *running;
} preparer_t;

static void *
prepare_on (void *user)
{
    preparer_t *self = user;
    godwit_client_t *mine = NULL;
    MUST (godwit_client_prepare (&mine, self->parent, NULL, &error));
    atomic_fetch_add (self->running, 1);
    for (int i = 0; i < 200; i++) {
        godwit_client_t *next = NULL;
        MUST (
            godwit_client_prepare (&next, mine, GODWIT_OVERRIDES (.version = i % 2 ? "1.3" : "1.0"), &error));
        godwit_client_destroy (&mine);
        mine = next;
        cr_assert_eq (call_who (mine), 'e');
    }
    godwit_client_destroy (&mine);
    return NULL;
}

static void
parents_go_first (core_t *core)
{
    enum { THREADS = 4 };
    preparer_t preparers[THREADS];
    atomic_int running = 0;
    godwit_client_t *parent = core_client (core->calling, NULL);
    for (int i = 0; i < THREADS; i++) {
        preparers[i] = (preparer_t){.parent = parent, .running = &running};
        cr_assert_eq (pthread_create (&preparers[i].thread, NULL, prepare_on, &preparers[i]), 0);
    }
    while (atomic_load (&running) < THREADS)
        call_who (core->client);
    godwit_client_destroy (&parent);
    for (int i = 0; i < THREADS; i++)
        pthread_join (preparers[i].thread, NULL);
}

static void *
call_for_ever (void *user)
{
    FAILS (GODWIT_ERR_CLOSED, GODWIT_OUTCOME_MAYBE_RUN, "",
           godwit_client_call (user, NULL, "hold", GODWIT_NO_ARGS, NULL, &error));
    return NULL;
}

/* The calls of a prepared client end with it, or with the transport, and with nothing else: its parent has
 * gone already. */
static void
ends_with_itself_or_the_transport (core_t *core)
{
    pthread_t thread;
    godwit_future_t *first = NULL, *second = NULL;
    godwit_client_t *one = NULL, *two = NULL, *three = NULL;
    godwit_transport_t *transport = core_transport (core, NULL);
    godwit_client_t *parent = core_client (transport, NULL);
    MUST (godwit_client_prepare (&one, parent, NULL, &error));
    MUST (godwit_client_prepare (&two, one, GODWIT_OVERRIDES (.version = "1.0"), &error));
    MUST (godwit_client_prepare (&three, two, NULL, &error));
    MUST (godwit_client_call_future (one, NULL, "hold", GODWIT_NO_ARGS, &first, &error));
    MUST (godwit_client_call_future (two, NULL, "hold", GODWIT_NO_ARGS, &second, &error));
    cr_assert_eq (pthread_create (&thread, NULL, call_for_ever, three), 0);
    service_wait_held (&core->one, 3);
    godwit_client_destroy (&parent);
    bool finished = true;
    godwit_future_wait (first, 0, &finished, NULL, NULL);
    cr_assert_not (finished);
    godwit_client_destroy (&one);
    FAILS (GODWIT_ERR_CLOSED, GODWIT_OUTCOME_MAYBE_RUN, "",
           godwit_future_wait (first, 0, NULL, NULL, &error));
    godwit_future_wait (second, 0, &finished, NULL, NULL);
    cr_assert_not (finished);
    godwit_transport_destroy (&transport);
    FAILS (GODWIT_ERR_CLOSED, GODWIT_OUTCOME_MAYBE_RUN, "",
           godwit_future_wait (second, 0, NULL, NULL, &error));
    pthread_join (thread, NULL);
    FAILS (GODWIT_ERR_CLOSED, GODWIT_OUTCOME_NONE, "",
           godwit_client_call (two, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    FAILS (GODWIT_ERR_CLOSED, GODWIT_OUTCOME_NONE, "", godwit_client_prepare (&one, two, NULL, &error));
    godwit_client_destroy (&two);
    godwit_client_destroy (&three);
    godwit_future_destroy (&first);
    godwit_future_destroy (&second);
}

static const contract_row_t rows[] = {
    {"3: prepare overrides any of ...: not given = inherit, explicit None = clear.", inherit_override_clear},
    {"3: It chains, never changes its parent; all options stay overridable on a nested context.", chains},
    {"3: A parent may go first.", parents_go_first},
    {"3: Its calls end with itself or the transport.", ends_with_itself_or_the_transport},
    {"3: What is no timeout, no retry, no choice is refused.", what_is_no_number},
};
CONTRACT (section03_prepare, rows)
