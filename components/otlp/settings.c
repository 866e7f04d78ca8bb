/* SPDX-License-Identifier: Apache-2.0 */
#include "components/otlp/settings.h"

#include "components/otlp/endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRUCT_SIZE_MOST 4096
#define ENDPOINT_DEFAULT "http://localhost:4318"
#define INTERVAL_MS_DEFAULT 1000
#define INTERVAL_MS_MOST (INT64_C (3600) * 1000)
#define TIMEOUT_MS_DEFAULT 10000
#define TIMEOUT_MS_MOST (INT64_C (600) * 1000)
#define SLOW_MS_DEFAULT 1000
#define SLOW_MS_MOST (INT64_C (24) * 3600 * 1000)
#define BACKOFF_MS 1000
#define SAMPLE_MOST (INT64_C (1) << 32)

static godwit_status_t
refuse (const char *name, const char *expected, godwit_error_t **error)
{
    if (error)
        *error = godwit_error_new (GODWIT_ERR_INVALID_ARGUMENT, "%s: expected %s", name, expected);
    return GODWIT_ERR_INVALID_ARGUMENT;
}

static godwit_status_t
no_memory (godwit_error_t **error)
{
    if (error)
        *error = godwit_error_new (GODWIT_ERR_OUT_OF_MEMORY, "the settings of an exporter: out of memory");
    return GODWIT_ERR_OUT_OF_MEMORY;
}

/* ---- numbers ---- */

/* Sets *to, if the program gave a number, which has to be from least to most. */
static godwit_status_t
take_number (int64_t *to, int64_t given, int64_t least, int64_t most, const char *name,
             godwit_error_t **error)
{
    if (!given)
        return GODWIT_OK;
    if (given < least || given > most) {
        char expected[80];
        snprintf (expected, sizeof expected, "%lld to %lld, got %lld", (long long) least, (long long) most,
                  (long long) given);
        return refuse (name, expected, error);
    }
    *to = given;
    return GODWIT_OK;
}

static godwit_status_t
read_numbers (godwit__otlp_settings_t *settings, const godwit_otlp_options_t *options, godwit_error_t **error)
{
    settings->interval_ms = INTERVAL_MS_DEFAULT;
    settings->timeout_ms = TIMEOUT_MS_DEFAULT;
    settings->sample_one_in = 1;
    settings->slow_ms = SLOW_MS_DEFAULT;
    settings->backoff_ms = BACKOFF_MS;
    godwit_status_t status = take_number (&settings->interval_ms, options->interval_ms, 1, INTERVAL_MS_MOST,
                                          "options.interval_ms", error);
    if (!status)
        status = take_number (&settings->timeout_ms, options->timeout_ms, 1, TIMEOUT_MS_MOST,
                              "options.timeout_ms", error);
    if (!status)
        status = take_number (&settings->sample_one_in, options->sample_one_in, 1, SAMPLE_MOST,
                              "options.sample_one_in", error);
    if (!status)
        status =
            take_number (&settings->slow_ms, options->slow_ms, -1, SLOW_MS_MOST, "options.slow_ms", error);
    return status;
}

/* ---- texts ---- */

/* What the program gave, or else the variable. *name: which of both it was. */
static const char *
first_of (const char *given, const char *option, const char *variable, godwit__otlp_getenv_fn *environment,
          const char **name)
{
    const char *const value = given ? NULL : environment (variable);
    *name = given ? option : variable;
    return given ? given : value && *value ? value : NULL; /* an empty variable is not set */
}

static godwit_status_t
read_endpoint (godwit__otlp_settings_t *settings, const godwit_otlp_options_t *options,
               godwit__otlp_getenv_fn *environment, godwit_error_t **error)
{
    const char *name = NULL;
    const char *const whole = first_of (NULL, NULL, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", environment, &name);
    if (whole && !options->endpoint)
        return godwit__otlp_endpoint_read (&settings->url, &settings->is_loopback, whole, false, name, error);
    const char *const base =
        first_of (options->endpoint, "options.endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT", environment, &name);
    return godwit__otlp_endpoint_read (&settings->url, &settings->is_loopback, base ? base : ENDPOINT_DEFAULT,
                                       true, name, error);
}

static godwit_status_t
read_pairs (godwit__otlp_pairs_t *pairs, const char *text, const char *name, godwit_error_t **error)
{
    const char *wrong = NULL;
    const godwit_status_t status = godwit__otlp_pairs_read (pairs, text, &wrong);
    if (status == GODWIT_ERR_OUT_OF_MEMORY)
        return no_memory (error);
    return status ? refuse (name, wrong, error) : GODWIT_OK;
}

/* A token of RFC 9110. */
static bool
is_header_name (const char *name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";
    return name[strspn (name, letters)] == '\0';
}

/* No line ends with it, and none begins. */
static bool
is_header_value (const char *value)
{
    for (; *value; value++)
        if (((unsigned char) *value < 0x20 && *value != '\t') || *value == 0x7f)
            return false;
    return true;
}

static godwit_status_t
read_headers (godwit__otlp_settings_t *settings, const godwit_otlp_options_t *options,
              godwit__otlp_getenv_fn *environment, godwit_error_t **error)
{
    const char *name = NULL;
    const char *text = first_of (options->headers, "options.headers", "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
                                 environment, &name);
    if (!text)
        text = first_of (NULL, NULL, "OTEL_EXPORTER_OTLP_HEADERS", environment, &name);
    const godwit_status_t status = read_pairs (&settings->headers, text, name, error);
    for (size_t i = 0; !status && i < settings->headers.count; i++) {
        if (!is_header_name (settings->headers.items[i].name))
            return refuse (name, "names of headers without blanks and control characters", error);
        if (!is_header_value (settings->headers.items[i].value))
            return refuse (name, "values of headers without control characters", error);
    }
    return status;
}

static godwit_status_t
copy (char **to, const char *text, godwit_error_t **error)
{
    *to = text ? strdup (text) : NULL;
    return text && !*to ? no_memory (error) : GODWIT_OK;
}

static godwit_status_t
read_service_name (godwit__otlp_settings_t *settings, const godwit_otlp_options_t *options,
                   godwit__otlp_getenv_fn *environment, godwit_error_t **error)
{
    const char *name = NULL;
    const char *text =
        first_of (options->service_name, "options.service_name", "OTEL_SERVICE_NAME", environment, &name);
    char unknown[256];
    if (!text)
        text = godwit__otlp_pairs_find (&settings->attributes, "service.name");
    if (!text) {
        snprintf (unknown, sizeof unknown, "unknown_service:%s", program_invocation_short_name);
        text = unknown;
    }
    return copy (&settings->service_name, text, error);
}

static godwit_status_t
read_texts (godwit__otlp_settings_t *settings, const godwit_otlp_options_t *options,
            godwit__otlp_getenv_fn *environment, godwit_error_t **error)
{
    const char *name = NULL;
    const char *const attributes = first_of (NULL, NULL, "OTEL_RESOURCE_ATTRIBUTES", environment, &name);
    godwit_status_t status = read_pairs (&settings->attributes, attributes, name, error);
    if (!status)
        status = read_service_name (settings, options, environment, error);
    if (!status)
        status = read_endpoint (settings, options, environment, error);
    if (!status)
        status = read_headers (settings, options, environment, error);
    if (!status)
        status = copy (&settings->certificates,
                       first_of (NULL, NULL, "OTEL_EXPORTER_OTLP_CERTIFICATE", environment, &name), error);
    return status;
}

/* ---- both ---- */

/* The first release that has the struct is this one. */
static godwit_status_t
read_options (godwit_otlp_options_t *to, const godwit_otlp_options_t *from, godwit_error_t **error)
{
    *to = (godwit_otlp_options_t){0};
    const size_t known = sizeof *to, size = from ? from->struct_size : known;
    bool good = size >= known && size <= STRUCT_SIZE_MOST && size % _Alignof(godwit_otlp_options_t) == 0;
    for (size_t at = known; good && at < size; at++)
        good = ((const char *) from)[at] == 0;
    if (!good)
        return refuse ("options.struct_size",
                       "that of this library: make the options with GODWIT_OTLP_OPTIONS (...), and use none "
                       "that is newer",
                       error);
    if (from)
        *to = *from;
    return GODWIT_OK;
}

godwit_status_t
godwit__otlp_settings_read (godwit__otlp_settings_t *settings, const godwit_otlp_options_t *options,
                            godwit__otlp_getenv_fn *environment, godwit_error_t **error)
{
    godwit_otlp_options_t known;
    *settings = (godwit__otlp_settings_t){0};
    godwit_status_t status = read_options (&known, options, error);
    if (!status)
        status = read_numbers (settings, &known, error);
    if (!status)
        status = read_texts (settings, &known, environment, error);
    return status;
}

void
godwit__otlp_settings_clear (godwit__otlp_settings_t *settings)
{
    godwit__otlp_pairs_clear (&settings->headers);
    godwit__otlp_pairs_clear (&settings->attributes);
    free (settings->url);
    free (settings->service_name);
    free (settings->certificates);
    *settings = (godwit__otlp_settings_t){0};
}
