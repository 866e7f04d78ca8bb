/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 8: transport URLs. */
#include "tests/contract/contract.h"

#include <stdio.h>

/* ---- sentences about texts ---- */

typedef struct url_row {
    const char *sentence;
    const char *text;
    const char *parsed;  /* "transport driver |user:pass@host:port |vhost ?key=value"; "-" is unset */
    const char *printed; /* NULL: it is no URL, and `parsed` is what the error says */
} url_row_t;

static const url_row_t url_rows[] = {
    {"8: driver[+sub]://[user[:pass]@]host[:port][,...]/[virtual_host][?query]",
     "kombu+memory://u:p@a:1,v@b,c:3/vh?x=1&y=2",
     "kombu+memory kombu |u:p@a:1 |v:-@b:0 |-:-@c:3 |vh ?x=1 ?y=2",
     "kombu+memory://u:p@a:1,v@b,c:3/vh?x=1&y=2"},
    {"8: No scheme = InvalidTransportURL.", "", "No scheme specified, at byte 0", NULL},
    {"8: No scheme = InvalidTransportURL.", "invalid", "No scheme specified, at byte 0", NULL},
    {"8: No scheme = InvalidTransportURL.", "//host/", "No scheme specified, at byte 0", NULL},
    {"8: No scheme = InvalidTransportURL.", "://host/", "No scheme specified, at byte 0", NULL},
    {"8: Hosts split on ',', ...", "zmq://a,b:2,c/", "zmq zmq |-:-@a:0 |-:-@b:2 |-:-@c:0 |",
     "zmq://a,b:2,c/"},
    {"8: ... empty ones skipped;", "zmq://,a,,b,/", "zmq zmq |-:-@a:0 |-:-@b:0 |", "zmq://a,b/"},
    {"8: ... empty ones skipped;", "zmq://,,/", "zmq zmq |", "zmq:///"},
    {"8: user at the last '@', ...", "zmq://u@realm@h/", "zmq zmq |u@realm:-@h:0 |", "zmq://u%40realm@h/"},
    {"8: user at the last '@', ...", "zmq://u:p@q@h/", "zmq zmq |u:p@q@h:0 |", "zmq://u:p%40q@h/"},
    {"8: ... password at the first ':';", "zmq://u:p:q@h/", "zmq zmq |u:p:q@h:0 |", "zmq://u:p%3Aq@h/"},
    {"8: ... password at the first ':';", "zmq://u:@h/", "zmq zmq |u:@h:0 |", "zmq://u:@h/"},
    {"8: %-decoding of user, ...", "zmq://%75%24%40@h/", "zmq zmq |u$@:-@h:0 |", "zmq://u%24%40@h/"},
    {"8: ... password, ...", "zmq://u:p%2C%3a%2F%26@h/", "zmq zmq |u:p,:/&@h:0 |",
     "zmq://u:p%2C%3A%2F%26@h/"},
    {"8: ... virtual host;", "zmq://h/%24%2F%3F", "zmq zmq |-:-@h:0 |$/?", "zmq://h/%24/%3F"},
    {"8: `[v6]:port`;", "zmq://[ffff::1]:1234/", "zmq zmq |-:-@ffff::1:1234 |", "zmq://[ffff::1]:1234/"},
    {"8: `[v6]:port`;", "zmq://u:p@[::1],[::2]:2/", "zmq zmq |u:p@::1:0 |-:-@::2:2 |",
     "zmq://u:p@[::1],[::2]:2/"},
    {"8: `[v6]:port`;", "zmq://[::1/", "Invalid IPv6 URL: a '[' without a ']', at byte 6", NULL},
    {"8: virtual host unset for `x:` ...", "x:", "x x |-", "x:///"},
    {"8: ... and `x://h`,", "x://h", "x x |-:-@h:0 |-", "x://h/"},
    {"8: ... \"\" for `x://h/`,", "x://h/", "x x |-:-@h:0 |", "x://h/"},
    {"8: ... \"/\" for `x:////`;", "x:////", "x x |/", "x:////"},
    {"8: repeated query keys join with ',';", "x://h/?l=1&k=0&l=2&l=3", "x x |-:-@h:0 | ?l=1,2,3 ?k=0",
     "x://h/?l=1%2C2%2C3&k=0"},
    {"8: `u:p@` without host legal;", "x://u:p@", "x x |u:p@:0 |-", "x://u:p@/"},
    {"8: Printing re-quotes ...", "x://a%40b:c%2Fd@h/e%20f?g=h%26i%20j", "x x |a@b:c/d@h:0 |e f ?g=h&i j",
     "x://a%40b:c%2Fd@h/e%20f?g=h%26i+j"},
    {"8: ... and always has '/' after the hosts.", "x://h?a=1", "x x |-:-@h:0 |- ?a=1", "x://h/?a=1"},
};

static void
describe (const godwit_url_t *url, char *text, size_t size)
{
    size_t used =
        (size_t) snprintf (text, size, "%s %s", godwit_url_transport (url), godwit_url_driver (url));
    for (size_t i = 0; i < godwit_url_host_count (url); i++) {
        const godwit_url_host_t *const host = godwit_url_host (url, i);
        used += (size_t) snprintf (text + used, size - used, " |%s:%s@%s:%d",
                                   host->username ? host->username : "-",
                                   host->password ? host->password : "-", host->hostname, host->port);
    }
    const char *const virtual_host = godwit_url_virtual_host (url);
    used += (size_t) snprintf (text + used, size - used, " |%s", virtual_host ? virtual_host : "-");
    for (size_t i = 0; i < godwit_url_query_count (url); i++)
        used += (size_t) snprintf (text + used, size - used, " ?%s=%s", godwit_url_query_key (url, i),
                                   godwit_url_query_value (url, i));
}

static void
check_url (const url_row_t *row)
{
    godwit_url_t *url = NULL, *again = NULL;
    char text[512];
    if (!row->printed) {
        FAILS (GODWIT_ERR_INVALID_URL, GODWIT_OUTCOME_NONE, row->parsed,
               godwit_url_parse (&url, row->text, &error));
        godwit_transport_t *transport = NULL;
        FAILS (GODWIT_ERR_INVALID_URL, GODWIT_OUTCOME_NONE, "InvalidTransportURL",
               godwit_transport_new (&transport, row->text, NULL, &error));
        return;
    }
    MUST (godwit_url_parse (&url, row->text, &error));
    describe (url, text, sizeof text);
    cr_assert_str_eq (text, row->parsed, "%s: %s: %s", row->sentence, row->text, text);
    cr_assert_str_eq (godwit_url_print (url), row->printed, "%s: %s: %s", row->sentence, row->text,
                      godwit_url_print (url));
    /* What is printed means the same, but for an unset virtual host, which is printed as an empty one. */
    MUST (godwit_url_parse (&again, godwit_url_print (url), &error));
    cr_assert_eq (godwit_url_equal (url, again), godwit_url_virtual_host (url) != NULL);
    cr_assert_str_eq (godwit_url_print (again), row->printed);
    godwit_url_destroy (&url);
    godwit_url_destroy (&again);
}

Test (contract, section08_urls)
{
    for (size_t i = 0; i < sizeof url_rows / sizeof url_rows[0]; i++)
        check_url (&url_rows[i]);
}

Test (contract, section08_equality_ignores_the_query)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } pairs[] = {
        {"x://vhost1?x=1&y=2&z=3", "x://vhost1?l=1&l=2", true},
        {"x://vhost2?foo=bar", "x://vhost2", true},
        {"x://vhost1?x=1", "x://vhost2?x=1", false},
        {"x://h/a?x=1", "x://h/b?x=1", false},
        {"x://h/?x=1", "x://h?x=1", false},
        {"x://u:p@h/?x=1", "x://u:q@h/?x=1", false},
        {"x://h:1/?x=1", "x://h:2/?x=1", false},
        {"x://h/?x=1", "y://h/?x=1", false},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        godwit_url_t *a = NULL, *b = NULL;
        MUST (godwit_url_parse (&a, pairs[i].a, &error));
        MUST (godwit_url_parse (&b, pairs[i].b, &error));
        cr_assert_eq (godwit_url_equal (a, b), pairs[i].equal, "%s %s", pairs[i].a, pairs[i].b);
        godwit_url_destroy (&a);
        godwit_url_destroy (&b);
    }
}

Test (contract, section08_unknown_driver)
{
    static const char *const urls[] = {"carrier-pigeon://h/", "rabbit+x://h/", "zmqx:", "fake:"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        godwit_transport_t *transport = NULL;
        FAILS (GODWIT_ERR_DRIVER_LOAD, GODWIT_OUTCOME_NONE, "DriverLoadFailure",
               godwit_transport_new (&transport, urls[i], NULL, &error));
        cr_assert_null (transport);
    }
    godwit_transport_t *transport = NULL;
    FAILS (GODWIT_ERR_DRIVER_LOAD, GODWIT_OUTCOME_NONE, "Failed to load transport driver \"rabbit+x\"",
           godwit_transport_new (&transport, "rabbit+x://h/", NULL, &error));
}

/* ---- sentences about transports ---- */

static void
add_option (const core_t *core, const char *option, char url[512])
{
    snprintf (url, 512, "%s%c%s", core->url, strchr (core->url, '?') ? '&' : '?', option);
}

static void
the_part_behind_the_plus_chooses_nothing (core_t *core)
{
    char url[512];
    const char *const colon = strchr (core->url, ':');
    snprintf (url, sizeof url, "%.*s+sub%s", (int) (colon - core->url), core->url, colon);
    godwit_transport_t *transport = NULL;
    MUST (godwit_transport_new (&transport, url, NULL, &error));
    godwit_transport_destroy (&transport);
}

static void
count_warning (void *user, godwit_log_level_t level, const char *text)
{
    if (level == GODWIT_LOG_WARNING && strstr (text, "Hosts with a username and a password: 127.0.0.1; hosts "
                                                     "without both: localhost."))
        tally_add (user);
    cr_assert_null (strstr (text, "secret"));
}

static void
mixed_credentials_warn (core_t *core)
{
    static const struct {
        const char *hosts;
        uint64_t warnings;
    } cases[] = {{"u:secret@127.0.0.1:9,localhost:9", 1},
                 {"u:secret@127.0.0.1:9,v:secret@localhost:9", 0},
                 {"127.0.0.1:9,localhost:9", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char url[128];
        tally_t warnings;
        godwit_transport_t *transport = NULL;
        tally_open (&warnings);
        snprintf (url, sizeof url, "%s://%s/%s", core->kind->driver, cases[i].hosts,
                  strcmp (core->kind->driver, "inproc") != 0 ? "?insecure=true" : "");
        MUST (godwit_transport_new (
            &transport, url, GODWIT_TRANSPORT_OPTIONS (.log = count_warning, .log_user = &warnings), &error));
        godwit_transport_destroy (&transport);
        cr_assert_eq (tally_get (&warnings), cases[i].warnings, "%s", cases[i].hosts);
        /* Who does not want warnings gets none. */
        MUST (godwit_transport_new (&transport, url,
                                    GODWIT_TRANSPORT_OPTIONS (.log = count_warning, .log_user = &warnings,
                                                              .log_level = GODWIT_LOG_ERROR),
                                    &error));
        godwit_transport_destroy (&transport);
        cr_assert_eq (tally_get (&warnings), cases[i].warnings);
        tally_close (&warnings);
    }
}

/* A call that names no timeout, and that nobody answers, ends when the transport's default says. */
static void
ends_soon (const core_t *core, const char *option, const godwit_transport_options_t *options,
           const char *config_text)
{
    char url[512];
    godwit_config_t *config = NULL;
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    add_option (core, option, url);
    MUST (godwit_config_parse (&config, config_text, "conf", &error));
    MUST (godwit_transport_new_from_config (&transport, config, url, options, &error));
    godwit_config_destroy (&config);
    MUST (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "nobody"), NULL, &error));
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NOT_SENT, "",
           godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
}

static void
query_overrides_configuration (core_t *core)
{
    ends_soon (core, "rpc_response_timeout_ms=20", NULL, "[DEFAULT]\nrpc_response_timeout = 100000");
    ends_soon (core, "rpc_response_timeout=0.02", NULL, "[godwit]\nrpc_response_timeout_ms = 100000000");
    ends_soon (core, "rpc_response_timeout=0.02",
               GODWIT_TRANSPORT_OPTIONS (.rpc_response_timeout_ms = 100000000), "");
    /* The exchange of a target that names none. */
    char url[512];
    godwit_config_t *config = NULL;
    godwit_transport_t *transport = NULL;
    service_t service;
    add_option (core, "control_exchange=of-the-query", url);
    MUST (godwit_config_parse (&config, "[DEFAULT]\ncontrol_exchange = of-the-file", "conf", &error));
    MUST (godwit_transport_new_from_config (
        &transport, config, url, GODWIT_TRANSPORT_OPTIONS (.control_exchange = "of-the-struct"), &error));
    service_start (&service, transport, "two", NULL);
    godwit_client_t *client = NULL;
    MUST (
        godwit_client_prepare (&client, core->client, GODWIT_OVERRIDES (.exchange = "of-the-query"), &error));
    MUST (godwit_client_wait_servers (client, 1, WAIT_LIMIT_MS, &error));
    cr_assert_eq (call_who (client), 'o');
    godwit_client_destroy (&client);
    service_end (&service);
    godwit_transport_destroy (&transport);
    godwit_config_destroy (&config);
}

static void
query_options_are_checked (core_t *core)
{
    static const struct {
        const char *option, *says;
    } rows[] = {
        {"heartbeat_ms=soon",
         "Option heartbeat_ms (URL): expected a number of milliseconds from 1 to 86400000, got \"soon\""},
        {"heartbeat_ms=0", "Option heartbeat_ms (URL): expected a number of milliseconds from 1 to 86400000"},
        {"rpc_ping_enabled=2", "Option rpc_ping_enabled (URL): expected true or false, got \"2\""},
        {"rpc_response_timeout=a", "Option rpc_response_timeout (URL): expected a number of seconds"},
        {"log_level=loud", "Option log_level (URL): expected debug, info, warning or error, got \"loud\""},
        {"no_such_option=1", "Option no_such_option (URL): there is no such option"},
        {"heartbeat=1", "Option heartbeat (URL): there is no such option; did you mean heartbeat_ms?"},
        {"transport_url=x", "Option transport_url (URL): there is no such option here, but in [DEFAULT]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char url[512];
        godwit_transport_t *transport = NULL;
        add_option (core, rows[i].option, url);
        FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, rows[i].says,
               godwit_transport_new (&transport, url, NULL, &error));
        cr_assert_null (transport);
    }
}

static godwit_client_t *
impatient (godwit_client_t *client)
{
    godwit_client_t *other = NULL;
    MUST (godwit_client_prepare (&other, client, GODWIT_OVERRIDES (.timeout_ms = 400), &error));
    return other;
}

/* Two worlds that differ in their virtual host alone: same driver, same hosts, same exchange, topic and
 * server names. */
static void
nothing_crosses (core_t *core)
{
    enum { EACH = 8 };
    core_t other;
    godwit_transport_stats_t stats;
    core_open_empty (&other, core->kind);
    cr_assert_str_neq (core->url, other.url);

    /* Calls, casts and fanouts find nobody while there is no server on their side. */
    godwit_client_t *hasty = impatient (other.client), *sure = NULL;
    MUST (godwit_client_prepare (&sure, other.client, GODWIT_OVERRIDES (.mandatory = GODWIT_YES), &error));
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NOT_SENT, "",
           godwit_client_call (hasty, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
    FAILS (GODWIT_ERR_DELIVERY_FAILURE, GODWIT_OUTCOME_NOT_SENT, "",
           godwit_client_cast (hasty, NULL, "count", GODWIT_NO_ARGS, &error));
    godwit_fanout_report_t report = {sizeof report, 9, 9, 9};
    MUST (godwit_client_fanout (hasty, NULL, "count", GODWIT_NO_ARGS, &report, &error));
    cr_assert (report.reached == 0 && report.missing == 0);
    FAILS (GODWIT_ERR_UNDELIVERABLE, GODWIT_OUTCOME_NOT_SENT, "",
           godwit_client_call (sure, NULL, "count", GODWIT_NO_ARGS, NULL, &error));

    /* Servers of one name on both sides get their own side's, all of it. */
    service_start (&other.one, other.serving, "one", NULL);
    MUST (godwit_client_wait_servers (other.client, 1, WAIT_LIMIT_MS, &error));
    for (int i = 0; i < EACH; i++) {
        MUST (godwit_client_call (other.client, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
        MUST (godwit_client_cast (other.client, NULL, "count", GODWIT_NO_ARGS, &error));
        MUST (godwit_client_fanout (other.client, NULL, "count", GODWIT_NO_ARGS, &report, &error));
        cr_assert (report.reached == 1 && report.missing == 0);
    }
    service_wait (&other.one, &other.one.counted, 3 * EACH);
    cr_assert_eq (service_get (&core->one, &core->one.runs), 0u);
    MUST (godwit_client_fanout (core->client, NULL, "count", GODWIT_NO_ARGS, &report, &error));
    cr_assert (report.reached == 1 && report.missing == 0);
    service_wait (&core->one, &core->one.counted, 1);
    MUST (godwit_client_call (core->client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_eq (service_get (&core->one, &core->one.runs), 2u);
    cr_assert_eq (service_get (&other.one, &other.one.runs), 3u * EACH);

    /* Nor do the names of servers. */
    godwit_transport_stats (core->calling, &stats, sizeof stats);
    cr_assert_eq (stats.servers_known, 1u);
    godwit_transport_stats (other.calling, &stats, sizeof stats);
    cr_assert_eq (stats.servers_known, 1u);
    godwit_client_destroy (&hasty);
    godwit_client_destroy (&sure);
    core_close (&other);
}

/* A list that names a server of another virtual host: it answers, and says no. */
static void
not_even_by_address (core_t *core)
{
    godwit_value_t *servers = NULL;
    char list[300] = "", url[512];
    if (strcmp (core->kind->driver, "zmq") != 0)
        return; /* lists are of networks */
    MUST (godwit_client_servers (core->client, &servers, &error));
    const godwit_value_t *const addresses = godwit_value_get (godwit_value_at (servers, 0), "addresses");
    for (size_t i = 0; i < godwit_value_count (addresses); i++) {
        const char *const address = godwit_value_as_str (godwit_value_at (addresses, i), "");
        if (!strncmp (address, "tcp:", 4))
            snprintf (list, sizeof list, "static=work/one@%s", address);
    }
    cr_assert_neq (list[0], '\0');
    godwit_value_unref (&servers);
    godwit_transport_t *transport = NULL;
    snprintf (url, sizeof url, "zmq:///another?insecure=true&%s", list);
    MUST (godwit_transport_new (&transport, url, NULL, &error));
    godwit_client_t *client = core_client (transport, GODWIT_CLIENT_OPTIONS (.timeout_ms = 300));
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NOT_SENT, "",
           godwit_client_call (client, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_eq (service_get (&core->one, &core->one.runs), 0u);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    /* The same list within the virtual host works, so it was not the address. */
    add_option (core, list, url);
    MUST (godwit_transport_new (&transport, url, NULL, &error));
    client = core_client (transport, NULL);
    MUST (godwit_client_call (client, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_eq (service_get (&core->one, &core->one.runs), 1u);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
}

static const contract_row_t rows[] = {
    {"8: driver[+sub]://", the_part_behind_the_plus_chooses_nothing},
    {"8: Query options override configuration ...", query_overrides_configuration},
    {"8: ... with type checks, and an unknown option is an error at construction.",
     query_options_are_checked},
    {"8: A virtual host isolates: nothing crosses from one to another.", nothing_crosses},
    {"8: A virtual host isolates: nothing crosses from one to another.", not_even_by_address},
};
CONTRACT (section08, rows)

static const contract_row_t rows_of_each_driver[] = {
    {"8: mixed credentials warn.", mixed_credentials_warn},
};
CONTRACT_OF_EACH_DRIVER (section08_of_each_driver, rows_of_each_driver)
