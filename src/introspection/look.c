/* SPDX-License-Identifier: Apache-2.0 */
#include "src/introspection/look.h"

#include "src/address/target_version.h"
#include "src/error/error.h"
#include "src/server/method_list.h"
#include "src/value/slots.h"

#include <string.h>

static const godwit_slot_t calls_slots[] = {
    GODWIT_SLOT (godwit__calls_params_t, after, GODWIT_OPTIONAL),
    GODWIT_SLOT (godwit__calls_params_t, limit, GODWIT_OPTIONAL),
    GODWIT_SLOT (godwit__calls_params_t, last_ms, GODWIT_OPTIONAL),
    GODWIT_SLOT (godwit__calls_params_t, id, GODWIT_OPTIONAL),
    GODWIT_SLOT (godwit__calls_params_t, exchange, GODWIT_OPTIONAL),
    GODWIT_SLOT (godwit__calls_params_t, topic, GODWIT_OPTIONAL),
    GODWIT_SLOT (godwit__calls_params_t, method, GODWIT_OPTIONAL),
    GODWIT_SLOT (godwit__calls_params_t, server, GODWIT_OPTIONAL),
    GODWIT_SLOT (godwit__calls_params_t, failed, GODWIT_OPTIONAL),
    GODWIT_SLOT (godwit__calls_params_t, running, GODWIT_OPTIONAL),
    GODWIT_SLOT (godwit__calls_params_t, slowest, GODWIT_OPTIONAL),
};

/* slots NULL: no argument. */
typedef struct method {
    const char *name;
    godwit__look_fn *run;
    const godwit_slot_t *slots;
    size_t slot_count;
} method_t;

static const method_t methods[] = {
    {"describe", godwit__look_describe, NULL, 0},
    {"ping", godwit__look_ping, NULL, 0},
    {"stats", godwit__look_stats, NULL, 0},
    {"connections", godwit__look_connections, NULL, 0},
    {"view", godwit__look_view, NULL, 0},
    {"calls", godwit__look_calls, calls_slots, sizeof calls_slots / sizeof *calls_slots},
};

enum { METHODS = sizeof methods / sizeof *methods };

static const method_t *
find (const char *name)
{
    for (size_t i = 0; i < METHODS; i++)
        if (strcmp (methods[i].name, name) == 0)
            return &methods[i];
    return NULL;
}

static godwit_status_t
no_such_method (const char *name, godwit_error_t **error)
{
    godwit__method_list_t list = {.wanted = name};
    char names[256];
    for (size_t i = 0; i < METHODS; i++)
        godwit__method_list_add (&list, methods[i].name);
    godwit__method_list_print (&list, names, sizeof names);
    return godwit__error_with (
        error,
        godwit__error_set (error, GODWIT_ERR_NO_SUCH_METHOD,
                           "Introspection does not support the method %.64s; there are: %s", name, names),
        "method", name);
}

godwit_status_t
godwit__look_check_version (const char *version, const char *method, godwit_error_t **error)
{
    static const godwit__version_t served = {1, 0, 0};
    godwit__version_t wanted = served;
    godwit_status_t status = godwit__version_parse (&wanted, version, error);
    if (status || godwit__version_serves (served, wanted))
        return status;
    status = godwit__error_set (error, GODWIT_ERR_UNSUPPORTED_VERSION,
                                "Introspection does not support RPC version %.64s. Attempted method: %.64s; "
                                "there is: 1.0",
                                version, method);
    godwit__error_with (error, status, "version", version);
    return godwit__error_with (error, status, "method", method);
}

static godwit_status_t
fill (const method_t *method, const godwit_value_t *args, godwit__calls_params_t *params,
      godwit_error_t **error)
{
    static const godwit__path_t root = {NULL, "args", 0};
    const godwit__slots_t slots = {method->slots, sizeof (godwit_slot_t), method->slot_count, true};
    memset (params, 0, sizeof *params);
    return godwit__slots_fill (args, &slots, params, &root, error);
}

godwit_status_t
godwit__look (const godwit__look_t *look, const char *name, godwit_value_t **value, godwit_error_t **error)
{
    const method_t *const method = find (name);
    godwit__calls_params_t params;
    if (!method)
        return no_such_method (name, error);
    godwit_status_t status = fill (method, look->args, &params, error);
    if (status)
        return status;
    godwit__look_t filled = *look;
    filled.params = &params;
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_map (builder, NULL);
    status = method->run (&filled, builder, error);
    godwit_builder_close (builder);
    if (status == GODWIT_OK)
        return godwit_builder_finish (&builder, value, error);
    godwit_builder_destroy (&builder);
    return status;
}
