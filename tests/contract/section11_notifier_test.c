/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 11: the apmec module; its notification transport and its notifier. */
#include "tests/contract/module.h"

#include "src/notify/notifier.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Joins the world of the core, with options of [oslo_messaging_notifications]. */
static void
init_with (const core_t *core, const char *defaults, const char *notifications)
{
    char text[512];
    snprintf (text, sizeof text, "%s\n[oslo_messaging_notifications]\n%s", defaults, notifications);
    module_init (core, text);
}

static godwit_notifier_t *
get_notifier (const char *service, const char *host, const char *publisher_id)
{
    godwit_notifier_t *notifier = NULL;
    MUST (godwit_rpc_get_notifier (&notifier, service, host, publisher_id, &error));
    return notifier;
}

static void
expect_publisher (godwit_notifier_t *notifier, const char *publisher_id)
{
    godwit_value_t *list = NULL;
    MUST (godwit_notify_info (notifier, NULL, "e", GODWIT_NIL (NULL), &error));
    MUST (godwit_test_notifications (&list, &error));
    const godwit_value_t *const last = godwit_value_at (list, godwit_value_count (list) - 1);
    cr_expect_str_eq (godwit_value_as_str (godwit_value_get (last, "publisher_id"), ""), publisher_id);
    cr_expect_eq (godwit_value_count (godwit_value_get (last, "context")), 0u);
    godwit_value_unref (&list);
}

static void
publishers (core_t *core)
{
    init_with (core, "host = rack7", "driver = test\n");
    struct {
        const char *service, *host, *publisher_id, *expected;
    } cases[] = {{"vnfm", "here", NULL, "vnfm.here"},
                 {"vnfm", NULL, NULL, "vnfm.rack7"},
                 {"vnfm", "here", "me", "me"},
                 {NULL, NULL, "me", "me"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        godwit_notifier_t *notifier = get_notifier (cases[i].service, cases[i].host, cases[i].publisher_id);
        cr_expect (godwit_notifier_is_enabled (notifier));
        expect_publisher (notifier, cases[i].expected);
        godwit_notifier_destroy (&notifier);
    }
    godwit_notifier_t *none = NULL;
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE,
           "service: expected a name, or else a publisher_id",
           godwit_rpc_get_notifier (&none, NULL, "here", NULL, &error));
    cr_expect_null (none);
    module_cleanup ();
}

static void
without_drivers (core_t *core)
{
    module_init (core, "");
    godwit_notifier_t *notifier = get_notifier ("vnfm", NULL, NULL);
    cr_expect (!godwit_notifier_is_enabled (notifier), "the configuration names no driver");
    MUST (godwit_notify_info (notifier, NULL, "e", GODWIT_NIL (NULL), &error));
    godwit_notifier_destroy (&notifier);
    module_cleanup ();
}

static void
from_the_configuration (core_t *core)
{
    godwit_notify_report_t report = GODWIT_NOTIFY_REPORT;
    init_with (core, "", "driver = messaging\ndriver = test\ntopics = notifications,\n  audit ,more\n");
    godwit_notifier_t *notifier = get_notifier ("vnfm", NULL, NULL);
    MUST (godwit_notify (notifier, GODWIT_PRIORITY_INFO, NULL, "e", GODWIT_NIL (NULL),
                         GODWIT_NOTIFY_OPTIONS (.report = &report), &error));
    cr_assert_eq (report.driver_count, 2u);
    cr_expect_str_eq (report.drivers[0].driver, "messaging");
    cr_expect_eq (report.drivers[0].accepted, 3u, "one for each topic");
    cr_expect_str_eq (report.drivers[1].driver, "test");
    static const char *const topics[] = {"notifications", "audit", "more"};
    for (size_t i = 0; i < 3; i++)
        cr_expect_str_eq (notifier->root->topics[i], topics[i]);
    godwit_notifier_destroy (&notifier);
    module_cleanup ();
}

static void
retry_of_the_configuration (core_t *core)
{
    static const struct {
        const char *text;
        int64_t retry;
    } cases[] = {{"driver = messaging\n", -1}, {"driver = messaging\nretry = 0\n", 0}, {"retry = 3\n", 3}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        init_with (core, "", cases[i].text);
        godwit_notifier_t *notifier = get_notifier ("vnfm", NULL, NULL);
        cr_expect_eq (notifier->retry, cases[i].retry);
        godwit_notifier_destroy (&notifier);
        module_cleanup ();
    }
}

/* How many transports this process has: each has a control thread. */
static unsigned
count_transports (void)
{
    unsigned count = 0;
    DIR *const tasks = opendir ("/proc/self/task");
    cr_assert_not_null (tasks);
    for (const struct dirent *task; (task = readdir (tasks));) {
        char path[300], name[32] = "";
        snprintf (path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
        FILE *const file = fopen (path, "r");
        if (!file)
            continue;
        count += fgets (name, sizeof name, file) && strcmp (name, "godwit-control\n") == 0;
        fclose (file);
    }
    closedir (tasks);
    return count;
}

static void
init_that_fails (core_t *core)
{
    const unsigned before = count_transports ();
    cr_assert_gt (before, 0u);
    godwit_config_t *config = NULL;
    char text[512];
    snprintf (text, sizeof text,
              "[DEFAULT]\ntransport_url = %s\n[oslo_messaging_notifications]\ndriver = routing\n"
              "routing_config = routes.yaml\ntransport_url = inproc://elsewhere/\n",
              core->url);
    MUST (godwit_config_parse (&config, text, "test.conf", &error));
    FAILS (GODWIT_ERR_DRIVER_LOAD, GODWIT_OUTCOME_NONE, "The driver routing needs godwit-routing",
           godwit_rpc_init (config, &error));
    godwit_config_destroy (&config);
    cr_expect_null (godwit_rpc_transport ());
    cr_expect_eq (count_transports (), before);
    snprintf (text, sizeof text,
              "[DEFAULT]\ntransport_url = %s\n[oslo_messaging_notifications]\ntransport_url = nonsense://\n",
              core->url);
    MUST (godwit_config_parse (&config, text, "test.conf", &error));
    FAILS (GODWIT_ERR_DRIVER_LOAD, GODWIT_OUTCOME_NONE, "nonsense", godwit_rpc_init (config, &error));
    godwit_config_destroy (&config);
    cr_expect_null (godwit_rpc_transport ());
    cr_expect_eq (count_transports (), before);
    module_init (core, "");
    module_cleanup ();
}

static const godwit_transport_t *
transport_of_notifiers (void)
{
    godwit_notifier_t *notifier = get_notifier ("vnfm", NULL, NULL);
    const godwit_transport_t *const transport = notifier->root->transport;
    godwit_notifier_destroy (&notifier);
    return transport;
}

static void
own_transport (core_t *core)
{
    char same[256];
    init_with (core, "", "driver = messaging\n");
    cr_expect_eq (transport_of_notifiers (), godwit_rpc_transport ());
    module_cleanup ();
    snprintf (same, sizeof same, "driver = messaging\ntransport_url = %s\n", core->url);
    init_with (core, "", same);
    cr_expect_eq (transport_of_notifiers (), godwit_rpc_transport (), "the same URL needs no other one");
    module_cleanup ();
    init_with (core, "", "driver = messaging\ntransport_url = inproc://elsewhere/\n");
    cr_assert_neq (transport_of_notifiers (), godwit_rpc_transport ());
    cr_expect_str_eq (godwit_url_print (transport_of_notifiers ()->url), "inproc://elsewhere/");
    godwit_client_t *client = module_client ("work");
    MUST (godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&client);
    module_cleanup ();
}

static void
cleanup_ends_both (core_t *core)
{
    init_with (core, "", "driver = messaging\ndriver = test\ntransport_url = inproc://elsewhere/\n");
    godwit_notifier_t *notifier = get_notifier ("vnfm", NULL, NULL), *late = NULL;
    MUST (godwit_notify_info (notifier, NULL, "e", GODWIT_NIL (NULL), &error));
    module_cleanup ();
    FAILS (GODWIT_ERR_CLOSED, GODWIT_OUTCOME_NONE, "",
           godwit_notify_info (notifier, NULL, "e", GODWIT_NIL (NULL), &error));
    FAILS (GODWIT_ERR_CLOSED, GODWIT_OUTCOME_NONE, "", godwit_notifier_flush (notifier, -1, &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "was called before godwit_rpc_init",
           godwit_rpc_get_notifier (&late, "vnfm", NULL, NULL, &error));
    module_init (core, "");
    FAILS (GODWIT_ERR_CLOSED, GODWIT_OUTCOME_NONE, "",
           godwit_notify_info (notifier, NULL, "e", GODWIT_NIL (NULL), &error));
    godwit_notifier_destroy (&notifier);
    module_cleanup ();
}

static void
after_fork (core_t *core)
{
    init_with (core, "", "driver = messaging\ndriver = test\n");
    godwit_notifier_t *notifier = get_notifier ("vnfm", "here", NULL);
    MUST (godwit_notify_info (notifier, NULL, "e", GODWIT_NIL (NULL), &error));
    const pid_t child = fork ();
    if (child == 0) {
        godwit_value_t *list = NULL;
        bool good = godwit_notify_info (notifier, NULL, "e", GODWIT_NIL (NULL), NULL) == GODWIT_ERR_FORKED;
        good = good && godwit_rpc_cleanup (NULL) == GODWIT_OK;
        godwit_notifier_destroy (&notifier);
        good = good && godwit_test_notifications (&list, NULL) == GODWIT_OK && !godwit_value_count (list);
        godwit_value_unref (&list);
        _exit (good ? 0 : 1);
    }
    int status = 0;
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_expect (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    expect_publisher (notifier, "vnfm.here");
    godwit_notifier_destroy (&notifier);
    module_cleanup ();
}

static const contract_row_t rows[] = {
    {"11: get_notifier(service, host, publisher_id): publisher \"service.host\" unless given.", publishers},
    {"11: init(conf): ... notifier (no driver)", without_drivers},
    {"11: init(conf): ... notifier (driver, topics)", from_the_configuration},
    {"11: init(conf): ... notifier (retry)", retry_of_the_configuration},
    {"11: init(conf): ... (that fails)", init_that_fails},
    {"11: init(conf): ... notification transport", own_transport},
    {"11: cleanup(): ... cleans up (both)", cleanup_ends_both},
    {"11: init(conf) (and a fork)", after_fork},
};
CONTRACT (section11_notifier, rows)
