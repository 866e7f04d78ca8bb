/* SPDX-License-Identifier: Apache-2.0 */
/* Options and overrides: checked, merged, and what follows from them. */
#include "src/client/client_settings.h"

#include "src/address/target.h"
#include "src/address/target_version.h"
#include "src/error/error.h"
#include "src/error/struct_size.h"
#include "src/serializer/serializer.h"

const char godwit_clear[] = "";

/* Longer times are cut to this, which can be added to the present time without an overflow. */
#define LONGEST_MS (INT64_C (100) * 365 * 86400000)

/* ---- checks ---- */

static godwit_status_t
check_choice (const char *name, godwit_choice_t choice, bool may_clear, godwit_error_t **error)
{
    if (choice == GODWIT_UNSET || choice == GODWIT_YES || choice == GODWIT_NO ||
        (may_clear && choice == GODWIT_CLEAR_CHOICE))
        return GODWIT_OK;
    return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a godwit_choice_t, got %d",
                              name, (int) choice);
}

/* Checks the values as they are given, by options and by overrides. */
static godwit_status_t
check_numbers (int64_t timeout_ms, int64_t retry, int64_t call_monitor_timeout_ms, godwit_error_t **error)
{
    if (timeout_ms < 0 && timeout_ms != GODWIT_TIMEOUT_ZERO && timeout_ms != GODWIT_CLEAR_INT)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "timeout_ms: expected 1 or more, GODWIT_TIMEOUT_ZERO or GODWIT_CLEAR_INT, "
                                  "got %lld",
                                  (long long) timeout_ms);
    if (retry < 0 && retry != GODWIT_RETRY_FOREVER && retry != GODWIT_RETRY_NONE && retry != GODWIT_CLEAR_INT)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "retry: expected 1 or more, GODWIT_RETRY_FOREVER, GODWIT_RETRY_NONE or "
                                  "GODWIT_CLEAR_INT, got %lld",
                                  (long long) retry);
    if (call_monitor_timeout_ms < 0 && call_monitor_timeout_ms != GODWIT_CLEAR_INT)
        return godwit__error_set (
            error, GODWIT_ERR_INVALID_ARGUMENT,
            "call_monitor_timeout_ms: expected 1 or more, or GODWIT_CLEAR_INT, got %lld",
            (long long) call_monitor_timeout_ms);
    return GODWIT_OK;
}

static godwit_status_t
check_version (const char *version, godwit_error_t **error)
{
    godwit__version_t parsed;
    return version ? godwit__version_parse (&parsed, version, error) : GODWIT_OK;
}

bool
godwit__version_cap_allows (const char *version_cap, const char *version)
{
    bool compatible = false;
    if (!version_cap)
        return true;
    return version && godwit_version_compatible (version_cap, version, &compatible, NULL) == GODWIT_OK &&
           compatible;
}

/* The group of its exchange and topic. It stays as long as the transport's parts. */
static godwit_status_t
find_group (godwit_transport_t *transport, godwit__client_settings_t *settings, godwit_error_t **error)
{
    const godwit_target_t *target = &settings->target;
    if (!target->topic)
        return GODWIT_OK; /* an error when something is sent */
    pthread_mutex_lock (&transport->lock);
    godwit_status_t status = godwit__transport_check (transport, error);
    if (status == GODWIT_OK) {
        settings->group = godwit__directory_group (
            transport->directory, target->exchange ? target->exchange : transport->control_exchange,
            target->topic);
        if (!settings->group)
            status = godwit__error_no_memory (error);
    }
    godwit__transport_unlock (transport);
    return status;
}

/* ---- options ---- */

static int64_t
settle_timeout (int64_t timeout_ms)
{
    return timeout_ms > LONGEST_MS ? LONGEST_MS : timeout_ms;
}

static int64_t
override_number (int64_t inherited, int64_t given)
{
    return given == GODWIT_CLEAR_INT ? 0 : given ? given : inherited;
}

static godwit_status_t
settle_options (godwit__client_settings_t *settings, const godwit_target_t *target,
                const godwit_client_options_t *options, godwit_error_t **error)
{
    godwit_client_options_t given;
    godwit_status_t status = godwit__struct_read (&godwit__struct_client_options, &given, options, error);
    if (status)
        return status;
    status = godwit__target_read (&settings->target, target, error);
    if (status == GODWIT_OK)
        status = check_version (settings->target.version, error);
    if (status == GODWIT_OK)
        status = check_version (given.version_cap, error);
    if (status == GODWIT_OK)
        status = check_numbers (given.timeout_ms, given.retry, given.call_monitor_timeout_ms, error);
    if (status == GODWIT_OK)
        status = check_choice ("mandatory", given.mandatory, false, error);
    if (status == GODWIT_OK)
        status = check_choice ("idempotent", given.idempotent, false, error);
    if (status == GODWIT_OK)
        status = check_choice ("durable", given.durable, false, error);
    if (status == GODWIT_OK)
        status = godwit__serializer_check (given.serializer, error);
    settings->version_cap = given.version_cap;
    settings->timeout_ms = settle_timeout (override_number (0, given.timeout_ms));
    settings->retry = override_number (0, given.retry);
    settings->call_monitor_timeout_ms = settle_timeout (override_number (0, given.call_monitor_timeout_ms));
    settings->serializer = given.serializer;
    settings->mandatory = given.mandatory == GODWIT_YES;
    settings->idempotent = given.idempotent == GODWIT_YES;
    settings->is_durable = given.durable == GODWIT_YES;
    settings->spool = given.spool;
    settings->may_send = godwit__version_cap_allows (settings->version_cap, settings->target.version);
    return status;
}

godwit_status_t
godwit__client_settings_new (godwit__client_settings_t *settings, godwit_transport_t *transport,
                             const godwit_target_t *target, const godwit_client_options_t *options,
                             godwit_error_t **error)
{
    *settings = (godwit__client_settings_t){.group = NULL};
    const godwit_status_t status = settle_options (settings, target, options, error);
    return status ? status : find_group (transport, settings, error);
}

/* ---- overrides ---- */

static bool
same_text (const char *a, const char *b)
{
    return a == b || (a && b && strcmp (a, b) == 0);
}

/* True if it is given. */
static bool
override_text (const char **text, const char *given)
{
    if (!given)
        return false;
    *text = given == godwit_clear ? NULL : given;
    return true;
}

static godwit_status_t
override_target (godwit__client_settings_t *settings, const godwit_client_t *parent,
                 const godwit_overrides_t *given, godwit_error_t **error)
{
    godwit_target_t *target = &settings->target;
    override_text (&target->exchange, given->exchange);
    override_text (&target->topic, given->topic);
    override_text (&target->name_space, given->name_space);
    override_text (&target->server, given->server);
    if (given->fanout)
        target->fanout = given->fanout == GODWIT_CLEAR_CHOICE ? GODWIT_UNSET : given->fanout;
    /* A member that is not new was looked up, or checked, for the parent. */
    if ((given->exchange || given->topic) && !(same_text (target->exchange, parent->target.exchange) &&
                                               same_text (target->topic, parent->target.topic))) {
        settings->group = NULL;
        return find_group (parent->transport, settings, error);
    }
    return GODWIT_OK;
}

static godwit_status_t
override_versions (godwit__client_settings_t *settings, const godwit_overrides_t *given,
                   godwit_error_t **error)
{
    const bool version = override_text (&settings->target.version, given->version);
    const bool cap = override_text (&settings->version_cap, given->version_cap);
    godwit_status_t status = version ? check_version (settings->target.version, error) : GODWIT_OK;
    if (status == GODWIT_OK && cap)
        status = check_version (settings->version_cap, error);
    if (version || cap)
        settings->may_send = godwit__version_cap_allows (settings->version_cap, settings->target.version);
    return status;
}

static godwit_status_t
override_rest (godwit__client_settings_t *settings, const godwit_overrides_t *given, godwit_error_t **error)
{
    godwit_status_t status =
        check_numbers (given->timeout_ms, given->retry, given->call_monitor_timeout_ms, error);
    if (status == GODWIT_OK)
        status = check_choice ("fanout", given->fanout, true, error);
    if (status == GODWIT_OK)
        status = check_choice ("mandatory", given->mandatory, true, error);
    if (status == GODWIT_OK)
        status = check_choice ("idempotent", given->idempotent, true, error);
    if (status == GODWIT_OK)
        status = check_choice ("durable", given->durable, true, error);
    settings->timeout_ms = settle_timeout (override_number (settings->timeout_ms, given->timeout_ms));
    settings->backs_off = settings->backs_off && !given->timeout_ms; /* a cleared timeout counts as given */
    settings->retry = override_number (settings->retry, given->retry);
    settings->call_monitor_timeout_ms =
        settle_timeout (override_number (settings->call_monitor_timeout_ms, given->call_monitor_timeout_ms));
    if (given->mandatory)
        settings->mandatory = given->mandatory == GODWIT_YES;
    if (given->idempotent)
        settings->idempotent = given->idempotent == GODWIT_YES;
    if (given->durable)
        settings->is_durable = given->durable == GODWIT_YES;
    return status;
}

godwit_status_t
godwit__client_settings_prepare (godwit__client_settings_t *settings, const godwit_client_t *parent,
                                 const godwit_overrides_t *overrides, godwit_error_t **error)
{
    *settings = (godwit__client_settings_t){
        .target = parent->target,
        .version_cap = parent->version_cap,
        .timeout_ms = parent->timeout_ms,
        .retry = parent->retry,
        .call_monitor_timeout_ms = parent->call_monitor_timeout_ms,
        .serializer = parent->serializer,
        .mandatory = parent->mandatory,
        .idempotent = parent->idempotent,
        .is_durable = parent->is_durable,
        .may_send = parent->may_send,
        .backs_off = parent->backs_off,
        .group = parent->group,
    };
    godwit_overrides_t given;
    if (!overrides)
        return GODWIT_OK;
    godwit_status_t status = godwit__struct_read (&godwit__struct_overrides, &given, overrides, error);
    if (status == GODWIT_OK)
        status = override_rest (settings, &given, error);
    if (status == GODWIT_OK)
        status = override_versions (settings, &given, error);
    return status ? status : override_target (settings, parent, &given, error);
}
