/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 12: options and defaults. */
#include "tests/contract/contract.h"

#include "src/config/config.h"
#include "src/config/options.h"
#include "src/runtime/transport.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- defaults ---- */

static void
defaults_of_a_transport (core_t *core)
{
    const godwit_transport_options_t *const options = &core->calling->options;
    cr_assert_str_eq (options->control_exchange, "godwit");
    cr_assert_eq (options->rpc_response_timeout_ms, 60000);
    cr_assert_eq (options->executor_thread_pool_size, 64);
    cr_assert_not (options->rpc_ping_enabled);
    /* An empty file changes nothing. */
    godwit_config_t *config = NULL;
    godwit_transport_t *transport = NULL;
    MUST (godwit_config_parse (&config, "", "conf", &error));
    MUST (godwit_transport_new_from_config (&transport, config, core->url, NULL, &error));
    cr_assert_str_eq (transport->options.control_exchange, "godwit");
    cr_assert_eq (transport->options.rpc_response_timeout_ms, 60000);
    cr_assert_eq (transport->options.executor_thread_pool_size, 64);
    cr_assert_not (transport->options.rpc_ping_enabled);
    godwit_transport_destroy (&transport);
    godwit_config_destroy (&config);
}

static void
all_of_them_from_a_file (core_t *core)
{
    char text[512];
    godwit_config_t *config = NULL;
    godwit_transport_t *transport = NULL;
    service_t service;
    snprintf (text, sizeof text,
              "[DEFAULT]\ntransport_url = %s\ncontrol_exchange = of-the-file\nrpc_response_timeout = 1.5\n"
              "executor_thread_pool_size = 3\nrpc_ping_enabled = Yes\n[godwit]\nheartbeat_ms = 123\n",
              core->url);
    MUST (godwit_config_parse (&config, text, "conf", &error));
    MUST (godwit_transport_new_from_config (&transport, config, NULL, NULL, &error));
    godwit_config_destroy (&config); /* which it no longer needs */
    cr_assert_eq (transport->options.rpc_response_timeout_ms, 1500);
    cr_assert_eq (transport->options.executor_thread_pool_size, 3);
    cr_assert_eq (transport->options.heartbeat_ms, 123);
    cr_assert (transport->options.rpc_ping_enabled);
    /* It is in the world that transport_url names, under the exchange of the file. */
    service_start (&service, transport, "two", NULL);
    godwit_client_t *client = NULL;
    MUST (
        godwit_client_prepare (&client, core->client, GODWIT_OVERRIDES (.exchange = "of-the-file"), &error));
    MUST (godwit_client_wait_servers (client, 1, WAIT_LIMIT_MS, &error));
    cr_assert_eq (call_who (client), 'o');
    cr_assert_eq (call_who (core->client), 'e');
    godwit_client_destroy (&client);
    service_end (&service);
    godwit_transport_destroy (&transport);
}

static void
errors_say_where_the_url_is (core_t *core)
{
    char text[512];
    godwit_config_t *config = NULL;
    godwit_transport_t *transport = NULL;
    snprintf (text, sizeof text, "\n[DEFAULT]\ntransport_url = %s%cheartbeat_ms=x\n", core->url,
              strchr (core->url, '?') ? '&' : '?');
    MUST (godwit_config_parse (&config, text, "conf", &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE,
           "Option heartbeat_ms (URL, conf:3): expected a number",
           godwit_transport_new_from_config (&transport, config, NULL, NULL, &error));
    godwit_config_destroy (&config);
    MUST (godwit_config_parse (&config, "[DEFAULT]\ntransport_url = carrier-pigeon:", "conf", &error));
    FAILS (GODWIT_ERR_DRIVER_LOAD, GODWIT_OUTCOME_NONE, "carrier-pigeon",
           godwit_transport_new_from_config (&transport, config, NULL, NULL, &error));
    /* A URL that is given wins over that of the file. */
    MUST (godwit_transport_new_from_config (&transport, config, core->url, NULL, &error));
    godwit_transport_destroy (&transport);
    godwit_config_destroy (&config);
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "config: expected a pointer",
           godwit_transport_new_from_config (&transport, NULL, core->url, NULL, &error));
    cr_assert_null (transport);
}

static void
what_has_no_effect_is_refused (core_t *core)
{
    static const struct {
        const char *option, *config, *says;
        bool inproc;
    } rows[] = {
        {"static=a/b@inproc://c", "", "Option static (URL): expected a driver with a network", true},
        {"", "[godwit]\nstatic_file = /x", "Option static_file (conf:2): expected a driver with a network",
         true},
        {"host_rendezvous=true", "", "Option host_rendezvous (URL): expected a driver with a network", true},
        {"", "[godwit]\nport = 9000", "Option port (conf:2): expected a driver with a network", true},
        {"static=a/b@tcp://127.0.0.1:1", "[godwit]\nhost_rendezvous = on",
         "Option host_rendezvous (conf:2): expected it or static (URL), not both", false},
        {"rpc_response_timeout=1&rpc_response_timeout_ms=1000", "",
         "Option rpc_response_timeout_ms (URL): expected it or rpc_response_timeout, not both", true},
        {"rpc_response_timeout=1&rpc_response_timeout_ms=1000", "",
         "Option rpc_response_timeout_ms (URL): expected it or rpc_response_timeout, not both", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char url[512];
        godwit_config_t *config = NULL;
        godwit_transport_t *transport = NULL;
        if (rows[i].inproc != !strcmp (core->kind->driver, "inproc"))
            continue;
        snprintf (url, sizeof url, "%s%c%s", core->url, strchr (core->url, '?') ? '&' : '?', rows[i].option);
        MUST (godwit_config_parse (&config, rows[i].config, "conf", &error));
        FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, rows[i].says,
               godwit_transport_new_from_config (&transport, config, url, NULL, &error));
        godwit_config_destroy (&config);
    }
}

static const contract_row_t rows[] = {
    {"12: transport_url; control_exchange; rpc_response_timeout 60; executor_thread_pool_size 64; "
     "rpc_ping_enabled false",
     defaults_of_a_transport},
    {"12: transport_url; control_exchange; rpc_response_timeout ...", all_of_them_from_a_file},
    {"12: transport_url", errors_say_where_the_url_is},
};
CONTRACT (section12, rows)

static const contract_row_t rows_of_each_driver[] = {
    {"8: an unknown option is an error at construction", what_has_no_effect_is_refused},
};
CONTRACT_OF_EACH_DRIVER (section12_of_each_driver, rows_of_each_driver)

Test (contract, section12_defaults_of_notifications)
{
    static const struct {
        const char *name, *text;
    } texts[] = {{"driver", "none"},
                 {"transport_url", "that of [DEFAULT]"},
                 {"topics", "notifications"},
                 {"routing_config", "none"}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        cr_assert_str_eq (godwit__option_find (texts[i].name, GODWIT__IN_NOTIFICATIONS)->normal_text,
                          texts[i].text);
    cr_assert_eq (godwit__config_number (NULL, "oslo_messaging_notifications", "retry"), -1);
}

/* ---- every option, in every place where it can be said ---- */

static const struct {
    unsigned place;
    const char *group;
} groups[] = {{GODWIT__IN_DEFAULT, "DEFAULT"},
              {GODWIT__IN_GODWIT, "godwit"},
              {GODWIT__IN_NOTIFICATIONS, "oslo_messaging_notifications"}};

/* A transport whose URL, struct or file says option=text; place tells which. */
static godwit_status_t
say (const godwit__option_t *option, unsigned place, const char *text, godwit_error_t **error)
{
    char *const url = malloc (strlen (text) + 128), *const file = malloc (strlen (text) + 128);
    godwit_config_t *config = NULL;
    godwit_transport_t *transport = NULL;
    strcpy (url, "inproc:///every");
    strcpy (file, "");
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (groups[i].place == place)
            sprintf (file, "[%s]\n%s = %s\n", groups[i].group, option->name, text);
    if (place == GODWIT__IN_URL)
        sprintf (url, "inproc:///every?%s=%s", option->name, text);
    godwit_status_t status = godwit_config_parse (&config, file, "conf", error);
    if (status == GODWIT_OK)
        status = godwit_transport_new_from_config (&transport, config, url, NULL, error);
    godwit_transport_destroy (&transport);
    godwit_config_destroy (&config);
    free (url);
    free (file);
    return status;
}

static void
must_refuse (const godwit__option_t *option, unsigned place, const char *text)
{
    godwit_error_t *error = NULL;
    char start[160] = "", expected[200];
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (groups[i].place == place)
            snprintf (start, sizeof start, "Option [%s] %s (conf:2): ", groups[i].group, option->name);
    if (place == GODWIT__IN_URL)
        snprintf (start, sizeof start, "Option %s (URL): ", option->name);
    const godwit_status_t status = say (option, place, text, &error);
    cr_assert_eq (status,
                  option->kind == GODWIT__KIND_URL ? GODWIT_ERR_INVALID_URL : GODWIT_ERR_INVALID_ARGUMENT,
                  "%s%.40s: %s", start, text, godwit_status_type (status));
    const char *const message = godwit_error_message (error);
    cr_assert (!strncmp (message, start, strlen (start)), "%s\n%s", message, start);
    godwit__option_expected (option, expected, sizeof expected);
    if (option->kind != GODWIT__KIND_URL)
        cr_assert (!strncmp (message + strlen (start), "expected ", 9) &&
                       !strncmp (message + strlen (start) + 9, expected, strlen (expected)),
                   "%s\n%s", message, expected);
    godwit_error_destroy (&error);
}

static void
refuse_wrong_texts (const godwit__option_t *option, unsigned place)
{
    char text[32], *longer;
    switch (option->kind) {
    case GODWIT__KIND_INT:
    case GODWIT__KIND_INT64:
    case GODWIT__KIND_SIZE:
        must_refuse (option, place, "x");
        must_refuse (option, place, "1x");
        must_refuse (option, place, "1.5");
        must_refuse (option, place, "0x10");
        must_refuse (option, place, "-");
        must_refuse (option, place, "99999999999999999999999");
        must_refuse (option, place, "-99999999999999999999999");
        snprintf (text, sizeof text, "%lld", (long long) option->least - 1);
        must_refuse (option, place, text);
        snprintf (text, sizeof text, "%lld", (long long) option->most + 1);
        must_refuse (option, place, text);
        return;
    case GODWIT__KIND_SECONDS:
        must_refuse (option, place, "x");
        must_refuse (option, place, "1s");
        must_refuse (option, place, "1,5");
        must_refuse (option, place, ".");
        must_refuse (option, place, "1.5.5");
        must_refuse (option, place, "-1");
        must_refuse (option, place, "0");
        must_refuse (option, place, "0.0004");
        must_refuse (option, place, "1e3");
        must_refuse (option, place, "31536000.001");
        must_refuse (option, place, "99999999999999999999999");
        return;
    case GODWIT__KIND_BOOL:
        must_refuse (option, place, "maybe");
        must_refuse (option, place, "2");
        must_refuse (option, place, "truee");
        return;
    case GODWIT__KIND_LEVEL:
        must_refuse (option, place, "loud");
        must_refuse (option, place, "1");
        return;
    case GODWIT__KIND_PATHS:
        must_refuse (option, place, "udp");
        must_refuse (option, place, "tcp,udp");
        must_refuse (option, place, ",");
        return;
    case GODWIT__KIND_NAMES:
        must_refuse (option, place, ",");
        must_refuse (option, place, "a,");
        must_refuse (option, place, "a, ,b");
        return;
    case GODWIT__KIND_NOTIFY:
        must_refuse (option, place, "mail");
        return;
    case GODWIT__KIND_URL:
        must_refuse (option, place, "nothing");
        must_refuse (option, place, "x://h:y");
        return;
    case GODWIT__KIND_TEXT:
        longer = calloc (1, (size_t) option->most + 2);
        memset (longer, 'x', (size_t) option->most + 1);
        must_refuse (option, place, longer);
        free (longer);
        if (option->least > 0 && place != GODWIT__IN_URL) /* where what is empty is left out */
            must_refuse (option, place, "");
        return;
    case GODWIT__KIND_POINTER:
        return;
    }
}

static void
must_refuse_struct (const godwit__option_t *option, const void *field, size_t size)
{
    godwit_transport_options_t options = {.struct_size = sizeof options};
    godwit_transport_t *transport = NULL;
    char says[200], expected[160];
    memcpy ((char *) &options + option->offset, field, size);
    godwit__option_expected (option, expected, sizeof expected);
    snprintf (says, sizeof says, "Option %s (struct): expected %s, got ", option->name, expected);
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, says,
           godwit_transport_new (&transport, "inproc:///every", &options, &error));
}

static void
refuse_wrong_fields (const godwit__option_t *option)
{
    const int64_t numbers[] = {-1, option->least - 1, option->most + 1};
    char *longer;
    for (size_t i = 0; i < 3; i++) {
        const int64_t number = numbers[i];
        if (number >= option->least && number <= option->most)
            continue;
        if (option->kind == GODWIT__KIND_INT && number)
            must_refuse_struct (option, &(int){(int) number}, sizeof (int));
        else if (option->kind == GODWIT__KIND_LEVEL)
            must_refuse_struct (option, &(int){i ? 4 : -1}, sizeof (int));
        else if (option->kind == GODWIT__KIND_INT64 && number)
            must_refuse_struct (option, &number, sizeof number);
        else if (option->kind == GODWIT__KIND_SIZE)
            must_refuse_struct (option, &(size_t){(size_t) number}, sizeof (size_t));
    }
    if (option->kind != GODWIT__KIND_TEXT)
        return;
    longer = calloc (1, (size_t) option->most + 2);
    memset (longer, 'x', (size_t) option->most + 1);
    must_refuse_struct (option, &longer, sizeof longer);
    free (longer);
    if (option->least > 0)
        must_refuse_struct (option, &(const char *){""}, sizeof (char *));
}

Test (contract, section12_every_option_is_checked_everywhere)
{
    static const unsigned places[] = {GODWIT__IN_URL, GODWIT__IN_DEFAULT, GODWIT__IN_GODWIT,
                                      GODWIT__IN_NOTIFICATIONS};
    for (size_t i = 0; i < godwit__option_count; i++) {
        const godwit__option_t *const option = &godwit__options[i];
        for (size_t k = 0; k < 4; k++)
            if (option->places & places[k])
                refuse_wrong_texts (option, places[k]);
            else if (places[k] != GODWIT__IN_URL || !godwit__option_find (option->name, GODWIT__IN_URL)) {
                /* It is no option there, unless another has its name. */
                godwit_error_t *error = NULL;
                if (godwit__option_find (option->name, places[k]))
                    continue;
                cr_assert_eq (say (option, places[k], "1", &error), GODWIT_ERR_INVALID_ARGUMENT);
                cr_assert (strstr (godwit_error_message (error), "there is no such option here, but in "),
                           "%s", godwit_error_message (error));
                godwit_error_destroy (&error);
            }
        if (option->places & GODWIT__IN_STRUCT)
            refuse_wrong_fields (option);
    }
}

/* ---- precedence ---- */

/* Three good values, all different, and different from the default. */
static const char *
good_text (const godwit__option_t *option, int number)
{
    static char text[3][32];
    static const char *const bools[] = {"true", "false", "on"};
    static const char *const levels[] = {"info", "warning", "error"};
    static const char *const paths[] = {"tcp", "ipc", "inproc"};
    switch (option->kind) {
    case GODWIT__KIND_BOOL:
        return bools[number];
    case GODWIT__KIND_LEVEL:
        return levels[number];
    case GODWIT__KIND_PATHS:
        return paths[number];
    case GODWIT__KIND_SECONDS:
        snprintf (text[number], sizeof text[number], "%d.25", number + 1);
        return text[number];
    case GODWIT__KIND_TEXT:
        snprintf (text[number], sizeof text[number], "value-%d", number);
        return text[number];
    default:
        snprintf (text[number], sizeof text[number], "%lld", (long long) option->least + 1 + number);
        return text[number];
    }
}

/* The setting as text. */
static const char *
setting (const godwit__settings_t *settings, const godwit__option_t *option)
{
    static char text[64];
    static const char *const levels[] = {"debug", "info", "warning", "error"};
    const char *const at = (const char *) settings + option->offset;
    int small;
    int64_t large;
    const char *string;
    bool flag;
    switch (option->kind) {
    case GODWIT__KIND_BOOL:
        memcpy (&flag, at, sizeof flag);
        return flag ? "true" : "false";
    case GODWIT__KIND_TEXT:
        memcpy (&string, at, sizeof string);
        return string ? string : "unset";
    case GODWIT__KIND_LEVEL:
        memcpy (&small, at, sizeof small);
        return levels[small];
    case GODWIT__KIND_PATHS:
        memcpy (&small, at, sizeof small);
        snprintf (text, sizeof text, "%s%s%s", small & GODWIT__PATH_INPROC ? "inproc" : "",
                  small & GODWIT__PATH_IPC ? "ipc" : "", small & GODWIT__PATH_TCP ? "tcp" : "");
        return text;
    case GODWIT__KIND_SECONDS:
        memcpy (&large, at, sizeof large);
        snprintf (text, sizeof text, "%lld.%02lld", (long long) large / 1000, (long long) large % 1000 / 10);
        return text;
    case GODWIT__KIND_INT:
        memcpy (&small, at, sizeof small);
        large = small;
        break;
    default:
        memcpy (&large, at, sizeof large);
    }
    snprintf (text, sizeof text, "%lld", (long long) large);
    return text;
}

static void
fill (godwit_transport_options_t *options, const godwit__option_t *option, const char *text)
{
    godwit__option_value_t value;
    char *const at = (char *) options + option->offset;
    const godwit__said_t said = {NULL, "test", GODWIT__IN_STRUCT};
    MUST (godwit__option_read (option, text, said, &value, &error));
    if (option->kind == GODWIT__KIND_TEXT)
        memcpy (at, &text, sizeof text);
    else if (option->kind == GODWIT__KIND_BOOL)
        memcpy (at, &(bool){value.number != 0}, sizeof (bool));
    else if (option->kind == GODWIT__KIND_INT || option->kind == GODWIT__KIND_LEVEL)
        memcpy (at, &(int){(int) value.number}, sizeof (int));
    else
        memcpy (at, &value.number, sizeof value.number);
}

static void
check_precedence (const godwit__option_t *option, const char *group)
{
    for (unsigned said = 0; said < 8; said++) {
        const bool query = said & 1, in_struct = said & 2, file = said & 4;
        char url_text[128], file_text[128];
        godwit_url_t *url = NULL;
        godwit_config_t *config = NULL;
        godwit__settings_t settings;
        godwit_transport_options_t options = {.struct_size = sizeof options};
        if (in_struct && !(option->places & GODWIT__IN_STRUCT))
            continue;
        if (in_struct)
            fill (&options, option, good_text (option, 2));
        file_text[0] = '\0';
        if (file)
            snprintf (file_text, sizeof file_text, "[%s]\n%s = %s", group, option->name,
                      good_text (option, 0));
        snprintf (url_text, sizeof url_text, query ? "x:?%s=%s" : "x:", option->name, good_text (option, 1));
        MUST (godwit_config_parse (&config, file_text, "conf", &error));
        MUST (godwit_url_parse (&url, url_text, &error));
        MUST (godwit__options_settle (&settings, config, &options, url, "URL", &error));
        const char *expected = query                                            ? good_text (option, 1)
                               : in_struct && option->kind != GODWIT__KIND_BOOL ? good_text (option, 2)
                               : in_struct                                      ? "true"
                               : file                                           ? good_text (option, 0)
                                                                                : NULL;
        const char *const where = query ? "URL" : in_struct ? "struct" : file ? "conf:2" : "default";
        if (expected)
            cr_assert_str_eq (setting (&settings, option), expected, "%s, said %u: %s", option->name, said,
                              setting (&settings, option));
        else
            for (int i = 0; i < (option->kind == GODWIT__KIND_BOOL ? 1 : 3); i++)
                cr_assert_str_neq (setting (&settings, option), good_text (option, i), "%s", option->name);
        cr_assert_str_eq (godwit__settings_where (&settings, option->name), where, "%s", option->name);
        godwit_config_destroy (&config);
        godwit_url_destroy (&url);
    }
}

Test (contract, section12_query_then_struct_then_file_then_default)
{
    for (size_t i = 0; i < godwit__option_count; i++)
        for (size_t k = 0; k < sizeof groups / sizeof groups[0]; k++)
            if ((godwit__options[i].places & groups[k].place) && (godwit__options[i].places & GODWIT__IN_URL))
                check_precedence (&godwit__options[i], groups[k].group);
}

/* Zero in the struct is "not given", also for a bool. */
Test (contract, section12_zero_is_not_given)
{
    const godwit_transport_options_t zero = {.struct_size = sizeof zero};
    godwit_config_t *config = NULL;
    godwit_url_t *url = NULL;
    godwit__settings_t settings;
    MUST (godwit_config_parse (&config, "[DEFAULT]\nrpc_ping_enabled = true\n[godwit]\nport = 9\n", "conf",
                               &error));
    MUST (godwit_url_parse (&url, "x:?port=0", &error));
    MUST (godwit__options_settle (&settings, config, &zero, url, "URL", &error));
    cr_assert (settings.known.rpc_ping_enabled);
    cr_assert_eq (settings.known.port, 0); /* as the query says */
    godwit_url_destroy (&url);
    MUST (godwit_url_parse (&url, "x:?rpc_ping_enabled=off", &error));
    MUST (godwit__options_settle (&settings, config, &zero, url, "URL", &error));
    cr_assert_not (settings.known.rpc_ping_enabled);
    cr_assert_eq (settings.known.port, 9);
    godwit_url_destroy (&url);
    godwit_config_destroy (&config);
}
