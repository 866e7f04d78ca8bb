/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 9: serializers. */
#include "tests/contract/contract.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- a serializer that tells what it was asked ---- */

typedef struct recorder {
    pthread_mutex_t lock;
    char log[1024];      /* "c.serialize_entity(object) ..." */
    const char *fail_at; /* the step that fails, as in the log without its context; NULL: none */
    bool wrong_context;  /* serialize_context gives a list */
} recorder_t;

/* Client and server write to the same log. */
typedef struct side {
    recorder_t *recorder;
    const char *name;
} side_t;

static godwit_status_t
note (const side_t *side, const char *step, const godwit_value_t *context, godwit_error_t **error)
{
    recorder_t *const recorder = side->recorder;
    char name[64];
    snprintf (name, sizeof name, "%s.%s", side->name, step);
    pthread_mutex_lock (&recorder->lock);
    const size_t used = strlen (recorder->log);
    snprintf (recorder->log + used, sizeof recorder->log - used, "%s%s(%s)", used ? " " : "", name,
              godwit_type_name (godwit_value_type (context)));
    const bool fails = recorder->fail_at && strcmp (recorder->fail_at, name) == 0;
    pthread_mutex_unlock (&recorder->lock);
    if (!fails)
        return GODWIT_OK;
    *error = godwit_error_new_typed ("shop", "Broken", "%s is broken", name);
    return GODWIT_ERR_FAILED;
}

/* On the wire an entity is in a list. */
static godwit_status_t
wrap (void *self, const godwit_value_t *context, const godwit_value_t *entity, godwit_value_t **out,
      godwit_error_t **error)
{
    const godwit_status_t status = note (self, "serialize_entity", context, error);
    return status ? status : godwit_value_new (out, GODWIT_LIST (NULL, GODWIT_VALUE (NULL, entity)), error);
}

static godwit_status_t
unwrap (void *self, const godwit_value_t *context, const godwit_value_t *entity, godwit_value_t **out,
        godwit_error_t **error)
{
    const godwit_status_t status = note (self, "deserialize_entity", context, error);
    *out = status ? NULL : godwit_value_ref (godwit_value_at (entity, 0));
    return status;
}

/* The program's context: a person, who is a map on the wire. */
static godwit_status_t
person_to_map (void *user, const godwit_value_t *context, godwit_value_t **map, godwit_error_t **error)
{
    const char *const person = godwit_value_as_object (context);
    (void) user;
    return godwit_value_new_map (map, GODWIT_ARGS (GODWIT_STR ("user", person ? person : "nobody")), error);
}

static godwit_status_t
person_from_map (void *user, const godwit_value_t *map, godwit_value_t **context, godwit_error_t **error)
{
    (void) user;
    return godwit_value_new_object (
        context, strdup (godwit_value_as_str (godwit_value_get (map, "user"), "?")), free, error);
}

static godwit_status_t
to_map (void *self, const godwit_value_t *context, godwit_value_t **out, godwit_error_t **error)
{
    const side_t *const side = self;
    const godwit_status_t status = note (self, "serialize_context", context, error);
    if (status)
        return status;
    if (side->recorder->wrong_context)
        return godwit_value_new (out, GODWIT_LIST (NULL, GODWIT_INT (NULL, 1)), error);
    return person_to_map (NULL, context, out, error);
}

static godwit_status_t
from_map (void *self, const godwit_value_t *context, godwit_value_t **out, godwit_error_t **error)
{
    const godwit_status_t status = note (self, "deserialize_context", context, error);
    return status ? status : person_from_map (NULL, context, out, error);
}

static godwit_serializer_t
recording (side_t *side)
{
    return (godwit_serializer_t){.struct_size = sizeof (godwit_serializer_t),
                                 .self = side,
                                 .serialize_entity = wrap,
                                 .deserialize_entity = unwrap,
                                 .serialize_context = to_map,
                                 .deserialize_context = from_map};
}

/* ---- a client and a server that use one ---- */

typedef struct world {
    core_t *core;
    recorder_t recorder;
    side_t client_side, server_side;
    godwit_serializer_t client_serializer, server_serializer;
    godwit_value_t *person; /* the context: an object */
    service_t service;      /* "two" */
    godwit_client_t *client;
} world_t;

static void
connect_two (world_t *world, const godwit_serializer_t *of_client, const godwit_serializer_t *of_server)
{
    core_t *const core = world->core;
    service_start (&world->service, core->serving, "two", GODWIT_SERVER_OPTIONS (.serializer = of_server));
    MUST (godwit_client_new (&world->client, core->calling, GODWIT_TARGET (.topic = "work", .server = "two"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS, .serializer = of_client),
                             &error));
    MUST (godwit_client_wait_servers (world->client, 1, WAIT_LIMIT_MS, &error));
}

static void
world_open (world_t *world, core_t *core)
{
    memset (world, 0, sizeof *world);
    world->core = core;
    pthread_mutex_init (&world->recorder.lock, NULL);
    world->client_side = (side_t){&world->recorder, "c"};
    world->server_side = (side_t){&world->recorder, "s"};
    world->client_serializer = recording (&world->client_side);
    world->server_serializer = recording (&world->server_side);
    MUST (godwit_value_new_object (&world->person, strdup ("ada"), free, &error));
    connect_two (world, &world->client_serializer, &world->server_serializer);
}

static void
world_close (world_t *world)
{
    godwit_client_destroy (&world->client);
    service_end (&world->service);
    godwit_value_unref (&world->person);
    pthread_mutex_destroy (&world->recorder.lock);
}

static void
log_is (world_t *world, const char *expected)
{
    pthread_mutex_lock (&world->recorder.lock);
    char log[sizeof world->recorder.log];
    memcpy (log, world->recorder.log, sizeof log);
    world->recorder.log[0] = '\0';
    pthread_mutex_unlock (&world->recorder.lock);
    cr_assert_str_eq (log, expected);
}

#define TWO_ARGUMENTS "c.serialize_entity(object) c.serialize_entity(object) c.serialize_context(object)"
#define TWO_RECEIVED "s.deserialize_context(map) s.deserialize_entity(object) s.deserialize_entity(object)"
#define TWO_AND_BACK TWO_ARGUMENTS " " TWO_RECEIVED " s.serialize_entity(object) c.deserialize_entity(object)"

static const godwit_field_t two_and_three[] = {
    {.name = "a", .type = GODWIT_TYPE_INT, .as.integer = 2},
    {.name = "b", .type = GODWIT_TYPE_INT, .as.integer = 3},
};
#define SUM ((godwit_fields_t){two_and_three, 2, NULL})

/* ---- the rows ---- */

static void
all_four_in_order (core_t *core)
{
    world_t world;
    godwit_value_t *sum = NULL, *map = NULL;
    world_open (&world, core);
    MUST (godwit_client_call (world.client, world.person, "add", SUM, &sum, &error));
    cr_assert_eq (godwit_value_as_int (sum, 0), 5);
    godwit_value_unref (&sum);
    log_is (&world, TWO_AND_BACK);

    /* The same if the arguments are a map. */
    MUST (godwit_value_new_map (&map, SUM, &error));
    MUST (godwit_client_call (world.client, world.person, "add", godwit_fields_from (map), &sum, &error));
    cr_assert_eq (godwit_value_as_int (sum, 0), 5);
    godwit_value_unref (&map);
    godwit_value_unref (&sum);
    log_is (&world, TWO_AND_BACK);
    world_close (&world);
}

static void
without_context_and_arguments (core_t *core)
{
    world_t world;
    godwit_value_t *result = NULL;
    world_open (&world, core);
    MUST (godwit_client_call (world.client, NULL, "nothing", GODWIT_NO_ARGS, &result, &error));
    cr_assert (result && godwit_value_type (result) == GODWIT_TYPE_NIL);
    godwit_value_unref (&result);
    log_is (&world, "c.serialize_context(nil) s.deserialize_context(map) s.serialize_entity(object) "
                    "c.deserialize_entity(nil)");
    world_close (&world);
}

static void
cap_after_serializing (core_t *core)
{
    world_t world;
    godwit_client_t *capped = NULL;
    world_open (&world, core);
    MUST (godwit_client_prepare (&capped, world.client,
                                 GODWIT_OVERRIDES (.version = "1.3", .version_cap = "1.2"), &error));
    FAILS (GODWIT_ERR_VERSION_CAP, GODWIT_OUTCOME_NONE, "version cap",
           godwit_client_call (capped, world.person, "add", SUM, NULL, &error));
    log_is (&world, TWO_ARGUMENTS);
    godwit_client_destroy (&capped);
    world_close (&world);
}

static void
casts_have_no_result (core_t *core)
{
    world_t world;
    world_open (&world, core);
    MUST (godwit_client_cast (world.client, world.person, "count", SUM, &error));
    service_wait (&world.service, &world.service.counted, 1);
    /* The next call is run when the cast has been, or beside it: what the cast did last is its arguments. */
    MUST (godwit_server_stop (world.service.server, NULL, &error));
    MUST (godwit_server_wait (world.service.server, NULL, &error));
    log_is (&world, TWO_ARGUMENTS " " TWO_RECEIVED);
    world_close (&world);
}

static void
fanouts_convert_once (core_t *core)
{
    world_t world;
    world_open (&world, core);
    /* Server "one" has no serializer: it gets what is sent. */
    MUST (godwit_client_fanout (world.client, world.person, "count", SUM, NULL, &error));
    service_wait (&world.service, &world.service.counted, 1);
    service_wait (&core->one, &core->one.counted, 1);
    MUST (godwit_server_stop (world.service.server, NULL, &error));
    MUST (godwit_server_wait (world.service.server, NULL, &error));
    log_is (&world, TWO_ARGUMENTS " " TWO_RECEIVED);
    world_close (&world);
}

static void
on_sum (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    cr_assert_eq (status, GODWIT_OK, "%s", godwit_error_print (error));
    cr_assert_eq (godwit_value_as_int (result, 0), 5);
    tally_add (user);
}

static void
asynchronous_calls_too (core_t *core)
{
    world_t world;
    tally_t done;
    godwit_future_t *future = NULL;
    godwit_value_t *sum = NULL;
    tally_open (&done);
    world_open (&world, core);
    godwit_value_t *context = godwit_value_ref (world.person);
    MUST (godwit_client_call_async (world.client, context, "add", SUM, on_sum, &done, &error));
    godwit_value_unref (&context); /* only borrowed for the length of the call */
    tally_wait (&done, 1);
    log_is (&world, TWO_AND_BACK);
    MUST (godwit_client_call_future (world.client, world.person, "add", SUM, &future, &error));
    MUST (godwit_future_wait (future, WAIT_LIMIT_MS, NULL, &sum, &error));
    cr_assert_eq (godwit_value_as_int (sum, 0), 5);
    godwit_value_unref (&sum);
    godwit_future_destroy (&future);
    log_is (&world, TWO_AND_BACK);
    world_close (&world);
    tally_close (&done);
}

static void
inline_methods_too (core_t *core)
{
    /* On one transport, so that it runs on the caller's thread. */
    godwit_client_t *client = NULL;
    godwit_value_t *result = NULL;
    recorder_t recorder = {.log = ""};
    side_t side = {&recorder, "x"};
    const godwit_serializer_t serializer = recording (&side);
    service_t service;
    pthread_mutex_init (&recorder.lock, NULL);
    service_start (&service, core->calling, "near", GODWIT_SERVER_OPTIONS (.serializer = &serializer));
    MUST (godwit_client_new (&client, core->calling, GODWIT_TARGET (.topic = "work", .server = "near"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS, .serializer = &serializer),
                             &error));
    MUST (godwit_client_wait_servers (client, 1, WAIT_LIMIT_MS, &error));
    MUST (godwit_client_call (client, NULL, "quick", GODWIT_ARGS (GODWIT_INT ("thread", core_this_thread ())),
                              &result, &error));
    cr_assert_eq (godwit_value_as_int (result, 0), 1);
    godwit_value_unref (&result);
    cr_assert_str_eq (recorder.log, "x.serialize_entity(nil) x.serialize_context(nil) "
                                    "x.deserialize_context(map) x.deserialize_entity(object) "
                                    "x.serialize_entity(object) x.deserialize_entity(nil)");
    godwit_client_destroy (&client);
    service_end (&service);
    pthread_mutex_destroy (&recorder.lock);
}

static void
prepared_clients_inherit (core_t *core)
{
    world_t world;
    godwit_client_t *prepared = NULL;
    godwit_value_t *sum = NULL;
    world_open (&world, core);
    MUST (godwit_client_prepare (&prepared, world.client, GODWIT_OVERRIDES (.version = "1.1"), &error));
    MUST (godwit_client_call (prepared, world.person, "add", SUM, &sum, &error));
    godwit_value_unref (&sum);
    log_is (&world, TWO_AND_BACK);
    godwit_client_destroy (&prepared);
    world_close (&world);
}

static void
replies_that_are_given_later (core_t *core)
{
    world_t world;
    godwit_future_t *future = NULL;
    godwit_value_t *result = NULL;
    world_open (&world, core);
    MUST (godwit_client_call_future (world.client, world.person, "hold", GODWIT_NO_ARGS, &future, &error));
    service_wait_held (&world.service, 1);
    godwit_request_t *request = service_take (&world.service);
    const char *const person = godwit_value_as_object (godwit_request_context (request));
    cr_assert_str_eq (person, "ada");
    cr_assert_eq (godwit_request_reply (request, GODWIT_INT (NULL, 7)), GODWIT_OK);
    godwit_request_destroy (&request);
    MUST (godwit_future_wait (future, WAIT_LIMIT_MS, NULL, &result, &error));
    cr_assert_eq (godwit_value_as_int (result, 0), 7);
    godwit_value_unref (&result);
    godwit_future_destroy (&future);
    log_is (&world, "c.serialize_context(object) s.deserialize_context(map) s.serialize_entity(object) "
                    "c.deserialize_entity(object)");
    world_close (&world);
}

/* The serializer need not outlive its server. */
static void
replies_after_the_server (core_t *core)
{
    world_t world;
    godwit_future_t *future = NULL;
    world_open (&world, core);
    MUST (godwit_client_call_future (world.client, world.person, "hold", GODWIT_NO_ARGS, &future, &error));
    service_wait_held (&world.service, 1);
    godwit_request_t *request = service_take (&world.service);
    godwit_server_destroy (&world.service.server);
    memset (&world.server_serializer, 0xff, sizeof world.server_serializer);
    cr_assert_eq (godwit_request_reply (request, GODWIT_INT (NULL, 7)), GODWIT_OK);
    godwit_request_destroy (&request);
    log_is (&world, "c.serialize_context(object) s.deserialize_context(map)");
    godwit_future_destroy (&future);
    world_close (&world);
}

static void
failures_of_the_client (core_t *core)
{
    static const struct {
        const char *fail_at;
        const char *log;
    } rows[] = {
        {"c.serialize_entity", "c.serialize_entity(object)"},
        {"c.serialize_context", TWO_ARGUMENTS},
    };
    world_t world;
    world_open (&world, core);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        world.recorder.fail_at = rows[i].fail_at;
        for (int cast = 0; cast < 3; cast++) {
            godwit_error_t *failure = NULL;
            const godwit_status_t status =
                cast == 0   ? godwit_client_call (world.client, world.person, "add", SUM, NULL, &failure)
                : cast == 1 ? godwit_client_cast (world.client, world.person, "add", SUM, &failure)
                            : godwit_client_fanout (world.client, world.person, "add", SUM, NULL, &failure);
            cr_assert_eq (status, GODWIT_ERR_FAILED);
            cr_assert_str_eq (godwit_error_type (failure), "Broken");
            cr_assert_eq (godwit_error_outcome (failure), GODWIT_OUTCOME_NONE);
            godwit_error_destroy (&failure);
            log_is (&world, rows[i].log);
        }
    }
    cr_assert_eq (service_get (&world.service, &world.service.runs), 0u);
    world_close (&world);
}

static void
failures_of_results (core_t *core)
{
    world_t world;
    tally_t done;
    godwit_future_t *future = NULL;
    tally_open (&done);
    world_open (&world, core);
    world.recorder.fail_at = "c.deserialize_entity";
    FAILS (GODWIT_ERR_FAILED, GODWIT_OUTCOME_RAN, "c.deserialize_entity is broken",
           godwit_client_call (world.client, world.person, "add", SUM, NULL, &error));
    MUST (godwit_client_call_future (world.client, world.person, "add", SUM, &future, &error));
    FAILS (GODWIT_ERR_FAILED, GODWIT_OUTCOME_RAN, "c.deserialize_entity is broken",
           godwit_future_wait (future, WAIT_LIMIT_MS, NULL, NULL, &error));
    godwit_future_destroy (&future);
    cr_assert_eq (service_get (&world.service, &world.service.runs), 2u);
    godwit_transport_stats_t stats;
    godwit_transport_stats (core->calling, &stats, sizeof stats);
    cr_assert_eq (stats.calls_failed, 2u);
    world_close (&world);
    tally_close (&done);
}

static void
failures_of_the_server (core_t *core)
{
    static const struct {
        const char *fail_at;
        godwit_outcome_t outcome;
        uint64_t runs;
    } rows[] = {
        {"s.deserialize_context", GODWIT_OUTCOME_REJECTED, 0},
        {"s.deserialize_entity", GODWIT_OUTCOME_REJECTED, 0},
        {"s.serialize_entity", GODWIT_OUTCOME_RAN, 1},
    };
    world_t world;
    world_open (&world, core);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint64_t runs = service_get (&world.service, &world.service.runs);
        godwit_error_t *failure = NULL;
        pthread_mutex_lock (&world.recorder.lock);
        world.recorder.fail_at = rows[i].fail_at;
        pthread_mutex_unlock (&world.recorder.lock);
        cr_assert_neq (godwit_client_call (world.client, world.person, "add", SUM, NULL, &failure),
                       GODWIT_OK);
        cr_assert (strstr (godwit_error_print (failure), rows[i].fail_at), "%s: %s", rows[i].fail_at,
                   godwit_error_print (failure));
        cr_assert_eq (godwit_error_outcome (failure), rows[i].outcome, "%s", rows[i].fail_at);
        cr_assert_eq (service_get (&world.service, &world.service.runs), runs + rows[i].runs);
        godwit_error_destroy (&failure);
    }
    world_close (&world);
}

static void
noop_is_the_default (core_t *core)
{
    world_t world = {.core = core};
    connect_two (&world, &godwit_noop_serializer, &godwit_noop_serializer);
    /* Clients with and without it understand each other. */
    godwit_client_t *const clients[] = {world.client, core->client};
    for (size_t i = 0; i < 2; i++) {
        godwit_value_t *value = NULL, *context = NULL, *result = NULL;
        MUST (godwit_value_new (&value, GODWIT_MAP (NULL, GODWIT_INT ("i", 1), GODWIT_BIN ("b", "\0x", 2)),
                                &error));
        MUST (godwit_value_new_map (&context, GODWIT_ARGS (GODWIT_STR ("user", "ada")), &error));
        MUST (godwit_client_call (clients[i], context, "echo", GODWIT_ARGS (GODWIT_VALUE ("value", value)),
                                  &result, &error));
        cr_assert (godwit_value_equal (value, result));
        godwit_value_unref (&result);
        MUST (godwit_client_call (clients[i], context, "context", GODWIT_NO_ARGS, &result, &error));
        cr_assert (godwit_value_equal (context, result));
        godwit_value_unref (&result);
        godwit_value_unref (&context);
        godwit_value_unref (&value);
    }
    godwit_client_destroy (&world.client);
    service_end (&world.service);
}

static void
json_payloads (core_t *core)
{
    world_t world = {.core = core};
    godwit_value_t *value = NULL, *result = NULL;
    connect_two (&world, &godwit_json_serializer, &godwit_json_serializer);
    MUST (godwit_value_new (&value,
                            GODWIT_MAP (NULL, GODWIT_INT ("i", INT64_MIN), GODWIT_DOUBLE ("d", 0.1),
                                        GODWIT_LIST ("l", GODWIT_NIL (NULL), GODWIT_STRN (NULL, "a\0b", 3))),
                            &error));
    MUST (godwit_client_call (world.client, NULL, "echo", GODWIT_ARGS (GODWIT_VALUE ("value", value)),
                              &result, &error));
    cr_assert (godwit_value_equal (value, result));
    godwit_value_unref (&result);
    godwit_value_unref (&value);
    MUST (godwit_client_call (world.client, NULL, "add", SUM, &result, &error));
    cr_assert_eq (godwit_value_as_int (result, 0), 5);
    godwit_value_unref (&result);

    FAILS (GODWIT_ERR_TYPE_MISMATCH, GODWIT_OUTCOME_NONE,
           "entity: expected a value that JSON can hold, got bin",
           godwit_client_call (world.client, NULL, "echo", GODWIT_ARGS (GODWIT_BIN ("value", "x", 1)), NULL,
                               &error));
    /* To a server without it, it is a text. */
    godwit_client_t *one = NULL;
    MUST (godwit_client_prepare (&one, world.client, GODWIT_OVERRIDES (.server = "one"), &error));
    MUST (godwit_client_call (one, NULL, "echo", GODWIT_ARGS (GODWIT_STR ("value", "{\"x\":[1,2.0]}")),
                              &result, &error));
    cr_assert_str_eq (godwit_value_as_str (result, ""), "{\"x\":[1,2.0]}");
    godwit_value_unref (&result);
    godwit_client_destroy (&one);
    godwit_client_destroy (&world.client);
    service_end (&world.service);
}

static void
json_from_others (core_t *core)
{
    world_t world = {.core = core};
    connect_two (&world, NULL, &godwit_json_serializer);
    FAILS (GODWIT_ERR_TYPE_MISMATCH, GODWIT_OUTCOME_REJECTED, "expected str of JSON, got int",
           godwit_client_call (world.client, NULL, "add", SUM, NULL, &error));
    FAILS (GODWIT_ERR_MALFORMED, GODWIT_OUTCOME_REJECTED, "JSON: a map has a key twice",
           godwit_client_call (world.client, NULL, "echo",
                               GODWIT_ARGS (GODWIT_STR ("value", "{\"a\":1,\"a\":2}")), NULL, &error));
    cr_assert_eq (service_get (&world.service, &world.service.runs), 0u);
    godwit_client_destroy (&world.client);
    service_end (&world.service);
}

static void
the_context_is_a_map (core_t *core)
{
    world_t world;
    godwit_value_t *list = NULL;
    world_open (&world, core);
    world.recorder.wrong_context = true;
    FAILS (GODWIT_ERR_TYPE_MISMATCH, GODWIT_OUTCOME_NONE, "context: expected map, got list",
           godwit_client_call (world.client, world.person, "add", SUM, NULL, &error));
    MUST (godwit_value_new (&list, GODWIT_LIST (NULL, GODWIT_INT (NULL, 1)), &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "context: expected map, got list",
           godwit_client_call (core->client, list, "add", SUM, NULL, &error));
    godwit_value_unref (&list);
    world_close (&world);
}

static void
objects_want_a_serializer (core_t *core)
{
    world_t world;
    world_open (&world, core);
    godwit_client_t *const plain = core->client;
    FAILS (GODWIT_ERR_TYPE_MISMATCH, GODWIT_OUTCOME_NONE, "context: expected map, got object",
           godwit_client_call (plain, world.person, "add", SUM, NULL, &error));
    FAILS (GODWIT_ERR_TYPE_MISMATCH, GODWIT_OUTCOME_NONE, "args: expected map, got object",
           godwit_client_call (plain, NULL, "echo", godwit_fields_from (world.person), NULL, &error));
    FAILS (GODWIT_ERR_TYPE_MISMATCH, GODWIT_OUTCOME_NONE,
           "args.value: expected a value that can be sent, got",
           godwit_client_call (plain, NULL, "echo", GODWIT_ARGS (GODWIT_VALUE ("value", world.person)), NULL,
                               &error));
    FAILS (GODWIT_ERR_TYPE_MISMATCH, GODWIT_OUTCOME_NONE, "args.value[1]: expected a value that can be sent",
           godwit_client_cast (
               plain, NULL, "echo",
               GODWIT_ARGS (GODWIT_LIST ("value", GODWIT_INT (NULL, 1), GODWIT_VALUE (NULL, world.person))),
               &error));
    /* One that leaves them what they are is as good as none. */
    godwit_client_t *noop = NULL;
    MUST (godwit_client_new (&noop, core->calling, GODWIT_TARGET (.topic = "work"),
                             GODWIT_CLIENT_OPTIONS (.serializer = &godwit_noop_serializer), &error));
    FAILS (GODWIT_ERR_TYPE_MISMATCH, GODWIT_OUTCOME_NONE,
           "args.value: expected a value that can be sent, got",
           godwit_client_call (noop, NULL, "echo", GODWIT_ARGS (GODWIT_VALUE ("value", world.person)), NULL,
                               &error));
    FAILS (GODWIT_ERR_TYPE_MISMATCH, GODWIT_OUTCOME_NONE, "context: expected map, got object",
           godwit_client_call (noop, world.person, "echo", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&noop);
    cr_assert_eq (service_get (&core->one, &core->one.runs), 0u);
    world_close (&world);
}

static void
request_contexts (core_t *core)
{
    const godwit_context_hooks_t hooks = {
        .struct_size = sizeof hooks, .to_map = person_to_map, .from_map = person_from_map};
    const godwit_serializer_t *const bases[] = {NULL, &godwit_json_serializer};
    for (size_t i = 0; i < 2; i++) {
        world_t world = {.core = core};
        godwit_serializer_t *serializer = NULL;
        godwit_future_t *future = NULL;
        godwit_value_t *result = NULL;
        MUST (godwit_request_context_serializer_new (&serializer, bases[i], &hooks, &error));
        MUST (godwit_value_new_object (&world.person, strdup ("ada"), free, &error));
        connect_two (&world, serializer, serializer);
        /* Entities go through the base, if there is one. */
        MUST (godwit_client_call (world.client, world.person, "add", SUM, &result, &error));
        cr_assert_eq (godwit_value_as_int (result, 0), 5);
        godwit_value_unref (&result);
        if (bases[i])
            FAILS (GODWIT_ERR_TYPE_MISMATCH, GODWIT_OUTCOME_NONE, "got bin",
                   godwit_client_call (world.client, world.person, "echo",
                                       GODWIT_ARGS (GODWIT_BIN ("value", "x", 1)), NULL, &error));
        else
            MUST (godwit_client_call (world.client, world.person, "echo",
                                      GODWIT_ARGS (GODWIT_BIN ("value", "x", 1)), NULL, &error));
        /* The handler has the object again. */
        MUST (
            godwit_client_call_future (world.client, world.person, "hold", GODWIT_NO_ARGS, &future, &error));
        service_wait_held (&world.service, 1);
        godwit_request_t *request = service_take (&world.service);
        const char *const person = godwit_value_as_object (godwit_request_context (request));
        cr_assert_str_eq (person, "ada");
        godwit_request_destroy (&request);
        godwit_future_destroy (&future);
        /* On the wire it is a map, which a server without a serializer sees. */
        godwit_client_t *one = NULL;
        godwit_value_t *expected = NULL;
        MUST (godwit_client_prepare (&one, world.client, GODWIT_OVERRIDES (.server = "one"), &error));
        MUST (godwit_client_call_future (one, world.person, "hold", GODWIT_NO_ARGS, &future, &error));
        service_wait_held (&core->one, 1);
        request = service_take (&core->one);
        MUST (godwit_value_new_map (&expected, GODWIT_ARGS (GODWIT_STR ("user", "ada")), &error));
        cr_assert (godwit_value_equal (godwit_request_context (request), expected));
        godwit_request_destroy (&request);
        godwit_future_destroy (&future);
        godwit_value_unref (&expected);
        godwit_client_destroy (&one);
        godwit_client_destroy (&world.client);
        service_end (&world.service);
        godwit_value_unref (&world.person);
        godwit_request_context_serializer_destroy (&serializer);
    }
}

static const contract_row_t rows[] = {
    {"9: serialize_entity, deserialize_entity(context, value), serialize_context, deserialize_context.",
     all_four_in_order},
    {"9: the same without a context, arguments and a result", without_context_and_arguments},
    {"3: Order inside call: ... arguments -> serialize_context -> ... -> version cap check",
     cap_after_serializing},
    {"5: Context deserialised first, then each argument with it; result serialised. A cast never replies.",
     casts_have_no_result},
    {"9: fanouts", fanouts_convert_once},
    {"3: ... -> send -> deserialize_entity: asynchronous calls and futures", asynchronous_calls_too},
    {"9: inline methods", inline_methods_too},
    {"3: Options: ... serializer: a prepared client inherits it", prepared_clients_inherit},
    {"9: requests that are replied to later", replies_that_are_given_later},
    {"9: ... and after their server", replies_after_the_server},
    {"9: a serializer of the client that fails: nothing is sent", failures_of_the_client},
    {"9: ... of a result: the method has run", failures_of_results},
    {"9: a serializer of the server that fails: a failure reply", failures_of_the_server},
    {"9: NoOp (default)", noop_is_the_default},
    {"9: JsonPayload", json_payloads},
    {"9: JsonPayload: what others send", json_from_others},
    {"9: The context is a map.", the_context_is_a_map},
    {"9: an object of the program without a serializer", objects_want_a_serializer},
    {"9: RequestContextSerializer(base) converts context objects through user hooks (to_dict/from_dict) and "
     "passes entities to its base, if any.",
     request_contexts},
};
CONTRACT (section09, rows)
