/* SPDX-License-Identifier: Apache-2.0 */
#include "src/config/options.h"

#include "src/config/config.h"
#include "src/error/error.h"
#include "src/error/struct_size.h"

#include <string.h>

/* ---- a field of the settings ---- */

static int64_t
get_number (const godwit__settings_t *settings, const godwit__option_t *option)
{
    const char *at = (const char *) settings + option->offset;
    if (option->kind == GODWIT__KIND_INT || option->kind == GODWIT__KIND_LEVEL) {
        int value;
        memcpy (&value, at, sizeof value);
        return value;
    }
    if (option->kind == GODWIT__KIND_SIZE) {
        size_t value;
        memcpy (&value, at, sizeof value);
        return value > INT64_MAX ? INT64_MAX : (int64_t) value;
    }
    if (option->kind == GODWIT__KIND_BOOL) {
        bool value;
        memcpy (&value, at, sizeof value);
        return value;
    }
    int64_t value;
    memcpy (&value, at, sizeof value);
    return value;
}

static void
set (godwit__settings_t *settings, const godwit__option_t *option, godwit__option_value_t value,
     const char *where)
{
    settings->where[option - godwit__options] = where;
    char *at = (char *) settings + option->offset;
    switch (option->kind) {
    case GODWIT__KIND_INT:
    case GODWIT__KIND_LEVEL:
    case GODWIT__KIND_PATHS:
        memcpy (at, &(int){(int) value.number}, sizeof (int));
        return;
    case GODWIT__KIND_SIZE:
        memcpy (at, &(size_t){(size_t) value.number}, sizeof (size_t));
        return;
    case GODWIT__KIND_BOOL:
        memcpy (at, &(bool){value.number != 0}, sizeof (bool));
        return;
    case GODWIT__KIND_INT64:
    case GODWIT__KIND_SECONDS:
        memcpy (at, &value.number, sizeof value.number);
        return;
    case GODWIT__KIND_TEXT:
        memcpy (at, &value.text, sizeof value.text);
        return;
    case GODWIT__KIND_URL:
    case GODWIT__KIND_NAMES:
    case GODWIT__KIND_NOTIFY:
    case GODWIT__KIND_POINTER:
        return;
    }
}

/* ---- the layers, from the lowest to the highest ---- */

static void
apply_defaults (godwit__settings_t *settings)
{
    memset (settings, 0, sizeof *settings);
    for (size_t i = 0; i < godwit__option_count; i++)
        if (godwit__options[i].offset >= 0)
            set (settings, &godwit__options[i], (godwit__option_value_t){godwit__options[i].normal, NULL},
                 NULL);
    settings->known.struct_size = sizeof settings->known;
    settings->known.control_exchange = "godwit";
}

static godwit_status_t
apply_config (godwit__settings_t *settings, const godwit_config_t *config, godwit_error_t **error)
{
    for (size_t i = 0; config && i < godwit__config_entry_count (config); i++) {
        const godwit__config_entry_t *const entry = godwit__config_entry (config, i);
        if (!entry->option || entry->option->offset < 0)
            continue;
        godwit__option_value_t value;
        const godwit_status_t status =
            godwit__option_read (entry->option, entry->value, godwit__config_said (entry), &value, error);
        if (status)
            return status;
        set (settings, entry->option, value, entry->where);
    }
    return GODWIT_OK;
}

/* A zero in the struct means: not set here. */
static godwit_status_t
apply_struct (godwit__settings_t *settings, const godwit_transport_options_t *given, godwit_error_t **error)
{
    godwit__settings_t from;
    memset (&from, 0, sizeof from);
    godwit_status_t status =
        godwit__struct_read (&godwit__struct_transport_options, &from.known, given, error);
    if (status)
        return status;
    settings->known.log = from.known.log;
    settings->known.log_user = from.known.log_user;
    static const godwit__said_t said = {NULL, "struct", GODWIT__IN_STRUCT};
    for (size_t i = 0; i < godwit__option_count; i++) {
        const godwit__option_t *const option = &godwit__options[i];
        godwit__option_value_t value = {0, NULL};
        if (!(option->places & GODWIT__IN_STRUCT) || option->kind == GODWIT__KIND_POINTER)
            continue;
        if (option->kind == GODWIT__KIND_TEXT) {
            const char *text;
            memcpy (&text, (const char *) &from + option->offset, sizeof text);
            if (!text)
                continue;
            status = godwit__option_read (option, text, said, &value, error);
        } else {
            value.number = get_number (&from, option);
            if (value.number == 0)
                continue;
            if (option->kind != GODWIT__KIND_BOOL)
                status = godwit__option_check (option, value.number, said, error);
        }
        if (status)
            return status;
        set (settings, option, value, said.where);
    }
    return GODWIT_OK;
}

static godwit_status_t
apply_query (godwit__settings_t *settings, const godwit_url_t *url, const char *where, godwit_error_t **error)
{
    const godwit__said_t said = {NULL, where, GODWIT__IN_URL};
    for (size_t i = 0; i < godwit_url_query_count (url); i++) {
        const char *const name = godwit_url_query_key (url, i);
        const godwit__option_t *const option = godwit__option_find (name, GODWIT__IN_URL);
        godwit__option_value_t value;
        if (!option)
            return godwit__option_unknown (name, said, error);
        for (size_t k = 0; k < i; k++)
            if (godwit__option_find (godwit_url_query_key (url, k), GODWIT__IN_URL)->offset == option->offset)
                return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                          "Option %s (%s): expected it or %s, not both", name, where,
                                          godwit_url_query_key (url, k));
        const godwit_status_t status =
            godwit__option_read (option, godwit_url_query_value (url, i), said, &value, error);
        if (status)
            return status;
        set (settings, option, value, where);
    }
    return GODWIT_OK;
}

godwit_status_t
godwit__options_settle (godwit__settings_t *settings, const godwit_config_t *config,
                        const godwit_transport_options_t *given, const godwit_url_t *url,
                        const char *url_where, godwit_error_t **error)
{
    apply_defaults (settings);
    godwit_status_t status = apply_config (settings, config, error);
    if (status == GODWIT_OK)
        status = apply_struct (settings, given, error);
    if (status == GODWIT_OK)
        status = apply_query (settings, url, url_where, error);
    return status;
}

const char *
godwit__settings_where (const godwit__settings_t *settings, const char *name)
{
    const godwit__option_t *const option = godwit__option_find (name, GODWIT__IN_URL);
    const char *const where = option ? settings->where[option - godwit__options] : NULL;
    return where ? where : "default";
}
