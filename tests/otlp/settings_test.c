/* SPDX-License-Identifier: Apache-2.0 */
/* Options and the environment: which of them counts, and what is refused, without a word of what may be
 * secret. */
#include "components/otlp/settings.h"
#include "tests/support/must.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite (settings, .timeout = 30);

static const char *const (*variables)[2]; /* until a row with no name */

static const char *
environment (const char *name)
{
    for (size_t i = 0; variables && variables[i][0]; i++)
        if (strcmp (variables[i][0], name) == 0)
            return variables[i][1];
    return NULL;
}

static godwit__otlp_settings_t settings;

static void
end (void)
{
    godwit__otlp_settings_clear (&settings);
}

static void
read_with (const char *const (*rows)[2], const godwit_otlp_options_t *options)
{
    godwit__otlp_settings_clear (&settings);
    variables = rows;
    MUST (godwit__otlp_settings_read (&settings, options, environment, &error));
}

static void
refuse_with (const char *const (*rows)[2], const godwit_otlp_options_t *options, const char *expected)
{
    godwit_error_t *error = NULL;
    godwit__otlp_settings_clear (&settings);
    variables = rows;
    cr_assert_eq (godwit__otlp_settings_read (&settings, options, environment, &error),
                  GODWIT_ERR_INVALID_ARGUMENT, "expected: %s", expected);
    cr_assert_not_null (strstr (godwit_error_message (error), expected), "%s", godwit_error_message (error));
    cr_assert_null (strstr (godwit_error_message (error), "SECRET"), "%s", godwit_error_message (error));
    godwit_error_destroy (&error);
}

#define ROWS(...) ((const char *const[][2]){__VA_ARGS__, {NULL, NULL}})

Test (settings, are_of_loopback_by_default, .fini = end)
{
    read_with (NULL, NULL);
    cr_assert_str_eq (settings.url, "http://localhost:4318/v1/traces");
    cr_assert (settings.is_loopback);
    cr_assert_eq (settings.interval_ms, 1000);
    cr_assert_eq (settings.timeout_ms, 10000);
    cr_assert_eq (settings.sample_one_in, 1);
    cr_assert_eq (settings.slow_ms, 1000);
    char name[256];
    snprintf (name, sizeof name, "unknown_service:%s", program_invocation_short_name);
    cr_assert_str_eq (settings.service_name, name);
}

Test (settings, are_of_the_environment_unless_the_program_sets_them, .fini = end)
{
    const char *const(*const rows)[2] =
        ROWS ({"OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.example:99/base/"},
              {"OTEL_SERVICE_NAME", "web"}, {"OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b , x=1"},
              {"OTEL_RESOURCE_ATTRIBUTES", "service.name=other,deployment.environment=test"},
              {"OTEL_EXPORTER_OTLP_CERTIFICATE", "/etc/ca.pem"});
    read_with (rows, NULL);
    cr_assert_str_eq (settings.url, "https://collector.example:99/base/v1/traces");
    cr_assert_not (settings.is_loopback);
    cr_assert_str_eq (settings.service_name, "web");
    cr_assert_str_eq (settings.certificates, "/etc/ca.pem");
    cr_assert_eq (settings.headers.count, 2);
    cr_assert_str_eq (godwit__otlp_pairs_find (&settings.headers, "api-key"), "a b");
    cr_assert_str_eq (godwit__otlp_pairs_find (&settings.attributes, "deployment.environment"), "test");

    read_with (rows, GODWIT_OTLP_OPTIONS (.endpoint = "http://127.0.0.1:1", .service_name = "mine",
                                          .headers = "y=2", .interval_ms = 5, .timeout_ms = 6,
                                          .sample_one_in = 7, .slow_ms = -1));
    cr_assert_str_eq (settings.url, "http://127.0.0.1:1/v1/traces");
    cr_assert (settings.is_loopback);
    cr_assert_str_eq (settings.service_name, "mine");
    cr_assert_eq (settings.headers.count, 1);
    cr_assert_str_eq (godwit__otlp_pairs_find (&settings.headers, "y"), "2");
    cr_assert_eq (settings.interval_ms * 100 + settings.timeout_ms * 10 + settings.sample_one_in, 567);
    cr_assert_eq (settings.slow_ms, -1);
}

Test (settings, of_traces_alone_come_first, .fini = end)
{
    read_with (ROWS ({"OTEL_EXPORTER_OTLP_ENDPOINT", "http://a"}, {"OTEL_EXPORTER_OTLP_HEADERS", "a=1"},
                     {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://b:1/put"},
                     {"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "b=2"}),
               NULL);
    cr_assert_str_eq (settings.url, "http://b:1/put");
    cr_assert_null (godwit__otlp_pairs_find (&settings.headers, "a"));
    cr_assert_str_eq (godwit__otlp_pairs_find (&settings.headers, "b"), "2");
    read_with (ROWS ({"OTEL_RESOURCE_ATTRIBUTES", "service.name=named"}, {"OTEL_EXPORTER_OTLP_ENDPOINT", ""}),
               NULL);
    cr_assert_str_eq (settings.service_name, "named");
    cr_assert_str_eq (settings.url, "http://localhost:4318/v1/traces", "an empty variable is not set");
}

Test (settings, know_this_machine, .fini = end)
{
    static const struct {
        const char *endpoint;
        bool is_loopback;
    } rows[] = {{"http://127.9.9.9", true}, {"http://[::1]:4318", true},
                {"http://LOCALHOST", true}, {"http://127.example.org", false},
                {"http://10.0.0.1", false}, {"http://localhost.example", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        read_with (NULL, GODWIT_OTLP_OPTIONS (.endpoint = rows[i].endpoint));
        cr_assert_eq (settings.is_loopback, rows[i].is_loopback, "%s", rows[i].endpoint);
    }
}

Test (settings, refuse_what_is_wrong_by_its_name, .fini = end)
{
    static const char *const endpoints[] = {"",
                                            "SECRET",
                                            "ftp://SECRET/",
                                            "file:///SECRET",
                                            "http://",
                                            "http://u:SECRET@host/",
                                            "http://SECRET@host",
                                            "http://h/?k=SECRET",
                                            "http://h/#SECRET"};
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
        refuse_with (NULL, GODWIT_OTLP_OPTIONS (.endpoint = endpoints[i]),
                     "options.endpoint: expected a URL");
        if (*endpoints[i])
            refuse_with (ROWS ({"OTEL_EXPORTER_OTLP_ENDPOINT", endpoints[i]}), NULL,
                         "OTEL_EXPORTER_OTLP_ENDPOINT: expected a URL");
    }
    static const char *const headers[] = {
        "SECRET",     "=SECRET",   "a=SECRET%2", "a=SECRET%00", "a=SECRET%0d%0ab: c",
        "a b=SECRET", "a:=SECRET", "a=SECRET\n"};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        refuse_with (NULL, GODWIT_OTLP_OPTIONS (.headers = headers[i]), "options.headers: expected ");
    refuse_with (ROWS ({"OTEL_RESOURCE_ATTRIBUTES", "SECRET"}), NULL,
                 "OTEL_RESOURCE_ATTRIBUTES: expected NAME=VALUE");
    refuse_with (NULL, GODWIT_OTLP_OPTIONS (.interval_ms = -1),
                 "options.interval_ms: expected 1 to 3600000, got -1");
    refuse_with (NULL, GODWIT_OTLP_OPTIONS (.timeout_ms = 600001), "options.timeout_ms");
    refuse_with (NULL, GODWIT_OTLP_OPTIONS (.sample_one_in = -1), "options.sample_one_in");
    refuse_with (NULL, GODWIT_OTLP_OPTIONS (.slow_ms = -2), "options.slow_ms");
    godwit_otlp_options_t options = *GODWIT_OTLP_OPTIONS (.slow_ms = 0);
    options.struct_size = 8;
    refuse_with (NULL, &options, "options.struct_size");
}

Test (settings, bound_their_lists, .fini = end)
{
    char text[GODWIT__OTLP_PAIRS_MOST * 4 + 5] = "";
    for (int i = 0; i < GODWIT__OTLP_PAIRS_MOST; i++)
        strcat (text, "a=b,");
    read_with (NULL, GODWIT_OTLP_OPTIONS (.headers = text));
    cr_assert_eq (settings.headers.count, GODWIT__OTLP_PAIRS_MOST);
    strcat (text, "c=d");
    refuse_with (NULL, GODWIT_OTLP_OPTIONS (.headers = text), "options.headers: expected at most 64");
}
