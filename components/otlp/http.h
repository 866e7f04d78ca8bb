/* SPDX-License-Identifier: Apache-2.0 */
/* One kept connection to the collector (libcurl), and what its answers mean. For one thread. */
#ifndef GODWIT_OTLP_HTTP_H
#define GODWIT_OTLP_HTTP_H

#include "components/otlp/settings.h"

#include <stdint.h>

typedef struct godwit__otlp_http godwit__otlp_http_t;

/* What became of a request. */
typedef enum godwit__otlp_fate {
    GODWIT__OTLP_ACCEPTED,
    GODWIT__OTLP_LATER,   /* it may be tried again */
    GODWIT__OTLP_REFUSED, /* it must not */
} godwit__otlp_fate_t;

typedef struct godwit__otlp_answer {
    godwit__otlp_fate_t fate;
    int64_t pause_ms;  /* the collector wants so long a pause before the next request; 0: it says nothing */
    uint64_t rejected; /* spans that it did not take of what it accepted */
    char text[256];    /* what went wrong, or what the collector says of it; "" */
} godwit__otlp_answer_t;

/* The settings are borrowed. OUT_OF_MEMORY, SYSTEM. */
godwit_status_t godwit__otlp_http_open (godwit__otlp_http_t **http, const godwit__otlp_settings_t *settings,
                                        godwit_error_t **error);
/* Sends one request, and waits for its answer, at most so long. */
void godwit__otlp_http_post (godwit__otlp_http_t *http, const uint8_t *bytes, size_t size, int64_t timeout_ms,
                             godwit__otlp_answer_t *answer);
void godwit__otlp_http_close (godwit__otlp_http_t **http);

#endif
