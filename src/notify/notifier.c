/* SPDX-License-Identifier: Apache-2.0 */
/* Making, preparing and ending a notifier. */
#include "src/notify/notifier.h"

#include "src/base/uncancelled.h"
#include "src/error/error.h"
#include "src/error/struct_size.h"
#include "src/notify/routing.h"
#include "src/serializer/serializer.h"

#include <stdlib.h>
#include <string.h>

/* ---- the root ---- */

static void
free_texts (char **texts, size_t count)
{
    for (size_t i = 0; texts && i < count; i++)
        free (texts[i]);
    free (texts);
}

static void
root_unref (godwit__notifier_root_t *root)
{
    if (atomic_fetch_sub_explicit (&root->refs, 1, memory_order_acq_rel) != 1)
        return;
    godwit__outbox_destroy (&root->outbox);
    free (root->streams);
    if (root->rules)
        root->routing->close (root->rules);
    free_texts (root->topics, root->topic_count);
    free_texts (root->context_keys, root->context_key_count);
    free (root->exchange);
    godwit_value_unref (&root->no_context);
    godwit_request_context_serializer_destroy (&root->own_serializer);
    godwit__transport_unref (root->transport);
    free (root);
}

static godwit__notifier_root_t *
root_new (godwit_transport_t *transport)
{
    godwit__notifier_root_t *const root = calloc (1, sizeof *root);
    if (!root)
        return NULL;
    atomic_init (&root->refs, 1);
    root->transport = godwit__transport_ref (transport);
    return root;
}

/* ---- its names ---- */

static godwit_status_t
check_name (const char *name, size_t most, const char *list, size_t index, godwit_error_t **error)
{
    if (name && *name && strlen (name) <= most)
        return GODWIT_OK;
    return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s[%zu]: expected 1 to %zu bytes, got %s",
                              list, index, most,
                              !name   ? "NULL"
                              : *name ? "more"
                                      : "\"\"");
}

static bool
is_named (char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp (names[i], name) == 0)
            return true;
    return false;
}

/* Copies a list of names; one that is there twice is one. */
static godwit_status_t
copy_names (char ***copies, size_t *count, const char *const *names, size_t name_count, size_t most,
            const char *list, godwit_error_t **error)
{
    if (name_count && !names)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected %zu names, got NULL",
                                  list, name_count);
    *copies = calloc (name_count + 1, sizeof (char *));
    if (!*copies)
        return godwit__error_no_memory (error);
    *count = 0;
    for (size_t i = 0; i < name_count; i++) {
        const godwit_status_t status = check_name (names[i], most, list, i, error);
        if (status)
            return status;
        if (is_named (*copies, *count, names[i]))
            continue;
        (*copies)[*count] = strdup (names[i]);
        if (!(*copies)[*count])
            return godwit__error_no_memory (error);
        ++*count;
    }
    return GODWIT_OK;
}

static godwit_status_t
settle_names (godwit__notifier_root_t *root, const godwit_notifier_options_t *options, godwit_error_t **error)
{
    static const char *const usual[] = {"notifications"};
    const char *const exchange =
        options->exchange ? options->exchange : root->transport->options.control_exchange;
    godwit_status_t status = check_name (exchange, 255, "exchange", 0, error);
    if (status)
        return status;
    root->exchange = strdup (exchange);
    if (!root->exchange)
        return godwit__error_no_memory (error);
    const bool has_topics = options->topics || options->topic_count;
    status = copy_names (&root->topics, &root->topic_count, has_topics ? options->topics : usual,
                         has_topics ? options->topic_count : 1, GODWIT__NOTIFY_TOPIC_MAX, "topics", error);
    if (status == GODWIT_OK && !root->topic_count)
        status = godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "topics: expected at least one");
    return status ? status
                  : copy_names (&root->context_keys, &root->context_key_count, options->context_keys,
                                options->context_key_count, SIZE_MAX, "context_keys", error);
}

/* ---- its drivers ---- */

static const godwit__notify_ops_t *
find_ops (const char *name)
{
    static const godwit__notify_ops_t *const known[] = {&godwit__notify_messaging,
                                                        &godwit__notify_messagingv2, &godwit__notify_log,
                                                        &godwit__notify_noop, &godwit__notify_test};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp (known[i]->name, name) == 0)
            return known[i];
    return NULL;
}

static const godwit_notify_driver_t *
find_own (const godwit_notifier_options_t *options, const char *name)
{
    for (size_t i = 0; i < options->own_driver_count; i++)
        if (strcmp (options->own_drivers[i]->name, name) == 0)
            return options->own_drivers[i];
    return NULL;
}

static godwit_status_t
check_own (const godwit_notifier_options_t *options, godwit_error_t **error)
{
    if (options->own_driver_count && !options->own_drivers)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "own_drivers: expected %zu drivers, got NULL", options->own_driver_count);
    for (size_t i = 0; i < options->own_driver_count; i++) {
        const godwit_notify_driver_t *const own = options->own_drivers[i];
        if (!own)
            return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                      "own_drivers[%zu]: expected a driver, got NULL", i);
        const godwit_status_t status = godwit__struct_check (&godwit__struct_notify_driver, own, error);
        if (status)
            return status;
        if (!own->name || !*own->name || !own->notify)
            return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                      "own_drivers[%zu]: expected a name and the function notify", i);
        if (find_ops (own->name) || strcmp (own->name, "routing") == 0)
            return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                      "own_drivers[%zu]: the name %s is that of one of the library's drivers",
                                      i, own->name);
    }
    return GODWIT_OK;
}

/* The driver of this name, which is added if it is not there. where: what names it, for errors. */
static godwit_status_t
add_driver (godwit__notifier_root_t *root, godwit__notify_driver_t **added, const char *name,
            const godwit_notifier_options_t *options, const char *where, godwit_error_t **error)
{
    for (size_t i = 0; i < root->driver_count; i++)
        if (strcmp (godwit__notify_driver_name (&root->drivers[i]), name) == 0) {
            *added = &root->drivers[i];
            return GODWIT_OK;
        }
    const godwit__notify_ops_t *const ops = find_ops (name);
    const godwit_notify_driver_t *const own = find_own (options, name);
    if (!ops && !own)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "%s: expected messaging, messagingv2, log, noop, test, routing or one of "
                                  "own_drivers, got \"%.64s\"",
                                  where, name);
    if (root->driver_count == GODWIT_REPORT_DRIVER_MAX)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected at most %d drivers",
                                  where, GODWIT_REPORT_DRIVER_MAX);
    *added = &root->drivers[root->driver_count++];
    **added = (godwit__notify_driver_t){.ops = own ? &godwit__notify_own : ops, .own = own};
    return GODWIT_OK;
}

/* Reads the rules of the driver `routing`, and adds the drivers that they name. */
static godwit_status_t
add_routing (godwit__notifier_root_t *root, const godwit_notifier_options_t *options, godwit_error_t **error)
{
    godwit_status_t status =
        godwit__routing_open (&root->routing, &root->rules, options->routing_config, error);
    const char *name, *where = "";
    for (size_t i = 0; status == GODWIT_OK && (name = root->routing->driver (root->rules, i, &where)); i++) {
        godwit__notify_driver_t *driver = NULL;
        if (strcmp (name, "routing") == 0)
            status = godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                        "%s: expected a driver other than routing itself", where);
        else
            status = add_driver (root, &driver, name, options, where, error);
        if (driver)
            driver->rule = i;
    }
    return status;
}

static godwit_status_t
add_drivers (godwit__notifier_root_t *root, const godwit_notifier_options_t *options, godwit_error_t **error)
{
    static const char *const usual[] = {"messaging"};
    const char *const *const names = options->drivers ? options->drivers : usual;
    const size_t count = options->drivers ? options->driver_count : 1;
    godwit_status_t status = check_own (options, error);
    if (status == GODWIT_OK && !options->drivers && options->driver_count)
        status = godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                    "drivers: expected %zu names, got NULL", options->driver_count);
    for (size_t i = 0; i < count && status == GODWIT_OK; i++) {
        godwit__notify_driver_t *driver = NULL;
        status = check_name (names[i], 64, "drivers", i, error);
        if (status)
            break;
        if (strcmp (names[i], "routing") != 0)
            status = add_driver (root, &driver, names[i], options, "drivers", error);
        else if (!root->routing)
            status = add_routing (root, options, error);
        if (driver)
            driver->is_direct = true;
    }
    return status;
}

static godwit_status_t
open_outbox (godwit__notifier_root_t *root, const godwit_delivery_options_t *delivery, godwit_error_t **error)
{
    unsigned needs = 0;
    for (size_t i = 0; i < root->driver_count; i++)
        needs |= root->drivers[i].ops->needs;
    if (!(needs & (GODWIT__NEEDS_PLAIN | GODWIT__NEEDS_ENVELOPED)))
        return GODWIT_OK;
    root->streams = calloc (root->topic_count * GODWIT_PRIORITY_COUNT, sizeof *root->streams);
    if (!root->streams)
        return godwit__error_no_memory (error);
    return godwit__outbox_new (&root->outbox, root->transport, delivery, error);
}

/* ---- notifiers ---- */

static godwit_status_t
notifier_new (godwit_notifier_t **notifier, godwit__notifier_root_t *root, const char *publisher_id,
              int64_t retry, godwit_error_t **error)
{
    const size_t size = strlen (publisher_id);
    godwit_notifier_t *const self = malloc (sizeof *self + size + 1);
    if (!self)
        return godwit__error_no_memory (error);
    *self = (godwit_notifier_t){.root = root, .retry = retry, .publisher_id_size = size};
    memcpy (self->publisher_id, publisher_id, size + 1);
    *notifier = self;
    return GODWIT_OK;
}

/* GODWIT_CLEAR_INT is 0 times. */
static godwit_status_t
read_retry (int64_t *retry, int64_t given, int64_t normal, godwit_error_t **error)
{
    if (given < -1 && given != GODWIT_CLEAR_INT)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "retry: expected -1 or more, or GODWIT_CLEAR_INT, got %lld",
                                  (long long) given);
    *retry = given == GODWIT_CLEAR_INT ? 0 : given ? given : normal;
    return GODWIT_OK;
}

static godwit_status_t
settle (godwit__notifier_root_t *root, const godwit_notifier_options_t *options, godwit_error_t **error)
{
    root->serializer = options->serializer;
    root->redaction =
        (godwit_serializer_t){.self = options->redact_user, .serialize_context = options->redact_context};
    godwit_status_t status = godwit__serializer_check (root->serializer, error);
    if (status == GODWIT_OK)
        status = godwit_value_new_map (&root->no_context, (godwit_fields_t){NULL, 0, NULL}, error);
    if (status == GODWIT_OK)
        status = settle_names (root, options, error);
    if (status == GODWIT_OK)
        status = add_drivers (root, options, error);
    return status ? status : open_outbox (root, options->delivery, error);
}

godwit_status_t
godwit_notifier_new (godwit_notifier_t **notifier, godwit_transport_t *transport,
                     const godwit_notifier_options_t *options, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    godwit_notifier_options_t known;
    int64_t retry = -1;
    if (!notifier || !transport)
        return godwit__error_null (error, notifier ? "transport" : "notifier");
    godwit_status_t status = godwit__struct_read (&godwit__struct_notifier_options, &known, options, error);
    if (status == GODWIT_OK)
        status = read_retry (&retry, known.retry, -1, error);
    if (status == GODWIT_OK)
        status = godwit__transport_check (transport, error);
    if (status)
        return status;
    godwit__notifier_root_t *const root = root_new (transport);
    if (!root)
        return godwit__error_no_memory (error);
    status = settle (root, &known, error);
    if (status == GODWIT_OK)
        status = notifier_new (notifier, root, known.publisher_id ? known.publisher_id : "", retry, error);
    if (status)
        root_unref (root);
    return status;
}

godwit_status_t
godwit_notifier_prepare (godwit_notifier_t **notifier, godwit_notifier_t *parent, const char *publisher_id,
                         int64_t retry, godwit_error_t **error)
{
    int64_t settled = -1;
    if (!notifier || !parent)
        return godwit__error_null (error, notifier ? "parent" : "notifier");
    godwit_status_t status = godwit__notifier_check (parent, error);
    if (status == GODWIT_OK)
        status = read_retry (&settled, retry, parent->retry, error);
    if (status == GODWIT_OK)
        status = notifier_new (notifier, parent->root, publisher_id ? publisher_id : parent->publisher_id,
                               settled, error);
    if (status)
        return status;
    (*notifier)->is_prepared = true;
    atomic_fetch_add_explicit (&parent->root->refs, 1, memory_order_relaxed);
    return GODWIT_OK;
}

void
godwit_notifier_destroy (godwit_notifier_t **notifier)
{
    GODWIT__UNCANCELLED;
    if (!notifier || !*notifier)
        return;
    godwit__notifier_root_t *const root = (*notifier)->root;
    if (!(*notifier)->is_prepared)
        atomic_store_explicit (&root->is_closed, true, memory_order_release);
    free (*notifier);
    *notifier = NULL;
    root_unref (root);
}

godwit_status_t
godwit__notifier_check (const godwit_notifier_t *notifier, godwit_error_t **error)
{
    if (notifier->is_prepared && atomic_load_explicit (&notifier->root->is_closed, memory_order_acquire))
        return godwit__error_set (error, GODWIT_ERR_CLOSED,
                                  "The notifier that this one was prepared from is destroyed");
    return godwit__transport_check (notifier->root->transport, error);
}

/* ---- what it has done ---- */

bool
godwit_notifier_is_enabled (const godwit_notifier_t *notifier)
{
    for (size_t i = 0; notifier && i < notifier->root->driver_count; i++)
        if (notifier->root->drivers[i].ops != &godwit__notify_noop)
            return true;
    return false;
}

godwit_status_t
godwit_notifier_flush (godwit_notifier_t *notifier, int64_t timeout_ms, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    if (!notifier)
        return godwit__error_null (error, "notifier");
    const godwit_status_t status = godwit__notifier_check (notifier, error);
    if (status || !notifier->root->outbox)
        return status;
    return godwit__outbox_flush (notifier->root->outbox, timeout_ms, error);
}

godwit_status_t
godwit_notifier_get_stats (const godwit_notifier_t *notifier, godwit_notifier_stats_t *stats,
                           godwit_error_t **error)
{
    godwit_notifier_stats_t known = GODWIT_NOTIFIER_STATS;
    if (!notifier || !stats)
        return godwit__error_null (error, notifier ? "stats" : "notifier");
    const godwit_status_t status = godwit__struct_check (&godwit__struct_notifier_stats, stats, error);
    if (status)
        return status;
    if (notifier->root->outbox)
        godwit__outbox_stats (notifier->root->outbox, &known);
    godwit__struct_write (&godwit__struct_notifier_stats, stats, &known);
    return GODWIT_OK;
}
