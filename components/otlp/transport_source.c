/* SPDX-License-Identifier: Apache-2.0 */
/* The black box of a transport as a source of records, and the exporter that reads it. */
#include "components/otlp/inside.h"

#include <stdlib.h>

static godwit_status_t
read_calls (void *user, int64_t after, bool only_running, godwit_value_t **records, godwit_error_t **error)
{
    return godwit_transport_calls (user,
                                   GODWIT_CALLS_OPTIONS (.after = after > 0 ? (uint64_t) after : 0,
                                                         .running = only_running, .oldest = true,
                                                         .limit = GODWIT__OTLP_READ),
                                   records, error);
}

static const char *
environment (const char *name)
{
    return secure_getenv (name);
}

godwit_status_t
godwit_otlp_new (godwit_otlp_exporter_t **exporter, godwit_transport_t *transport,
                 const godwit_otlp_options_t *options, godwit_error_t **error)
{
    if (!exporter || !transport) {
        if (error)
            *error = godwit_error_new (GODWIT_ERR_INVALID_ARGUMENT, "%s: expected %s, got NULL",
                                       exporter ? "transport" : "exporter",
                                       exporter ? "a transport" : "a pointer to a pointer");
        return GODWIT_ERR_INVALID_ARGUMENT;
    }
    const godwit__otlp_source_t source = {.read = read_calls, .user = transport};
    godwit__otlp_settings_t settings;
    const godwit_status_t status = godwit__otlp_settings_read (&settings, options, environment, error);
    if (status) {
        godwit__otlp_settings_clear (&settings);
        return status;
    }
    return godwit__otlp_open (exporter, &source, &settings, error);
}
