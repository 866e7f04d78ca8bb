/* SPDX-License-Identifier: Apache-2.0 */
/* The component godwit-routing, and the driver `routing` of notifiers (contract 10). */
#include "components/routing/yaml.h"
#include "tests/support/must.h"

#include <godwit/godwit.h>
#include <godwit/routing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- reading ---- */

static void
expect_malformed (const char *text, const char *says)
{
    godwit__routing_rules_t rules = {.drivers = NULL};
    godwit_error_t *error = NULL;
    cr_expect_eq (godwit__routing_parse (&rules, text, strlen (text), "r.yaml", &error), GODWIT_ERR_MALFORMED,
                  "%s", text);
    cr_expect_str_eq (godwit_error_message (error), says);
    cr_expect_null (rules.drivers);
    godwit_error_destroy (&error);
    cr_expect_eq (godwit__routing_parse (&rules, text, strlen (text), "r.yaml", NULL), GODWIT_ERR_MALFORMED);
}

Test (routing, errors_name_the_line_and_what_was_expected)
{
    expect_malformed ("", "r.yaml:1: expected a map of groups, got nothing");
    expect_malformed ("\n\n- a\n", "r.yaml:3: expected a map of groups, got a list");
    expect_malformed ("g:\n  - log\n", "r.yaml:2: expected a map of drivers, got a list");
    expect_malformed ("g: log\n", "r.yaml:1: expected a map of drivers, got a text");
    expect_malformed ("g:\n  log: all\n", "r.yaml:2: expected a rule, which is a map, got a text");
    expect_malformed ("g:\n  log:\n    accepted_event: [x]\n",
                      "r.yaml:3: expected accepted_events or accepted_priorities, got \"accepted_event\"");
    expect_malformed ("g:\n  log:\n    accepted_events: x\n",
                      "r.yaml:3: expected a list of patterns, got a text");
    expect_malformed ("g:\n  log:\n    accepted_events:\n      - x\n      - {}\n",
                      "r.yaml:5: expected a pattern of 1 to 255 bytes, got a map");
    expect_malformed ("g:\n  log:\n    accepted_events: [\"\"]\n",
                      "r.yaml:3: expected a pattern of 1 to 255 bytes, got \"\"");
    expect_malformed ("g:\n  log:\n    accepted_priorities: [loud]\n",
                      "r.yaml:3: expected audit, debug, info, warn, error, critical or sample, got \"loud\"");
    expect_malformed ("g:\n  log: {}\nh: {}\ng: {}\n", "r.yaml:4: expected each name once, got \"g\"");
    expect_malformed ("g:\n  log: {}\n  log: {}\n", "r.yaml:3: expected each name once, got \"log\"");
    expect_malformed ("g: &x\n  log: {}\nh: *x\n", "r.yaml:3: expected a map of drivers, got an alias");
    expect_malformed ("g: {log: }\n---\nh: {log: }\n", "r.yaml:2: expected one document, got \"---\"");
    expect_malformed ("g:\n  log:\n    accepted_events: [~]\n",
                      "r.yaml:3: expected a pattern of 1 to 255 bytes, got nothing");
    expect_malformed ("g:\n  log:\n    accepted_events:\n      - x\n      - null\n",
                      "r.yaml:5: expected a pattern of 1 to 255 bytes, got nothing");
    expect_malformed ("g:\n  log:\n    accepted_priorities: [NULL]\n",
                      "r.yaml:3: expected audit, debug, info, warn, error, critical or sample, got nothing");
    expect_malformed ("g:\n  ~: {}\n", "r.yaml:2: expected a name of 1 to 255 bytes, got nothing");
    expect_malformed ("g: {? [a] : b}\n", "r.yaml:1: expected a name of 1 to 255 bytes, got a list");
}

/* The likeliest mistake: to YAML a * is the beginning of an alias. */
Test (routing, a_pattern_that_begins_with_a_star_stands_in_quotes)
{
    expect_malformed ("g:\n  log:\n    accepted_events: [*.error]\n",
                      "r.yaml:3: expected YAML: did not find expected alphabetic or numeric character, while "
                      "scanning an alias: put a pattern that begins with * in quotes");
    expect_malformed ("g:\n  log:\n    accepted_events: [*]\n",
                      "r.yaml:3: expected YAML: did not find expected alphabetic or numeric character, while "
                      "scanning an alias: put a pattern that begins with * in quotes");
    expect_malformed ("g:\n  log:\n    accepted_events: [*error]\n",
                      "r.yaml:3: expected a pattern, in quotes if it begins with *, got an alias");
}

Test (routing, what_is_no_utf8_is_told_with_its_line)
{
    static char text[8192] = "g:\n  log: {}\n";
    for (int i = 0; i < 1000; i++)
        strcat (text, "# xyz\n");
    strcat (text, "h\xff: {}\n");
    expect_malformed (text, "r.yaml:1003: expected YAML: invalid leading UTF-8 octet");
    expect_malformed ("g\xff: {}\n", "r.yaml:1: expected YAML: invalid leading UTF-8 octet");
    expect_malformed ("g:\n  log: {}\n\x01: {}\n",
                      "r.yaml:3: expected YAML: control characters are not allowed");
}

Test (routing, syntax_errors_name_the_line)
{
    godwit__routing_rules_t rules;
    godwit_error_t *error = NULL;
    static const char text[] = "g:\n  log: {\n  x: ]\n";
    cr_expect_eq (godwit__routing_parse (&rules, text, sizeof text - 1, "r.yaml", &error),
                  GODWIT_ERR_MALFORMED);
    cr_expect_not_null (strstr (godwit_error_message (error), "r.yaml:3: expected YAML: "), "%s",
                        godwit_error_message (error));
    godwit_error_destroy (&error);
}

/* ---- rules ---- */

static bool
accepts (const char *text, const char *event_type, godwit_priority_t priority)
{
    godwit__routing_rules_t rules = {.drivers = NULL};
    MUST (godwit__routing_parse (&rules, text, strlen (text), "r.yaml", &error));
    cr_assert_eq (rules.driver_count, 1u, "%s", text);
    const bool result = godwit__routing_accepts (&rules.drivers[0], event_type, priority);
    godwit__routing_clear (&rules);
    return result;
}

Test (routing, a_rule_accepts_by_event_and_by_priority)
{
    static const char both[] =
        "g: {log: {accepted_events: ['compute.*', 'disk.?ull', 'vm.[ab]', 'net.[!x]'], "
        "accepted_priorities: [warn, ERROR]}}";
    cr_expect (accepts (both, "compute.instance.create", GODWIT_PRIORITY_WARN));
    cr_expect (accepts (both, "compute.", GODWIT_PRIORITY_ERROR));
    cr_expect (accepts (both, "disk.full", GODWIT_PRIORITY_WARN));
    cr_expect (accepts (both, "vm.b", GODWIT_PRIORITY_WARN));
    cr_expect (accepts (both, "net.y", GODWIT_PRIORITY_WARN));
    cr_expect (!accepts (both, "net.x", GODWIT_PRIORITY_WARN));
    cr_expect (!accepts (both, "compute.instance", GODWIT_PRIORITY_INFO), "the priority is another one");
    cr_expect (!accepts (both, "network", GODWIT_PRIORITY_WARN), "the event is another one");
    cr_expect (!accepts (both, "a.compute.b", GODWIT_PRIORITY_WARN), "a pattern is of the whole event");
    static const char events[] = "g: {log: {accepted_events: [a]}}";
    cr_expect (accepts (events, "a", GODWIT_PRIORITY_SAMPLE) &&
               !accepts (events, "b", GODWIT_PRIORITY_SAMPLE));
    static const char priorities[] = "g: {log: {accepted_priorities: [audit, warning]}}";
    cr_expect (accepts (priorities, "x", GODWIT_PRIORITY_AUDIT) &&
               accepts (priorities, "x", GODWIT_PRIORITY_WARN));
    cr_expect (!accepts (priorities, "x", GODWIT_PRIORITY_DEBUG));
}

Test (routing, no_character_is_special_in_an_event)
{
    static const char text[] = "g: {log: {accepted_events: ['*.end', 'a\\*']}}";
    cr_expect (accepts (text, "/a/b.end", GODWIT_PRIORITY_INFO) &&
               accepts (text, ".end", GODWIT_PRIORITY_INFO));
    cr_expect (accepts (text, "a\\b", GODWIT_PRIORITY_INFO), "a backslash is one");
    cr_expect (!accepts (text, "a*", GODWIT_PRIORITY_INFO));
}

Test (routing, an_empty_rule_accepts_all)
{
    static const char *const texts[] = {
        "g: {log: {}}", "g: {log: }",     "g: {log: null}",
        "g: {log: ~}",  "g: {log: NULL}", "g: {log: {accepted_events: [], accepted_priorities: }}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        cr_expect (accepts (texts[i], "any", GODWIT_PRIORITY_AUDIT), "%s", texts[i]);
}

Test (routing, a_name_in_quotes_is_one)
{
    cr_expect (accepts ("g: {log: {accepted_events: ['~', \"null\"]}}", "~", GODWIT_PRIORITY_INFO));
    cr_expect (accepts ("g: {log: {accepted_events: ['*.error']}}", "disk.error", GODWIT_PRIORITY_INFO));
}

Test (routing, groups_are_alternatives)
{
    static const char text[] = "a: {log: {accepted_events: [x], accepted_priorities: [info]}}\n"
                               "b: {log: {accepted_events: [y]}}\nc: {}\nd:\n";
    cr_expect (accepts (text, "x", GODWIT_PRIORITY_INFO));
    cr_expect (accepts (text, "y", GODWIT_PRIORITY_WARN));
    cr_expect (!accepts (text, "x", GODWIT_PRIORITY_WARN), "the parts of two rules are not mixed");
}

/* ---- notifiers ---- */

static char path[64];
static godwit_transport_t *transport;
static unsigned seen;

static godwit_status_t
count_them (void *self, const godwit_notification_t *notification, int64_t retry,
            godwit_driver_report_t *report, godwit_error_t **error)
{
    (void) self;
    (void) notification;
    (void) retry;
    (void) report;
    (void) error;
    seen++;
    return GODWIT_OK;
}

static const godwit_notify_driver_t counting = {
    .struct_size = sizeof counting, .name = "counting", .notify = count_them};
static const godwit_notify_driver_t *const own_drivers[] = {&counting};

#define ROUTED(...)                                                                                          \
    GODWIT_NOTIFIER_OPTIONS (.drivers = (const char *const[]){__VA_ARGS__},                                  \
                             .driver_count = sizeof ((const char *const[]){__VA_ARGS__}) / sizeof (char *),  \
                             .routing_config = path, .own_drivers = own_drivers, .own_driver_count = 1)

static void
write_rules (const char *text)
{
    snprintf (path, sizeof path, "/tmp/godwit-routing-XXXXXX");
    const int fd = mkstemp (path);
    cr_assert_geq (fd, 0);
    cr_assert_eq (write (fd, text, strlen (text)), (ssize_t) strlen (text));
    close (fd);
}

static void
open_world (void)
{
    seen = 0;
    MUST (godwit_transport_new (&transport, "inproc://routing/", NULL, &error));
    MUST (godwit_notify_use_routing (godwit_routing_yaml (), &error));
}

static void
close_world (void)
{
    MUST (godwit_notify_use_routing (NULL, &error));
    unlink (path);
    godwit_transport_destroy (&transport);
}

TestSuite (routed, .init = open_world, .fini = close_world);

static void
expect_drivers (godwit_notifier_t *notifier, const char *event_type, godwit_priority_t priority,
                const char *names)
{
    godwit_notify_report_t report = GODWIT_NOTIFY_REPORT;
    char text[128] = "";
    MUST (godwit_notify (notifier, priority, NULL, event_type, GODWIT_NIL (NULL),
                         GODWIT_NOTIFY_OPTIONS (.report = &report), &error));
    for (size_t i = 0; i < report.driver_count; i++)
        snprintf (text + strlen (text), sizeof text - strlen (text), "%s%s", i ? " " : "",
                  report.drivers[i].driver);
    cr_expect_str_eq (text, names, "%s at %s: %s, not %s", event_type, godwit_priority_name (priority), text,
                      names);
    cr_expect_eq (!*report.message_id, !*names);
}

Test (routed, a_notification_goes_to_the_drivers_whose_rules_accept_it)
{
    godwit_notifier_t *notifier = NULL;
    write_rules ("a:\n  noop: {accepted_events: ['compute.*']}\n  counting: {accepted_priorities: [error]}\n"
                 "b:\n  counting: {accepted_events: [boot]}\n  messaging: {accepted_events: [sent]}\n");
    MUST (godwit_notifier_new (&notifier, transport, ROUTED ("routing"), &error));
    cr_expect (godwit_notifier_is_enabled (notifier));
    expect_drivers (notifier, "compute.start", GODWIT_PRIORITY_INFO, "noop");
    expect_drivers (notifier, "compute.start", GODWIT_PRIORITY_ERROR, "noop counting");
    expect_drivers (notifier, "boot", GODWIT_PRIORITY_ERROR,
                    "counting"); /* once, though two rules accept it */
    expect_drivers (notifier, "boot", GODWIT_PRIORITY_INFO, "counting");
    expect_drivers (notifier, "sent", GODWIT_PRIORITY_INFO, "messaging");
    expect_drivers (notifier, "nobody's", GODWIT_PRIORITY_INFO, "");
    cr_expect_eq (seen, 3u);
    godwit_notifier_destroy (&notifier);
}

Test (routed, drivers_beside_routing_get_all)
{
    godwit_notifier_t *notifier = NULL;
    write_rules ("a:\n  noop: {accepted_events: [x]}\n  test: {accepted_events: [x]}\n");
    MUST (godwit_notifier_new (&notifier, transport, ROUTED ("counting", "routing", "test", "routing"),
                               &error));
    expect_drivers (notifier, "x", GODWIT_PRIORITY_INFO, "counting noop test");
    expect_drivers (notifier, "y", GODWIT_PRIORITY_INFO, "counting test");
    godwit_test_notifications_clear ();
    godwit_notifier_destroy (&notifier);
}

static void
expect_refused (const godwit_notifier_options_t *options, godwit_status_t status, const char *says)
{
    godwit_notifier_t *notifier = NULL;
    godwit_error_t *error = NULL;
    cr_expect_eq (godwit_notifier_new (&notifier, transport, options, &error), status);
    cr_expect_not_null (strstr (godwit_error_message (error), says), "%s", godwit_error_message (error));
    cr_expect_null (notifier);
    godwit_error_destroy (&error);
}

Test (routed, what_is_wrong_with_the_file_is_said)
{
    write_rules ("a:\n  noop: {}\n  mesaging: {}\n");
    expect_refused (
        ROUTED ("routing"), GODWIT_ERR_INVALID_ARGUMENT,
        ":3: expected messaging, messagingv2, log, noop, test, routing or one of own_drivers, got "
        "\"mesaging\"");
    unlink (path);
    write_rules ("a:\n  routing: {}\n");
    expect_refused (ROUTED ("routing"), GODWIT_ERR_INVALID_ARGUMENT,
                    ":2: expected a driver other than routing itself");
    unlink (path);
    expect_refused (ROUTED ("routing"), GODWIT_ERR_SYSTEM, "No such file or directory");
    snprintf (path, sizeof path, "/tmp");
    expect_refused (ROUTED ("routing"), GODWIT_ERR_SYSTEM, "Is a directory");
    expect_refused (GODWIT_NOTIFIER_OPTIONS (.drivers = (const char *const[]){"routing"}, .driver_count = 1),
                    GODWIT_ERR_INVALID_ARGUMENT, "routing_config: expected the file with the rules");
    path[0] = '\0';
}

Test (routed, a_file_has_at_most_1_mib)
{
    char *const text = malloc ((1 << 20) + 8);
    cr_assert_not_null (text);
    memset (text, ' ', (1 << 20) + 7);
    memcpy (text, "a: {}\n#", 7);
    text[(1 << 20) + 7] = '\0';
    write_rules (text);
    free (text);
    expect_refused (ROUTED ("routing"), GODWIT_ERR_LIMIT_EXCEEDED, "expected at most 1 MiB");
}

Test (routed, the_component_is_missed)
{
    write_rules ("a: {noop: {}}\n");
    MUST (godwit_notify_use_routing (NULL, &error));
    expect_refused (ROUTED ("routing"), GODWIT_ERR_DRIVER_LOAD,
                    "The driver routing needs godwit-routing: call");
    godwit_routing_t half = *godwit_routing_yaml ();
    half.accepts = NULL;
    cr_expect_eq (godwit_notify_use_routing (&half, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    half.struct_size = 8;
    cr_expect_eq (godwit_notify_use_routing (&half, NULL), GODWIT_ERR_INVALID_ARGUMENT);
}
