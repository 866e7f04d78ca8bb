/* SPDX-License-Identifier: Apache-2.0 */
/* Structs that begin with their size, given by programs that were built for an older or a newer release, or
 * that forgot the size. */
#include "tests/support/must.h"

#include "src/error/struct_size.h"

#include <criterion/criterion.h>
#include <godwit/godwit.h>
#include <godwit/testing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is there ---- */

static struct {
    godwit_transport_t *transport;
    godwit_client_t *client;
    godwit_server_t *server;
    godwit_notifier_t *notifier;
    godwit_cluster_t *cluster;
    unsigned nodes;
} world;

static godwit_status_t
answer (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, GODWIT_STR (NULL, "answer"));
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("answer", answer, 0)};

static void
open_world (void)
{
    MUST (godwit_transport_new (&world.transport, "inproc://struct-size/", NULL, &error));
    MUST (godwit_client_new (&world.client, world.transport, GODWIT_TARGET (.topic = "t"), NULL, &error));
    MUST (godwit_server_new (&world.server, world.transport, GODWIT_TARGET (.topic = "t", .server = "s"),
                             &GODWIT_ENDPOINT (methods, .version = "1.0"), 1, NULL, &error));
    MUST (godwit_notifier_new (&world.notifier, world.transport, NULL, &error));
    MUST (godwit_cluster_new (&world.cluster, 1, &error));
    MUST (godwit_cluster_add (&(godwit_transport_t *){NULL}, world.cluster, "node", NULL, &error));
}

static void
close_world (void)
{
    godwit_notifier_destroy (&world.notifier);
    godwit_client_destroy (&world.client);
    godwit_server_destroy (&world.server);
    godwit_transport_destroy (&world.transport);
}

/* ---- each struct, and a function that takes it ---- */

#define TAKES(name_, ...)                                                                                    \
    static godwit_status_t take_##name_ (void *given, godwit_error_t **error)                                \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }

TAKES (transport_options, {
    godwit_transport_t *made = NULL;
    const godwit_status_t status = godwit_transport_new (&made, "inproc://struct-size/", given, error);
    godwit_transport_destroy (&made);
    return status;
})
TAKES (options_of_a_node, {
    char name[16];
    snprintf (name, sizeof name, "node%u", world.nodes++);
    return godwit_cluster_add (&(godwit_transport_t *){NULL}, world.cluster, name, given, error);
})
TAKES (target_of_a_client, {
    godwit_client_t *made = NULL;
    const godwit_status_t status = godwit_client_new (&made, world.transport, given, NULL, error);
    godwit_client_destroy (&made);
    return status;
})
TAKES (client_options, {
    godwit_client_t *made = NULL;
    const godwit_status_t status =
        godwit_client_new (&made, world.transport, GODWIT_TARGET (.topic = "t"), given, error);
    godwit_client_destroy (&made);
    return status;
})
TAKES (options_of_one_that_backs_off, {
    godwit_client_t *made = NULL;
    const godwit_status_t status =
        godwit_backing_off_client_new (&made, world.transport, GODWIT_TARGET (.topic = "t"), given, error);
    godwit_client_destroy (&made);
    return status;
})
TAKES (overrides, {
    godwit_client_t *made = NULL;
    const godwit_status_t status = godwit_client_prepare (&made, world.client, given, error);
    godwit_client_destroy (&made);
    return status;
})
TAKES (report, return godwit_client_fanout (world.client, NULL, "answer", GODWIT_NO_ARGS, given, error);)
TAKES (server_options, {
    godwit_server_t *made = NULL;
    const godwit_status_t status = godwit_server_new (&made, world.transport, NULL, NULL, 0, given, error);
    godwit_server_destroy (&made);
    return status;
})
TAKES (target_of_a_server, {
    godwit_server_t *made = NULL;
    const godwit_status_t status = godwit_server_new (&made, world.transport, given, NULL, 0, NULL, error);
    godwit_server_destroy (&made);
    return status;
})
TAKES (endpoint, {
    godwit_server_t *made = NULL;
    const godwit_status_t status = godwit_server_new (&made, world.transport, NULL, given, 1, NULL, error);
    godwit_server_destroy (&made);
    return status;
})
TAKES (endpoint_of_a_service, {
    godwit_service_t *made = NULL;
    const godwit_manager_t manager = {.struct_size = sizeof manager, .endpoints = given, .endpoint_count = 1};
    const godwit_status_t status = godwit_service_new (&made, "h", "t", &manager, NULL, error);
    godwit_service_destroy (&made);
    return status;
})
TAKES (step_of_start, return godwit_server_start (world.server, given, error);)
TAKES (step_of_stop, return godwit_server_stop (world.server, given, error);)
TAKES (step_of_wait, return godwit_server_wait (world.server, given, error);)
TAKES (serializer, {
    godwit_client_t *made = NULL;
    const godwit_status_t status = godwit_client_new (&made, world.transport, GODWIT_TARGET (.topic = "t"),
                                                      GODWIT_CLIENT_OPTIONS (.serializer = given), error);
    godwit_client_destroy (&made);
    return status;
})
TAKES (hooks, {
    godwit_serializer_t *made = NULL;
    const godwit_status_t status = godwit_request_context_serializer_new (&made, NULL, given, error);
    godwit_request_context_serializer_destroy (&made);
    return status;
})
TAKES (manager, {
    godwit_service_t *made = NULL;
    const godwit_status_t status = godwit_service_new (&made, "h", "t", given, NULL, error);
    godwit_service_destroy (&made);
    return status;
})
TAKES (faults, return godwit_cluster_set_faults (world.cluster, NULL, NULL, given, error);)
TAKES (plan, return godwit_cluster_begin_plan (world.cluster, given, error);)
TAKES (stats, return godwit_cluster_stats (world.cluster, given, error);)

TAKES (notifier_options, {
    godwit_notifier_t *made = NULL;
    const godwit_status_t status = godwit_notifier_new (&made, world.transport, given, error);
    godwit_notifier_destroy (&made);
    return status;
})
TAKES (delivery_options, {
    godwit_notifier_t *made = NULL;
    const godwit_status_t status =
        godwit_notifier_new (&made, world.transport, GODWIT_NOTIFIER_OPTIONS (.delivery = given), error);
    godwit_notifier_destroy (&made);
    return status;
})
TAKES (serializer_of_a_notifier, {
    godwit_notifier_t *made = NULL;
    const godwit_status_t status =
        godwit_notifier_new (&made, world.transport, GODWIT_NOTIFIER_OPTIONS (.serializer = given), error);
    godwit_notifier_destroy (&made);
    return status;
})
TAKES (notify_options, return godwit_notify (world.notifier, GODWIT_PRIORITY_INFO, NULL, "e",
                                             GODWIT_NIL (NULL), given, error);)
TAKES (notify_report,
       return godwit_notify (world.notifier, GODWIT_PRIORITY_INFO, NULL, "e", GODWIT_NIL (NULL),
                             GODWIT_NOTIFY_OPTIONS (.report = given), error);)
TAKES (notifier_stats, return godwit_notifier_get_stats (world.notifier, given, error);)

/* True if the struct has all that it had at first, so that it can be filled in. */
static bool
is_whole (const godwit__struct_t *known, const void *given)
{
    size_t size;
    memcpy (&size, given, sizeof size);
    return size >= known->least && size <= GODWIT__STRUCT_SIZE_MOST;
}

static godwit_status_t
drive (void *self, const godwit_notification_t *notification, int64_t retry, godwit_driver_report_t *report,
       godwit_error_t **error)
{
    (void) self;
    (void) notification;
    (void) retry;
    (void) report;
    (void) error;
    return GODWIT_OK;
}

TAKES (notify_driver, {
    godwit_notifier_t *made = NULL;
    const godwit_notify_driver_t *const own = given;
    if (is_whole (&godwit__struct_notify_driver, given)) {
        ((godwit_notify_driver_t *) given)->name = "own";
        ((godwit_notify_driver_t *) given)->notify = drive;
    }
    const godwit_status_t status = godwit_notifier_new (
        &made, world.transport, GODWIT_NOTIFIER_OPTIONS (.own_drivers = &own, .own_driver_count = 1), error);
    godwit_notifier_destroy (&made);
    return status;
})

static godwit_status_t
open_rules (void **rules, const char *path, godwit_error_t **error)
{
    (void) rules;
    (void) path;
    (void) error;
    return GODWIT_OK;
}

static void
close_rules (void *rules)
{
    (void) rules;
}

static const char *
name_driver (const void *rules, size_t index, const char **where)
{
    (void) rules;
    (void) index;
    (void) where;
    return NULL;
}

static bool
accept (const void *rules, size_t index, const char *event_type, godwit_priority_t priority)
{
    (void) rules;
    (void) index;
    (void) event_type;
    (void) priority;
    return true;
}

TAKES (routing, {
    if (is_whole (&godwit__struct_routing, given)) {
        godwit_routing_t *const routing = given;
        routing->open = open_rules;
        routing->close = close_rules;
        routing->driver = name_driver;
        routing->accepts = accept;
    }
    const godwit_status_t status = godwit_notify_use_routing (given, error);
    godwit_notify_use_routing (NULL, NULL);
    return status;
})

static const struct {
    const char *name;
    const godwit__struct_t *known;
    godwit_status_t (*take) (void *given, godwit_error_t **error);
} rows[] = {
    {"transport options", &godwit__struct_transport_options, take_transport_options},
    {"options of a node", &godwit__struct_transport_options, take_options_of_a_node},
    {"target of a client", &godwit__struct_target, take_target_of_a_client},
    {"client options", &godwit__struct_client_options, take_client_options},
    {"options of one that backs off", &godwit__struct_client_options, take_options_of_one_that_backs_off},
    {"overrides", &godwit__struct_overrides, take_overrides},
    {"fanout report", &godwit__struct_fanout_report, take_report},
    {"server options", &godwit__struct_server_options, take_server_options},
    {"target of a server", &godwit__struct_target, take_target_of_a_server},
    {"endpoint", &godwit__struct_endpoint, take_endpoint},
    {"endpoint of a service", &godwit__struct_endpoint, take_endpoint_of_a_service},
    {"start", &godwit__struct_step_options, take_step_of_start},
    {"stop", &godwit__struct_step_options, take_step_of_stop},
    {"wait", &godwit__struct_step_options, take_step_of_wait},
    {"serializer", &godwit__struct_serializer, take_serializer},
    {"context hooks", &godwit__struct_context_hooks, take_hooks},
    {"manager", &godwit__struct_manager, take_manager},
    {"faults", &godwit__struct_faults, take_faults},
    {"plan", &godwit__struct_cluster_plan, take_plan},
    {"statistics", &godwit__struct_cluster_stats, take_stats},
    {"notifier options", &godwit__struct_notifier_options, take_notifier_options},
    {"delivery options", &godwit__struct_delivery_options, take_delivery_options},
    {"serializer of a notifier", &godwit__struct_serializer, take_serializer_of_a_notifier},
    {"notify options", &godwit__struct_notify_options, take_notify_options},
    {"notify report", &godwit__struct_notify_report, take_notify_report},
    {"notifier stats", &godwit__struct_notifier_stats, take_notifier_stats},
    {"notify driver", &godwit__struct_notify_driver, take_notify_driver},
    {"routing", &godwit__struct_routing, take_routing},
};

/* The struct lies at the end of a block that it fills, so that valgrind and ASan see a byte too many read. */
static void
expect (size_t row, size_t size, size_t room, char last, const char *says)
{
    godwit_error_t *error = NULL;
    char *const given = calloc (1, room);
    memcpy (given, &size, sizeof size);
    if (last)
        given[room - 1] = last;
    const godwit_status_t status = rows[row].take (given, &error);
    cr_assert_eq (status, says ? GODWIT_ERR_INVALID_ARGUMENT : GODWIT_OK, "%s of %zu bytes: %s",
                  rows[row].name, size, godwit_error_print (error));
    if (says)
        cr_assert (strstr (godwit_error_message (error), says), "%s: %s", rows[row].name,
                   godwit_error_message (error));
    godwit_error_destroy (&error);
    free (given);
}

Test (struct_size, a_size_of_no_release_is_refused_everywhere, .init = open_world, .fini = close_world)
{
    char says[128];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const godwit__struct_t *const known = rows[i].known;
        snprintf (says, sizeof says, "%s is 0: make it with %s", known->size_name, known->made_with);
        expect (i, 0, known->size, 0, says);
        snprintf (says, sizeof says, "which is that of no release: make it with %s", known->made_with);
        expect (i, sizeof (size_t), sizeof (size_t), 0, says);
        expect (i, known->least - known->alignment, known->size, 0, says);
        expect (i, known->size + 1, known->size + 1, 0, says);
        expect (i, GODWIT__STRUCT_SIZE_MOST + known->alignment, sizeof (size_t), 0, says);
        expect (i, SIZE_MAX, sizeof (size_t), 0, says);
    }
}

Test (struct_size, a_newer_struct_is_taken_if_nothing_unknown_is_set, .init = open_world, .fini = close_world)
{
    char says[128];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const godwit__struct_t *const known = rows[i].known;
        const size_t longer = known->size + 2 * known->alignment;
        expect (i, known->size, known->size, 0, NULL);
        snprintf (says, sizeof says, "%s is %zu: something is set behind the %zu bytes", known->size_name,
                  longer, known->size);
        expect (i, longer, longer, 1, says);
        expect (i, longer, longer, 0, NULL);
    }
}

/* ---- the other direction: a program of an older release ---- */

typedef struct grown {
    size_t struct_size;
    int64_t old;
    const char *added;
    int64_t added_later;
} grown_t;

static const godwit__struct_t known = {.size_name = "grown_t.struct_size",
                                       .made_with = "GROWN (...)",
                                       .size = sizeof (grown_t),
                                       .least = offsetof (grown_t, added),
                                       .alignment = _Alignof(grown_t)};

Test (struct_size, what_an_older_struct_does_not_have_is_zero)
{
    grown_t given = {.old = 1, .added = "not there", .added_later = 7}, read;
    given.struct_size = offsetof (grown_t, added);
    MUST (godwit__struct_read (&known, &read, &given, &error));
    cr_assert (read.struct_size == sizeof read && read.old == 1 && !read.added && !read.added_later);
    given.struct_size = offsetof (grown_t, added_later);
    MUST (godwit__struct_read (&known, &read, &given, &error));
    cr_assert (read.old == 1 && read.added == given.added && !read.added_later);
    MUST (godwit__struct_read (&known, &read, NULL, &error));
    cr_assert (read.struct_size == sizeof read && !read.old && !read.added && !read.added_later);
}

Test (struct_size, nothing_is_written_behind_an_older_struct)
{
    const grown_t from = {sizeof from, 5, "text", 6};
    grown_t to = {.added_later = 7};
    to.struct_size = offsetof (grown_t, added_later);
    godwit__struct_write (&known, &to, &from);
    cr_assert (to.struct_size == offsetof (grown_t, added_later) && to.old == 5 && to.added == from.added &&
               to.added_later == 7);
}

/* ---- tables, whose rows have no size of their own ---- */

struct newer_slot {
    godwit_slot_t slot;
    void *added[2];
};

struct newer_method {
    godwit_method_t method;
    void *added[3];
};

struct params {
    int32_t a, b;
};

static godwit_status_t
add (godwit_request_t *request, void *self)
{
    const struct params *const params = godwit_request_params (request);
    (void) self;
    return godwit_request_reply (request, GODWIT_INT (NULL, params->a + params->b));
}

static struct newer_slot newer_slots[] = {{.slot = GODWIT_SLOT (struct params, a)},
                                          {.slot = GODWIT_SLOT (struct params, b)}};
static struct newer_method newer_methods[] = {{.method = GODWIT_METHOD ("answer", answer, 0)},
                                              {.method = {.name = "add",
                                                          .handler = add,
                                                          .slots = &newer_slots[0].slot,
                                                          .slot_count = 2,
                                                          .slot_size = sizeof (struct newer_slot),
                                                          .params_size = sizeof (struct params)}}};

static bool
allow (void *user, const godwit_endpoint_t *endpoint, const godwit_method_t *method)
{
    size_t *const asked = user;
    cr_assert (endpoint->methods == &newer_methods[0].method);
    cr_assert_eq ((const void *) method, &newer_methods[*asked], "the program's own row");
    ++*asked;
    return true;
}

static godwit_status_t
serve (godwit_server_t **server, size_t method_size, size_t *asked, godwit_error_t **error)
{
    const godwit_endpoint_t endpoint = {.struct_size = sizeof endpoint,
                                        .methods = &newer_methods[0].method,
                                        .method_count = 2,
                                        .method_size = method_size};
    return godwit_server_new (
        server, world.transport, GODWIT_TARGET (.topic = "t", .server = "newer"), &endpoint, 1,
        GODWIT_SERVER_OPTIONS (.policy = GODWIT_POLICY_CUSTOM, .allow = allow, .allow_user = asked), error);
}

static void
expect_refused (size_t method_size, const char *says)
{
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (serve (&server, method_size, &(size_t){0}, &error), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert (strstr (godwit_error_message (error), says), "%s", godwit_error_message (error));
    godwit_error_destroy (&error);
}

Test (struct_size, methods_and_slots_of_a_newer_program_are_found, .init = open_world, .fini = close_world)
{
    godwit_server_t *server = NULL;
    godwit_value_t *result = NULL;
    size_t asked = 0;
    MUST (serve (&server, sizeof newer_methods[0], &asked, &error));
    cr_assert_eq (asked, 2);
    MUST (godwit_server_start (server, NULL, &error));
    MUST (godwit_client_call (world.client, NULL, "add",
                              GODWIT_ARGS (GODWIT_INT ("a", 2), GODWIT_INT ("b", 3)), &result, &error));
    cr_assert_eq (godwit_value_as_int (result, 0), 5);
    godwit_value_unref (&result);
    godwit_server_destroy (&server);
}

Test (struct_size, methods_and_slots_without_a_valid_size_are_refused, .init = open_world,
      .fini = close_world)
{
    expect_refused (0, "godwit_endpoint_t.method_size is 0: make it with GODWIT_ENDPOINT");
    expect_refused (sizeof (void *), "godwit_endpoint_t.method_size is 8, which is that of no release");
    expect_refused (sizeof newer_methods[0] + 1, "which is that of no release");
    newer_methods[1].added[2] = &world;
    expect_refused (sizeof newer_methods[0], "something is set behind");
    newer_methods[1].added[2] = NULL;
    newer_slots[1].added[0] = &world;
    expect_refused (sizeof newer_methods[0], "godwit_method_t.slot_size is");
    newer_slots[1].added[0] = NULL;
    newer_methods[1].method.slot_size = 0;
    expect_refused (sizeof newer_methods[0],
                    "godwit_method_t.slot_size is 0: make it with GODWIT_METHOD_WITH");
}

Test (struct_size, endpoints_have_one_size, .init = open_world, .fini = close_world)
{
    const godwit_endpoint_t endpoints[] = {GODWIT_ENDPOINT (methods, .version = "1.0"), {.version = "2.0"}};
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_server_new (&server, world.transport, NULL, endpoints, 2, NULL, &error),
                  GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert (strstr (godwit_error_message (error), "endpoints[1].struct_size: expected"), "%s",
               godwit_error_message (error));
    godwit_error_destroy (&error);
}
