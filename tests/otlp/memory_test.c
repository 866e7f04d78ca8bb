/* SPDX-License-Identifier: Apache-2.0 */
/* Each allocation fails once: it is OUT_OF_MEMORY, nothing leaks, and the next try is as if nothing had been.
 */
#include "tests/support/short_memory.h"

#include "components/otlp/batch.h"
#include "components/otlp/http.h"
#include "tests/otlp/records.h"

#include <criterion/criterion.h>
#include <curl/curl.h>
#include <string.h>

TestSuite (memory, .timeout = 110);

#ifdef SHORT_MEMORY_SANITIZED

Test (memory, is_short)
{
    cr_skip_test ("the sanitizers have an allocator of their own");
}

#else

static godwit_value_t *record;

static void
open_world (void)
{
    curl_global_init (CURL_GLOBAL_DEFAULT);
    record = record_new (
        1, GODWIT_ARGS (GODWIT_STR ("status", "Failed"), GODWIT_STR ("span", "1111111111111111"),
                        GODWIT_LIST ("notes", GODWIT_MAP (NULL, GODWIT_STR ("text", "refused")))));
}

static void
close_world (void)
{
    godwit_value_unref (&record);
    curl_global_cleanup ();
}

static const char *
environment (const char *name)
{
    return strcmp (name, "OTEL_RESOURCE_ATTRIBUTES") == 0         ? "a=b,c=d"
           : strcmp (name, "OTEL_EXPORTER_OTLP_CERTIFICATE") == 0 ? "/none"
                                                                  : NULL;
}

static godwit_status_t
run_client (godwit_error_t **error)
{
    godwit__otlp_settings_t settings;
    godwit__otlp_http_t *http = NULL;
    godwit_status_t status = godwit__otlp_settings_read (
        &settings, GODWIT_OTLP_OPTIONS (.endpoint = "http://127.0.0.1:1/base", .headers = "a=b,c="),
        environment, error);
    if (!status)
        status = godwit__otlp_http_open (&http, &settings, error);
    godwit__otlp_http_close (&http);
    godwit__otlp_settings_clear (&settings);
    return status;
}

static godwit_status_t
run_batch (godwit_error_t **error)
{
    static godwit__otlp_batch_t batch;
    (void) error;
    godwit__otlp_arena_t arena = {0};
    godwit__otlp_attributes_t resource = godwit__otlp_attributes (&arena, 2);
    godwit__otlp_attributes_text (&resource, "service.name", "x", 10);
    godwit__otlp_attributes_number (&resource, "process.pid", 7);
    size_t size = 0;
    godwit_status_t status = arena.is_short ? GODWIT_ERR_OUT_OF_MEMORY : GODWIT_OK;
    for (int i = 0; i < 40 && !status; i++)
        status = godwit__otlp_batch_add (&batch, record);
    uint8_t *const bytes = status ? NULL : godwit__otlp_batch_pack (&batch, &resource, &size);
    if (!status && !bytes)
        status = GODWIT_ERR_OUT_OF_MEMORY;
    free (bytes);
    godwit__otlp_batch_clear (&batch);
    godwit__otlp_arena_clear (&arena);
    return status;
}

Test (memory, is_short)
{
    static const short_memory_row_t rows[] = {{"client", run_client, 10}, {"batch", run_batch, 5}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        short_memory_check (&rows[i], open_world, close_world);
}

#endif
