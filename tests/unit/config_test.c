/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration files: what oslo.config would read, what is refused, and where errors say it is. */
#include "src/config/config.h"

#include <criterion/criterion.h>
#include <godwit/godwit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static godwit_config_t *
parse (const char *text)
{
    godwit_config_t *config = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_config_parse (&config, text, "conf", &error), GODWIT_OK, "%s: %s", text,
                  error ? godwit_error_print (error) : "");
    return config;
}

/* All entries: "DEFAULT.a@1=<x> own.b@2=<y>", newlines as '|'. */
static const char *
describe (const godwit_config_t *config)
{
    static char text[4096];
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < godwit__config_entry_count (config); i++) {
        const godwit__config_entry_t *const entry = godwit__config_entry (config, i);
        used += (size_t) snprintf (text + used, sizeof text - used, "%s%s.%s@%s=<%s>", i ? " " : "",
                                   entry->group, entry->name, strrchr (entry->where, ':') + 1, entry->value);
        cr_assert (used < sizeof text);
    }
    for (char *at = text; *at; at++)
        if (*at == '\n')
            *at = '|';
    return text;
}

Test (config, reads_what_oslo_config_reads)
{
    static const struct {
        const char *text, *read;
    } rows[] = {
        {"", ""},
        {"\n\n", ""},
        {"# foobar", ""},
        {"[own]", ""},
        {"[own]\na = b", "own.a@2=<b>"},
        {"[own]\na: b", "own.a@2=<b>"},
        {"[own]\na=b\n", "own.a@2=<b>"},
        {"[own]\na:b=c", "own.a@2=<b=c>"},
        {"[own]\na=b:c", "own.a@2=<b:c>"},
        {"[own]\n  \t\na = b  \t\r\n", "own.a@3=<b>"},
        {"[own]\na =", "own.a@2=<>"},
        {"[own]\na b\t c = d e\tf", "own.a b\t c@2=<d e\tf>"},
        {"[own]\na = ' b '", "own.a@2=< b >"},
        {"[own]\na = \" b \"", "own.a@2=< b >"},
        {"[own]\na = \" b '", "own.a@2=<\" b '>"},
        {"[own]\na = \"\"", "own.a@2=<>"},
        {"[own]\na = \"b\" c", "own.a@2=<\"b\" c>"},
        /* comments are lines; what looks like one in a value is none */
        {"; x\n[own]\n# y\na = b ; c # d", "own.a@4=<b ; c # d>"},
        {"[own]\na = ;b", "own.a@2=<;b>"},
        {"[own]\na = #b", "own.a@2=<#b>"},
        {"[own]\na;b#c = d", "own.a;b#c@2=<d>"},
        {"[own]\na ;b = c", "own.a ;b@2=<c>"},
        /* continuation lines */
        {"[own]\na = b\n c\n\td\ne = f", "own.a@2=<b|c|d> own.e@5=<f>"},
        {"[own]\na = b\n  # c\n  ; d\n  [e]\n  f = g", "own.a@2=<b|# c|; d|[e]|f = g>"},
        {"[own]\na =\n b", "own.a@2=<|b>"},
        {"[own]\na = 'b'\n 'c'", "own.a@2=<b|'c'>"},
        {"[own]\na = b\n c  \n\n[more]\nd = e", "own.a@2=<b|c> more.d@6=<e>"},
        /* said again */
        {"[own]\na = b\na = c", "own.a@2=<b> own.a@3=<c>"},
        {"[own]\na = b\n[x]\n[own]\na = c", "own.a@2=<b> own.a@5=<c>"},
        {"\xef\xbb\xbf[own]\na = b", "own.a@2=<b>"},
        {"[o;w #n]\na = b", "o;w #n.a@2=<b>"},
        {"[a=b]\nc = d", "a=b.c@2=<d>"},
        {"[own]\n\xc3\xa9 = \xc3\xa0", "own.\xc3\xa9@2=<\xc3\xa0>"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit_config_t *config = parse (rows[i].text);
        cr_assert_str_eq (describe (config), rows[i].read, "%s\n%s\n%s", rows[i].text, describe (config),
                          rows[i].read);
        godwit_config_destroy (&config);
        cr_assert_null (config);
    }
}

Test (config, says_which_line_is_malformed)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"a = b", "conf:1: expected a group, such as [DEFAULT], before the first option"},
        {"[own]\nfoo - bar", "conf:2: expected \"name = value\" or \"name: value\""},
        {"[own]\nfoo\na = b", "conf:2: expected \"name = value\""},
        {"[own]\n: bar", "conf:2: expected a name before the '=' or ':'"},
        {"[own]\n = bar", "conf:2: expected no space before the line"},
        {"   baz", "conf:1: expected no space before the line"},
        {"[own]\na = b\n\n  c", "conf:4: expected no space before the line"},
        {"[own]\na = b\n# x\n  c", "conf:4: expected no space before the line"},
        {"[own]\n  a = b", "conf:2: expected no space before the line"},
        {"[own", "conf:1: expected ']' at the end of the line"},
        {"[own] # x", "conf:1: expected ']' at the end"},
        {"[", "conf:1: expected ']'"},
        {"[]", "conf:1: expected the name of a group"},
        {"[ own]", "conf:1: expected no space around"},
        {"[own ]", "conf:1: expected no space around"},
        {"[a]b]", "conf:1: expected one ']'"},
        {"[own]\na = \x01", "conf:2: expected no control character"},
        {"[own]\r\n\na = b\rc", "conf:3: expected no control character"},
        {"[0123456789012345678901234567890123456789012345678x]",
         "conf:1: expected a group's name of at most 49"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit_config_t *config = NULL;
        godwit_error_t *error = NULL;
        cr_assert_eq (godwit_config_parse (&config, rows[i].text, "conf", &error), GODWIT_ERR_MALFORMED, "%s",
                      rows[i].text);
        cr_assert (!strncmp (godwit_error_message (error), rows[i].says, strlen (rows[i].says)), "%s: %s",
                   rows[i].text, godwit_error_message (error));
        cr_assert_null (config);
        godwit_error_destroy (&error);
        cr_assert_eq (godwit_config_parse (&config, rows[i].text, "conf", NULL), GODWIT_ERR_MALFORMED);
    }
}

/* inih takes some 200 bytes of a line: nothing of longer ones may get lost, wherever they are cut. */
Test (config, long_lines_are_whole)
{
    static const char *const units[] = {"x", "x ", " ", ";", " ;", "#", "a=", "\t", "[", "\xc3\xa9", " # "};
    char text[3000], value[1200], expected[1300];
    for (size_t unit = 0; unit < sizeof units / sizeof units[0]; unit++)
        for (size_t size = 100; size < 700; size += 7)
            for (int more = 0; more < 2; more++) {
                value[0] = '\0';
                for (size_t used = 0; used < size; used += strlen (units[unit]))
                    strcat (value, units[unit]);
                snprintf (text, sizeof text, "[own]\nname = <%s>%s%s%s\nnext = 1", value, more ? "\n  {" : "",
                          more ? value : "", more ? "}" : "");
                snprintf (expected, sizeof expected, more ? "<%s>\n{" : "<%s>", value);
                godwit_config_t *config = parse (text);
                const char *const got = godwit_config_get (config, "own", "name");
                cr_assert_eq (strncmp (got, expected, strlen (expected)), 0, "%s\n%s", got, expected);
                if (more)
                    cr_assert (!strncmp (got + strlen (expected), value, strlen (value)) &&
                               !strcmp (got + strlen (expected) + strlen (value), "}"));
                else
                    cr_assert_str_eq (got, expected);
                cr_assert_str_eq (godwit_config_get (config, "own", "next"), "1");
                cr_assert_str_eq (godwit_config_where (config, "own", "next"), more ? "conf:4" : "conf:3");
                godwit_config_destroy (&config);
            }
    /* The longest line, and quotes around it; one byte more is refused. */
    enum { MOST = 65536 };
    char *const longest = malloc (MOST + 16);
    strcpy (longest, "[own]\na='");
    memset (longest + 9, 'v', MOST - 4);
    strcpy (longest + 9 + MOST - 4, "'\n");
    godwit_config_t *config = parse (longest);
    cr_assert_eq (strlen (godwit_config_get (config, "own", "a")), MOST - 4);
    godwit_config_destroy (&config);
    strcpy (longest + 9 + MOST - 4, "v'\n");
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_config_parse (&config, longest, "conf", &error), GODWIT_ERR_MALFORMED);
    cr_assert_str_eq (godwit_error_message (error), "conf:2: expected a line of at most 65536 bytes");
    godwit_error_destroy (&error);
    /* A long name. */
    memset (longest + 6, 'n', 159);
    strcpy (longest + 6 + 159, "=v");
    config = parse (longest);
    cr_assert_eq (strlen (godwit__config_entry (config, 0)->name), 159);
    godwit_config_destroy (&config);
    strcpy (longest + 6 + 159, "n=v");
    cr_assert_eq (godwit_config_parse (&config, longest, "conf", &error), GODWIT_ERR_MALFORMED);
    cr_assert_str_eq (godwit_error_message (error),
                      "conf:2: expected an option's name of less than 160 bytes, with the space behind it");
    godwit_error_destroy (&error);
    free (longest);
}

Test (config, size_and_number_are_limited)
{
    enum { MOST = GODWIT__CONFIG_MAX_SIZE };
    char *const text = malloc (MOST + 2);
    memset (text, '\n', MOST);
    strcpy (text + MOST - 8, "[own]\n#");
    text[MOST - 1] = '#';
    text[MOST] = '\0';
    godwit_config_t *config = parse (text);
    godwit_config_destroy (&config);
    strcpy (text + MOST, "#");
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_config_parse (&config, text, "conf", &error), GODWIT_ERR_LIMIT_EXCEEDED);
    cr_assert_str_eq (godwit_error_message (error), "conf: expected at most 1048576 bytes");
    godwit_error_destroy (&error);

    strcpy (text, "[own]\n");
    for (size_t i = 0; i < 16384; i++)
        strcpy (text + 6 + 3 * i, "a=\n");
    config = parse (text);
    cr_assert_eq (godwit__config_entry_count (config), 16384);
    godwit_config_destroy (&config);
    strcpy (text + 6 + 3 * 16384, "a=\n");
    cr_assert_eq (godwit_config_parse (&config, text, "conf", &error), GODWIT_ERR_LIMIT_EXCEEDED);
    cr_assert_str_eq (godwit_error_message (error), "conf:16386: more than 16384 options");
    godwit_error_destroy (&error);
    free (text);
}

Test (config, options_are_looked_up)
{
    godwit_config_t *config =
        parse ("[DEFAULT]\nhost = here\n[Own]\na = 1\na = 2\nb = 3\n[own]\na = 4\n"
               "[OSLO_messaging_notifications]\ndriver = log\ndriver = noop\nretry = 3\n"
               "[default_of_others]\nx = y\n");
    cr_assert_str_eq (godwit_config_get (config, "own", "a"), "4");
    cr_assert_str_eq (godwit_config_get (config, "OWN", "b"), "3");
    cr_assert_str_eq (godwit_config_where (config, "own", "a"), "conf:8");
    cr_assert_str_eq (godwit_config_get (config, "DEFAULT", "host"), "here");
    cr_assert_null (godwit_config_get (config, "default", "host"));
    cr_assert_null (godwit_config_get (config, "own", "A"));
    cr_assert_null (godwit_config_get (config, "nobody", "a"));
    cr_assert_null (godwit_config_where (config, "own", "c"));
    cr_assert_null (godwit_config_get (NULL, "own", "a"));
    cr_assert_null (godwit_config_get (config, NULL, "a"));
    cr_assert_null (godwit_config_get (config, "own", NULL));
    cr_assert_str_eq (godwit__config_value (config, "oslo_messaging_notifications", "driver", 0), "log");
    cr_assert_str_eq (godwit__config_value (config, "oslo_messaging_notifications", "driver", 1), "noop");
    cr_assert_null (godwit__config_value (config, "oslo_messaging_notifications", "driver", 2));
    cr_assert_eq (godwit__config_number (config, "oslo_messaging_notifications", "retry"), 3);
    cr_assert_eq (godwit__config_number (config, "DEFAULT", "rpc_workers"), 1);
    cr_assert_eq (godwit__config_number (NULL, "oslo_messaging_notifications", "retry"), -1);
    cr_assert_eq (godwit__config_number (NULL, "DEFAULT", "rpc_response_timeout"), 60000);
    godwit_config_destroy (&config);
    godwit_config_destroy (&config);
    godwit_config_destroy (NULL);
}

Test (config, files_are_read)
{
    char path[] = "/tmp/godwit-config-XXXXXX";
    const int file = mkstemp (path);
    static const char text[] = "[DEFAULT]\nrpc_response_timeout = 2.5\n";
    cr_assert (file >= 0 && write (file, text, sizeof text - 1) == sizeof text - 1);
    godwit_config_t *config = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_config_load (&config, path, &error), GODWIT_OK);
    char where[64];
    snprintf (where, sizeof where, "%s:2", path);
    cr_assert_str_eq (godwit_config_where (config, "DEFAULT", "rpc_response_timeout"), where);
    cr_assert_eq (godwit__config_number (config, "DEFAULT", "rpc_response_timeout"), 2500);
    godwit_config_destroy (&config);

    cr_assert_eq (write (file, "", 1), 1); /* a NUL */
    cr_assert_eq (godwit_config_load (&config, path, &error), GODWIT_ERR_MALFORMED);
    cr_assert (strstr (godwit_error_message (error), path) && strstr (godwit_error_message (error), "NUL"));
    godwit_error_destroy (&error);
    cr_assert_eq (ftruncate (file, GODWIT__CONFIG_MAX_SIZE + 1), 0);
    cr_assert_eq (godwit_config_load (&config, path, &error), GODWIT_ERR_LIMIT_EXCEEDED);
    cr_assert (strstr (godwit_error_message (error), "at most 1048576 bytes"));
    godwit_error_destroy (&error);
    close (file);
    unlink (path);

    cr_assert_eq (godwit_config_load (&config, path, &error), GODWIT_ERR_SYSTEM);
    cr_assert (strstr (godwit_error_message (error), path) &&
               strstr (godwit_error_message (error), "No such file"));
    godwit_error_destroy (&error);
    cr_assert_eq (godwit_config_load (&config, "/", &error), GODWIT_ERR_SYSTEM);
    godwit_error_destroy (&error);
    cr_assert_null (config);
    cr_assert_eq (godwit_config_load (&config, NULL, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (godwit_config_load (NULL, path, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (godwit_config_parse (&config, NULL, "conf", NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (godwit_config_parse (&config, "", NULL, NULL), GODWIT_ERR_INVALID_ARGUMENT);
}

Test (config, what_is_unknown_or_ill_typed_is_refused_with_its_line)
{
    static const struct {
        const char *text;
        godwit_status_t status;
        const char *says;
    } rows[] = {
        {"[DEFAULT]\n\nrpc_response_timout = 1", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [DEFAULT] rpc_response_timout (conf:3): there is no such option; did you mean "
         "rpc_response_timeout?"},
        {"[DEFAULT]\nbind_address = x", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [DEFAULT] bind_address (conf:2): there is no such option"},
        {"[DEFAULT]\nheartbeat_ms = 1", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [DEFAULT] heartbeat_ms (conf:2): there is no such option here, but in the struct, the URL, "
         "[godwit]"},
        {"[DEFAULT]\nnotification_driver = noop", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [DEFAULT] notification_driver (conf:2): there is no such option; did you mean "
         "[oslo_messaging_notifications] driver?"},
        {"[DEFAULT]\nrpc_thread_pool_size = 1", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [DEFAULT] rpc_thread_pool_size (conf:2): there is no such option; did you mean "
         "executor_thread_pool_size?"},
        {"[godwit]\nhearbeat_ms = 1", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [godwit] hearbeat_ms (conf:2): there is no such option; did you mean heartbeat_ms?"},
        {"[GODWIT]\nlog = 1", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [GODWIT] log (conf:2): there is no such option here, but in the struct"},
        {"[oslo_messaging_notifications]\ntopic = x", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [oslo_messaging_notifications] topic (conf:2): there is no such option; did you mean "
         "topics?"},
        {"[default]\nhost = x", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [default] host (conf:2): there is no such group; did you mean [DEFAULT]?"},
        /* one letter too many, one missing, one wrong, two that changed places */
        {"[own]\na = b\n[godwitt]\nhost = x", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [godwitt] host (conf:4): there is no such group; did you mean [godwit]?"},
        {"[gdwit]\nhost = x", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [gdwit] host (conf:2): there is no such group; did you mean [godwit]?"},
        {"[Godwin]\nhost = x", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [Godwin] host (conf:2): there is no such group; did you mean [godwit]?"},
        {"[gowdit]\nhost = x", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [gowdit] host (conf:2): there is no such group; did you mean [godwit]?"},
        {"[godwi]\nhost = x", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [godwi] host (conf:2): there is no such group; did you mean [godwit]?"},
        {"[DEFAULTS]\nhost = x", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [DEFAULTS] host (conf:2): there is no such group; did you mean [DEFAULT]?"},
        {"[oslo_messaging_notification]\ndriver = log", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [oslo_messaging_notification] driver (conf:2): there is no such group; did you mean "
         "[oslo_messaging_notifications]?"},
        {"[DEFAULT]\nrpc_response_timeout = x", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [DEFAULT] rpc_response_timeout (conf:2): expected a number of seconds from 0.001 to "
         "31536000, got \"x\""},
        {"[DEFAULT]\nrpc_ping_enabled =\n maybe", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [DEFAULT] rpc_ping_enabled (conf:2): expected true or false, got \"\nmaybe\""},
        {"[DEFAULT]\nrpc_workers = -1", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [DEFAULT] rpc_workers (conf:2): expected a number from 0 to 4096, got \"-1\""},
        {"[DEFAULT]\ntransport_url = zmq://u:secret/@h", GODWIT_ERR_INVALID_URL,
         "Option [DEFAULT] transport_url (conf:2): the port is not a number, at byte 8; expected digits"},
        {"[oslo_messaging_notifications]\ntransport_url = nothing", GODWIT_ERR_INVALID_URL,
         "Option [oslo_messaging_notifications] transport_url (conf:2): No scheme"},
        {"[oslo_messaging_notifications]\ndriver = mail", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [oslo_messaging_notifications] driver (conf:2): expected messaging, messagingv2, routing, "
         "log, test or noop, got \"mail\""},
        {"[oslo_messaging_notifications]\ntopics = a,,b", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [oslo_messaging_notifications] topics (conf:2): expected a list of names, joined with ',', "
         "got \"a,,b\""},
        {"[oslo_messaging_notifications]\nretry = -2", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [oslo_messaging_notifications] retry (conf:2): expected a number of times from -1 to "
         "1000000, "
         "got \"-2\""},
        {"[DEFAULT]\ncontrol_exchange =", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [DEFAULT] control_exchange (conf:2): expected a text of 1 to 255 bytes, got \"\""},
        {"[DEFAULT]\nrpc_response_timeout = 1\n[godwit]\nrpc_response_timeout_ms = 2",
         GODWIT_ERR_INVALID_ARGUMENT,
         "Option [godwit] rpc_response_timeout_ms (conf:4): expected it or [DEFAULT] rpc_response_timeout "
         "(conf:2), not both"},
        {"[DEFAULT]\ncontrol_exchange = a\n[godwit]\ncontrol_exchange = a", GODWIT_ERR_INVALID_ARGUMENT,
         "Option [godwit] control_exchange (conf:4): expected it or [DEFAULT] control_exchange (conf:2), not "
         "both"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit_config_t *config = NULL;
        godwit_error_t *error = NULL;
        cr_assert_eq (godwit_config_parse (&config, rows[i].text, "conf", &error), rows[i].status, "%s",
                      rows[i].text);
        cr_assert (!strncmp (godwit_error_message (error), rows[i].says, strlen (rows[i].says)), "%s\n%s",
                   godwit_error_message (error), rows[i].says);
        cr_assert_null (strstr (godwit_error_message (error), "secret"));
        cr_assert_null (config);
        godwit_error_destroy (&error);
    }
}

/* Two letters away is another word. So are the groups of oslo.messaging's own drivers. */
Test (config, other_groups_belong_to_the_program)
{
    static const char *const groups[] = {"godwittt",
                                         "odwti",
                                         "god",
                                         "defaults2",
                                         "database",
                                         "oslo_messaging_rabbit",
                                         "oslo_messaging_",
                                         "oslo_messaging_notificatoin"};
    char text[128];
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        snprintf (text, sizeof text, "[%s]\nhost = x", groups[i]);
        godwit_config_t *config = parse (text);
        cr_assert_str_eq (godwit_config_get (config, groups[i], "host"), "x");
        godwit_config_destroy (&config);
    }
}

Test (config, notification_options_are_kept)
{
    godwit_config_t *config = parse ("[oslo_messaging_notifications]\ndriver = messagingv2\ndriver = log\n"
                                     "transport_url = inproc://notes/\ntopics = a, b,\n  c\nretry = 0\n"
                                     "routing_config = /etc/routes.yaml\n");
    static const char group[] = "oslo_messaging_notifications";
    cr_assert_str_eq (godwit_config_get (config, group, "driver"), "log");
    cr_assert_str_eq (godwit_config_get (config, group, "transport_url"), "inproc://notes/");
    cr_assert_str_eq (godwit_config_get (config, group, "topics"), "a, b,\nc");
    cr_assert_str_eq (godwit_config_get (config, group, "retry"), "0");
    cr_assert_str_eq (godwit_config_get (config, group, "routing_config"), "/etc/routes.yaml");
    godwit_config_destroy (&config);
}
