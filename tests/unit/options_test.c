/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a transport: the struct, the URL's query, which wins, and what is refused and how. */
#include <criterion/criterion.h>
#include <godwit/godwit.h>

#include "src/config/options.h"

#include <stdio.h>
#include <string.h>

static godwit_status_t
settle (godwit_transport_options_t *options, unsigned *paths, const godwit_transport_options_t *given,
        const char *query, char says[256])
{
    char text[512];
    static godwit_url_t *url;
    godwit_error_t *error = NULL;
    snprintf (text, sizeof text, "zmq://%s", query);
    godwit_url_destroy (&url); /* the last one's strings were borrowed until now */
    cr_assert_eq (godwit_url_parse (&url, text, NULL), GODWIT_OK, "%s", text);
    godwit__settings_t settings;
    const godwit_status_t status = godwit__options_settle (&settings, NULL, given, url, "URL", &error);
    *options = settings.known;
    *paths = (unsigned) settings.paths;
    snprintf (says, 256, "%s", status ? godwit_error_message (error) : "");
    godwit_error_destroy (&error);
    return status;
}

Test (options, defaults)
{
    godwit_transport_options_t options;
    unsigned paths = 0;
    char says[256];
    cr_assert_eq (settle (&options, &paths, NULL, "", says), GODWIT_OK);
    cr_assert_str_eq (options.control_exchange, "godwit");
    cr_assert_eq (options.rpc_response_timeout_ms, 60000);
    cr_assert_eq (options.external_loop, false);
    cr_assert_null (options.host);
    cr_assert (!options.realm && !options.insecure);
    cr_assert_eq (options.max_message_size, 64u << 20);
    cr_assert_eq (options.queue_limit, 10000);
    cr_assert_eq (options.worker_limit, 256);
    cr_assert_eq (options.connect_timeout_ms, 2000);
    cr_assert_eq (options.heartbeat_ms, 500);
    cr_assert_eq (options.heartbeat_timeout_ms, 2000);
    cr_assert_eq (options.idle_timeout_ms, 300000);
    cr_assert_eq (options.refresh_ms, 5000);
    cr_assert_null (options.log);
    cr_assert_eq (paths, (unsigned) GODWIT__PATH_ALL);
}

Test (options, the_url_wins_over_the_struct)
{
    const godwit_transport_options_t given = {.struct_size = sizeof given,
                                              .control_exchange = "mine",
                                              .queue_limit = 5,
                                              .worker_limit = 7,
                                              .external_loop = true,
                                              .max_message_size = 5000,
                                              .runtime_dir = "/run/mine",
                                              .realm = "/etc/mine.member",
                                              .insecure = true};
    godwit_transport_options_t options;
    unsigned paths = 0;
    char says[256];
    cr_assert_eq (settle (&options, &paths, &given, "", says), GODWIT_OK);
    cr_assert_str_eq (options.runtime_dir, "/run/mine");
    cr_assert (!strcmp (options.realm, "/etc/mine.member") && options.insecure);
    cr_assert_str_eq (options.control_exchange, "mine");
    cr_assert (options.queue_limit == 5 && options.external_loop && options.max_message_size == 5000);
    cr_assert_eq (settle (&options, &paths, &given,
                          "?control_exchange=theirs&queue_limit=6&external_loop=false&host=10.0.0.1&"
                          "max_message_size=4096&rpc_response_timeout_ms=1&paths=tcp,ipc&"
                          "runtime_dir=/run/theirs&realm=none&insecure=no",
                          says),
                  GODWIT_OK, "%s", says);
    cr_assert_str_eq (options.control_exchange, "theirs");
    cr_assert_str_eq (options.host, "10.0.0.1");
    cr_assert_str_eq (options.runtime_dir, "/run/theirs");
    cr_assert (!strcmp (options.realm, "none") && !options.insecure);
    cr_assert (options.queue_limit == 6 && options.worker_limit == 7 && !options.external_loop &&
               options.max_message_size == 4096 && options.rpc_response_timeout_ms == 1);
    cr_assert_eq (paths, (unsigned) (GODWIT__PATH_TCP | GODWIT__PATH_IPC));
}

Test (options, every_number_is_read_from_the_url_and_checked)
{
    static const struct {
        const char *name;
        const char *least;
        const char *below;
        const char *above;
    } rows[] = {
        {"rpc_response_timeout_ms", "1", "0", "99999999999999"},
        {"max_message_size", "4096", "4095", "2147483649"},
        {"queue_limit", "1", "0", "1000001"},
        {"worker_limit", "2", "1", "4097"},
        {"connect_timeout_ms", "1", "0", "86400001"},
        {"heartbeat_ms", "1", "0", "86400001"},
        {"heartbeat_timeout_ms", "1", "-1", "86400001"},
        {"idle_timeout_ms", "1", "0", "99999999999999"},
        {"refresh_ms", "10", "9", "86400001"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *const texts[] = {
            rows[i].least, rows[i].below,         rows[i].above,         "x", "1x", "0x10000", "1.5",
            " ",           "9223372036854775808", "-9223372036854775809"};
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
            godwit_transport_options_t options;
            unsigned paths;
            char query[128], says[256];
            snprintf (query, sizeof query, "?%s=%s", rows[i].name, texts[k]);
            const godwit_status_t status = settle (&options, &paths, NULL, query, says);
            cr_assert_eq (status, k ? GODWIT_ERR_INVALID_ARGUMENT : GODWIT_OK, "%s: %s", query, says);
            if (k)
                cr_assert (strstr (says, rows[i].name) && strstr (says, "URL") && strstr (says, "expected"),
                           "%s", says);
        }
    }
}

Test (options, what_is_unknown_or_ill_typed_is_refused_by_name)
{
    static const struct {
        const char *query;
        const char *says;
    } rows[] = {
        {"?no_such=1", "no_such"},
        {"?QUEUE_LIMIT=1", "QUEUE_LIMIT"},
        {"?external_loop=maybe", "expected true or false, got \"maybe\""},
        {"?external_loop=2", "expected true or false"},
        {"?insecure=perhaps", "expected true or false, got \"perhaps\""},
        {"?paths=udp", "expected a list of inproc, ipc, tcp, got \"udp\""},
        {"?paths=tcp,udp", "udp"},
        {"?paths=tcpx", "tcpx"},
        {"?paths=inprocessing", "inprocessing"},
        {"?queue_limit=1&queue_limit=2", "\"1,2\""},
        {"?log=1", "log"},
        {"?struct_size=1", "struct_size"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit_transport_options_t options;
        unsigned paths;
        char says[256];
        cr_assert_eq (settle (&options, &paths, NULL, rows[i].query, says), GODWIT_ERR_INVALID_ARGUMENT, "%s",
                      rows[i].query);
        cr_assert (strstr (says, rows[i].says), "%s: %s", rows[i].query, says);
    }
}

Test (options, the_struct_is_checked_too)
{
    godwit_transport_options_t options;
    unsigned paths;
    char says[256];
    const godwit_transport_options_t wrong[] = {
        {.struct_size = sizeof wrong[0], .queue_limit = -1},
        {.struct_size = sizeof wrong[0], .worker_limit = 1},
        {.struct_size = sizeof wrong[0], .max_message_size = SIZE_MAX},
        {.struct_size = sizeof wrong[0], .heartbeat_ms = INT64_MIN},
        {.struct_size = sizeof wrong[0], .refresh_ms = 1},
    };
    static const char *const names[] = {"queue_limit", "worker_limit", "max_message_size", "heartbeat_ms",
                                        "refresh_ms"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_assert_eq (settle (&options, &paths, &wrong[i], "", says), GODWIT_ERR_INVALID_ARGUMENT, "%s",
                      names[i]);
        cr_assert (strstr (says, names[i]) && strstr (says, "struct"), "%s", says);
    }
}

Test (options, a_transport_says_what_is_wrong)
{
    godwit_transport_t *transport = NULL;
    static const struct {
        const char *url;
        godwit_status_t status;
    } rows[] = {
        {"zmq://?no_such=1", GODWIT_ERR_INVALID_ARGUMENT},
        {"inproc://?queue_limit=x", GODWIT_ERR_INVALID_ARGUMENT},
        {"carrier-pigeon://", GODWIT_ERR_DRIVER_LOAD},
        {"no scheme", GODWIT_ERR_INVALID_URL},
        {"", GODWIT_ERR_INVALID_URL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit_error_t *error = NULL;
        cr_assert_eq (godwit_transport_new (&transport, rows[i].url, NULL, &error), rows[i].status, "%s: %s",
                      rows[i].url, godwit_error_print (error));
        cr_assert_eq (godwit_error_status (error), rows[i].status);
        cr_assert_null (transport);
        godwit_error_destroy (&error);
        cr_assert_eq (godwit_transport_new (&transport, rows[i].url, NULL, NULL), rows[i].status);
    }
    cr_assert_eq (godwit_transport_new (NULL, "inproc:", NULL, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (godwit_transport_new (&transport, NULL, NULL, NULL), GODWIT_ERR_INVALID_ARGUMENT);
}
