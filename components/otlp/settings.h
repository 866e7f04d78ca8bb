/* SPDX-License-Identifier: Apache-2.0 */
/* What an exporter does: the options of the program, and what the environment says where these say nothing.
 */
#ifndef GODWIT_OTLP_SETTINGS_H
#define GODWIT_OTLP_SETTINGS_H

#include "components/otlp/pairs.h"

#include <godwit/otlp.h>

typedef struct godwit__otlp_settings {
    char *url;        /* whole: with the path */
    bool is_loopback; /* the collector is on this machine: no proxy is asked */
    char *service_name;
    char *certificates; /* a file of certificates (PEM) to trust instead of the system's; NULL */
    godwit__otlp_pairs_t headers;
    godwit__otlp_pairs_t attributes; /* of the process */
    int64_t interval_ms, timeout_ms, sample_one_in, slow_ms;
    int64_t backoff_ms; /* the first pause before a retry: each is twice the one before */
} godwit__otlp_settings_t;

/* Reads a variable of the environment; NULL: it is not set. Tests have another one. */
typedef const char *godwit__otlp_getenv_fn (const char *name);

/* Checks options, and makes settings of them; options NULL: the defaults. The caller clears the settings,
 * also after a failure. INVALID_ARGUMENT, OUT_OF_MEMORY. */
godwit_status_t godwit__otlp_settings_read (godwit__otlp_settings_t *settings,
                                            const godwit_otlp_options_t *options,
                                            godwit__otlp_getenv_fn *environment, godwit_error_t **error);
void godwit__otlp_settings_clear (godwit__otlp_settings_t *settings);

#endif
