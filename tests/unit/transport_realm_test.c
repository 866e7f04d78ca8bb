/* SPDX-License-Identifier: Apache-2.0 */
/* A transport in a realm: which member file is its own, what does not go with it, and how it notices that
 * the file has changed. And what a person is reminded of. */
#include <godwit/godwit.h>
#include <godwit/testing.h>

#include "src/runtime/environment.h"
#include "src/runtime/transport.h"
#include "src/server/pool.h"
#include "tests/support/await.h"
#include "tests/support/log_book.h"
#include "tests/support/must.h"
#include "tests/support/realm_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DAY_S INT64_C (86400)
#define NOBODY 65534

/* ---- the test's own home, and a realm ---- */

static char top[64], folder[96], home_file[160];
static godwit__test_realm_t *files;
static log_book_t book;

static void
set_up (void)
{
    char name[96];
    snprintf (top, sizeof top, "/tmp/godwit-member-XXXXXX");
    cr_assert_not_null (mkdtemp (top));
    snprintf (folder, sizeof folder, "%s/dir", top);
    setenv ("GODWIT_DIR", folder, 1);
    setenv ("HOME", top, 1);
    unsetenv ("GODWIT_REALM");
    snprintf (name, sizeof name, "%s/.config", top);
    cr_assert_eq (mkdir (name, 0700), 0);
    snprintf (name, sizeof name, "%s/.config/godwit", top);
    cr_assert_eq (mkdir (name, 0700), 0);
    snprintf (home_file, sizeof home_file, "%s/realm.member", name);
    files = godwit__test_realm_new (1);
    log_book_open (&book);
}

static void
tear_down (void)
{
    char command[128];
    log_book_close (&book);
    godwit__test_realm_destroy (&files);
    snprintf (command, sizeof command, "rm -rf '%s'", top);
    cr_assert_eq (system (command), 0); /* NOLINT(cert-env33-c) */
}

TestSuite (transport_realm, .init = set_up, .fini = tear_down, .timeout = 60);

static const char *
issue (const char *name)
{
    return godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = name));
}

static godwit_transport_t *
open_with (const char *url, const char *realm)
{
    godwit_transport_t *transport = NULL;
    MUST (godwit_transport_new (
        &transport, url,
        GODWIT_TRANSPORT_OPTIONS (.realm = realm, .refresh_ms = 10, .log = log_book_write, .log_user = &book),
        &error));
    return transport;
}

/* "": it is in no realm. */
static void
expect_name (godwit_transport_t *transport, const char *name)
{
    godwit__party_t *self = transport->realm ? godwit__realm_self (transport->realm) : NULL;
    cr_expect_str_eq (self ? self->certificate.name : "", name);
    if (self)
        cr_expect_arr_eq (transport->instance, self->instance, sizeof self->instance);
    godwit__party_unref (&self);
}

static void
expect_opened (const char *url, const char *realm, const char *name)
{
    godwit_transport_t *transport = open_with (url, realm);
    expect_name (transport, name);
    godwit_transport_destroy (&transport);
}

static void
expect_refusal (const char *url, const char *realm, godwit_status_t status, const char *says)
{
    godwit_transport_t *transport = NULL;
    godwit_error_t *error = NULL;
    cr_expect_eq (godwit_transport_new (&transport, url, GODWIT_TRANSPORT_OPTIONS (.realm = realm), &error),
                  status, "%s", says);
    cr_expect (error && strstr (godwit_error_message (error), says), "%s: %s", says,
               error ? godwit_error_message (error) : "(it is accepted)");
    godwit_error_destroy (&error);
    godwit_transport_destroy (&transport);
}

/* ---- which file ---- */

Test (transport_realm, the_first_file_that_is_named_or_found_is_used)
{
    char url[320];
    const char *const in_url = issue ("in-url"), *const in_struct = issue ("in-struct"),
                      *const in_variable = issue ("in-variable");
    if (access ("/etc/godwit/realm.member", F_OK) != 0)
        expect_opened ("zmq://", NULL, "");
    cr_assert_eq (rename (issue ("at-home"), home_file), 0);
    expect_opened ("zmq://", NULL, "at-home");
    setenv ("GODWIT_REALM", in_variable, 1);
    expect_opened ("zmq://", NULL, "in-variable");
    expect_opened ("zmq://", in_struct, "in-struct");
    snprintf (url, sizeof url, "zmq://?realm=%s", in_url);
    expect_opened (url, in_struct, "in-url");
    expect_opened ("zmq://?realm=none", in_struct, "");
    setenv ("GODWIT_REALM", "none", 1);
    expect_opened ("zmq://", NULL, "");
    expect_opened ("zmq://", in_struct, "in-struct");
}

Test (transport_realm, a_file_that_is_named_has_to_be_there)
{
    expect_refusal ("zmq://", "/nowhere/x.member", GODWIT_ERR_SYSTEM, "/nowhere/x.member: No such file");
    setenv ("GODWIT_REALM", "/nowhere/y.member", 1);
    expect_refusal ("zmq://", NULL, GODWIT_ERR_SYSTEM, "GODWIT_REALM: /nowhere/y.member: No such file");
}

/* Whoever damages the file does not switch the realm off. */
Test (transport_realm, an_unusable_file_is_never_taken_for_none)
{
    char says[256];
    cr_assert_eq (rename (issue ("web"), home_file), 0);
    cr_assert_eq (chmod (home_file, 0644), 0);
    snprintf (says, sizeof says, "%s: mode 0644; it holds keys, so 0600 or 0640", home_file);
    expect_refusal ("zmq://", NULL, GODWIT_ERR_SYSTEM, says);
    expect_refusal ("zmq+libzmq://", NULL, GODWIT_ERR_INVALID_ARGUMENT, home_file);
    expect_refusal ("zmq://?insecure=true", NULL, GODWIT_ERR_INVALID_ARGUMENT, home_file);
    cr_assert_eq (chmod (home_file, 0600), 0);
    expect_opened ("zmq://", NULL, "web");
    if (geteuid () == 0) {
        cr_assert_eq (chown (home_file, NOBODY, NOBODY), 0);
        expect_refusal ("zmq://", NULL, GODWIT_ERR_SYSTEM, "it is owned by uid 65534");
    }
    godwit__test_write_file (home_file, "[godwit-member]\nformat = 2\n", 27, 0600);
    expect_refusal ("zmq://", NULL, GODWIT_ERR_MALFORMED, home_file);
    godwit__test_write_file (home_file, "", 0, 0600);
    expect_refusal ("zmq://", NULL, GODWIT_ERR_MALFORMED, home_file);
    const char *const ended = godwit__test_realm_issue (
        files, GODWIT__TEST_MEMBER (.name = "old", .from = 1000000, .until = 2000000));
    expect_refusal ("zmq://", ended, GODWIT_ERR_PERMISSION_DENIED, "\"old\"");
}

Test (transport_realm, some_things_do_not_go_with_a_realm)
{
    char says[512];
    cr_assert_eq (rename (issue ("web"), home_file), 0);
    const char *const named = issue ("shop");
    snprintf (says, sizeof says, "%s: zmq+libzmq:// can be in no realm: use zmq://, or say realm=none",
              home_file);
    expect_refusal ("zmq+libzmq://", NULL, GODWIT_ERR_INVALID_ARGUMENT, says);
    snprintf (says, sizeof says, "%s: zmq+libzmq://", named);
    expect_refusal ("zmq+libzmq://", named, GODWIT_ERR_INVALID_ARGUMENT, says);
    expect_opened ("zmq+libzmq://?realm=none", NULL, "");
    snprintf (says, sizeof says,
              "Option insecure (URL): expected it or a realm (%s), not both; realm=none leaves the realm",
              home_file);
    expect_refusal ("zmq://?insecure=true", NULL, GODWIT_ERR_INVALID_ARGUMENT, says);
    expect_opened ("zmq://?insecure=true&realm=none", NULL, "");
    expect_refusal ("inproc://x/", named, GODWIT_ERR_INVALID_ARGUMENT,
                    "Option realm (struct): expected a driver with a network, got inproc");
}

/* Within this process there is nobody to be kept out, and a simulated cluster is the same on each machine. */
Test (transport_realm, nobody_looks_for_a_file_in_a_process_or_a_simulation)
{
    godwit_cluster_t *cluster = NULL;
    godwit_transport_t *without = NULL, *with = NULL;
    godwit__test_write_file (home_file, "", 0, 0600);
    expect_opened ("inproc://x/", NULL, "");
    MUST (godwit_cluster_new (&cluster, 1, &error));
    MUST (godwit_cluster_add (&without, cluster, "one", NULL, &error));
    expect_name (without, "");
    MUST (godwit_cluster_add (&with, cluster, "two", GODWIT_TRANSPORT_OPTIONS (.realm = issue ("web")),
                              &error));
    expect_name (with, "web");
    godwit_transport_destroy (&without);
    godwit_transport_destroy (&with);
    godwit_cluster_destroy (&cluster);
}

/* ---- what a realm allows ---- */

/* Where the servers of a transport are reached; on its control thread, but it does not change here. */
static const godwit__port_addresses_t *
addresses_of (const godwit_transport_t *transport)
{
    return &transport->pool->ports[transport->pool->port_count - 1].addresses;
}

static void
expect_addresses (const char *url, const char *first, const char *second)
{
    godwit_transport_t *transport = open_with (url, NULL);
    godwit_server_t *server = NULL;
    MUST (godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "ask", .server = "one"), NULL, 0,
                             NULL, &error));
    MUST (godwit_server_start (server, NULL, &error));
    const godwit__port_addresses_t *const addresses = addresses_of (transport);
    cr_expect_eq (addresses->link_count, second ? 2u : 1u, "%s", url);
    cr_expect_eq (strncmp (addresses->links[0], first, strlen (first)), 0, "%s: %s", url,
                  addresses->links[0]);
    if (second)
        cr_expect_eq (strncmp (addresses->links[1], second, strlen (second)), 0, "%s: %s", url,
                      addresses->links[1]);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
}

/* Other users of this machine may be members, too. */
Test (transport_realm, servers_listen_at_the_loopback_too)
{
    setenv ("GODWIT_REALM", "none", 1);
    expect_addresses ("zmq://", "ipc://", NULL);
    setenv ("GODWIT_REALM", issue ("web"), 1);
    expect_addresses ("zmq://", "ipc://", "tcp://127.0.0.1:");
    expect_addresses ("zmq://?paths=tcp", "ipc://", "tcp://127.0.0.1:");
    expect_addresses ("zmq://?host=127.0.0.1", "ipc://", "tcp://127.0.0.1:");
    expect_addresses ("zmq:///?static=a/b@tcp://127.0.0.1:1", "ipc://", "tcp://127.0.0.1:");
}

static godwit_status_t
answer (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, GODWIT_STR (NULL, "answer"));
}

/* Calls, and fanouts, on each way. */
Test (transport_realm, members_find_each_other)
{
    static const godwit_method_t methods[] = {GODWIT_METHOD ("answer", answer, 0)};
    static const char *const urls[] = {"zmq://", "zmq://?paths=ipc", "zmq://?paths=tcp",
                                       "zmq://?host=127.0.0.1&paths=tcp"};
    const char *const web = issue ("web"), *const shop = issue ("shop");
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        godwit_transport_t *serving = open_with (urls[i], shop), *calling = open_with (urls[i], web);
        godwit_server_t *server = NULL;
        godwit_client_t *client = NULL;
        godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
        MUST (godwit_server_new (&server, serving, GODWIT_TARGET (.topic = "ask", .server = "one"),
                                 &GODWIT_ENDPOINT (methods), 1, NULL, &error));
        MUST (godwit_server_start (server, NULL, &error));
        MUST (godwit_client_new (&client, calling, GODWIT_TARGET (.topic = "ask"),
                                 GODWIT_CLIENT_OPTIONS (.timeout_ms = 20000), &error));
        MUST (godwit_client_call (client, NULL, "answer", GODWIT_NO_ARGS, NULL, &error));
        MUST (godwit_client_fanout (client, NULL, "answer", GODWIT_NO_ARGS, &report, &error));
        cr_expect_eq (report.reached, 1u, "%s", urls[i]);
        godwit_client_destroy (&client);
        godwit_server_destroy (&server);
        godwit_transport_destroy (&calling);
        godwit_transport_destroy (&serving);
    }
}

/* ---- when the file changes ---- */

static uint64_t
serial_of (const godwit_transport_t *transport)
{
    godwit__party_t *self = godwit__realm_self (transport->realm);
    const uint64_t serial = self->certificate.serial;
    godwit__party_unref (&self);
    return serial;
}

Test (transport_realm, a_new_file_is_noticed)
{
    godwit_transport_t *transport = open_with ("zmq://", issue ("web"));
    const uint64_t before = serial_of (transport);
    issue ("web");
    AWAIT (serial_of (transport) != before);
    godwit_transport_destroy (&transport);
}

static godwit_transport_t *
open_still (const char *realm)
{
    godwit_transport_t *transport = NULL;
    MUST (godwit_transport_new (
        &transport, "zmq://", GODWIT_TRANSPORT_OPTIONS (.realm = realm, .refresh_ms = DAY_S * 1000), &error));
    return transport;
}

static void
expect_reload (godwit_transport_t *transport, godwit_status_t status, const char *says)
{
    godwit_error_t *error = NULL;
    cr_expect_eq (godwit_transport_reload_realm (transport, &error), status, "%s", says);
    if (status)
        cr_expect (error && strstr (godwit_error_message (error), says), "%s: %s", says,
                   error ? godwit_error_message (error) : "?");
    else
        cr_expect_null (error);
    godwit_error_destroy (&error);
    cr_expect_eq (godwit_transport_reload_realm (transport, NULL), status);
}

Test (transport_realm, it_is_read_again_on_demand)
{
    const char *const path = issue ("web");
    godwit_transport_t *transport = open_still (path);
    const uint64_t first = serial_of (transport);
    expect_reload (transport, GODWIT_OK, "");
    cr_expect_eq (serial_of (transport), first);
    issue ("web");
    expect_reload (transport, GODWIT_OK, "");
    const uint64_t second = serial_of (transport);
    cr_expect_neq (second, first);
    godwit__test_write_file (path, "nonsense", 8, 0600);
    expect_reload (transport, GODWIT_ERR_MALFORMED, path);
    cr_expect_eq (unlink (path), 0);
    expect_reload (transport, GODWIT_ERR_SYSTEM, path);
    cr_expect_eq (serial_of (transport), second);
    godwit_transport_destroy (&transport);
}

Test (transport_realm, who_cannot_read_it_again_is_told)
{
    godwit_transport_t *transport = open_with ("zmq://", "none");
    expect_reload (NULL, GODWIT_ERR_INVALID_ARGUMENT, "transport: expected a pointer, got NULL");
    expect_reload (transport, GODWIT_ERR_INVALID_ARGUMENT,
                   "transport: expected one in a realm, got one without");
    godwit_transport_destroy (&transport);
    transport = open_still (issue ("web"));
    const pid_t child = fork ();
    if (child == 0)
        _exit (godwit_transport_reload_realm (transport, NULL) == GODWIT_ERR_FORKED ? 0 : 1);
    int status = 0;
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_expect (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    atomic_store (&transport->closing, true); /* as while it is destroyed */
    expect_reload (transport, GODWIT_ERR_CLOSED, "");
    atomic_store (&transport->closing, false);
    godwit_transport_destroy (&transport);
}

/* ---- reminders ---- */

static int64_t virtual_ns, virtual_s;

static int64_t
read_clock (void *user)
{
    (void) user;
    return virtual_ns;
}

static int64_t
read_wall_clock (void *user)
{
    (void) user;
    return virtual_s;
}

static void
begin_time (void)
{
    virtual_ns = 1000 * GODWIT__NS_PER_MS;
    virtual_s = time (NULL);
}

/* Time passes; then what is due by then is done. */
static void
pass (godwit_transport_t *transport, int64_t seconds)
{
    virtual_ns += seconds * 1000 * GODWIT__NS_PER_MS;
    virtual_s += seconds;
    MUST (godwit_transport_process (transport, 0, &error));
}

/* With a static list of nobody: there is no rendezvous that would find the time strange. */
static godwit_transport_t *
open_in_virtual_time (const char *query, const char *realm)
{
    char url[160];
    godwit_transport_t *transport = NULL;
    godwit__environment_t environment = godwit__system_environment;
    begin_time ();
    environment.clock = (godwit__clock_t){.now_ns = read_clock};
    environment.now_s = read_wall_clock;
    snprintf (url, sizeof url, "zmq:///?static=a/b@ipc://%s/x%s", folder, query);
    MUST (godwit__transport_new_in (&transport, url,
                                    GODWIT_TRANSPORT_OPTIONS (.external_loop = true, .realm = realm,
                                                              .log = log_book_write, .log_user = &book),
                                    &environment, &error));
    return transport;
}

Test (transport_realm, who_is_insecure_is_reminded_every_hour)
{
    static const char says[] =
        "insecure=true: whoever reaches this process over tcp can call it, answer it and read what it "
        "publishes; in a realm only members can: run `godwit realm init`";
    godwit_transport_t *transport = open_in_virtual_time ("&insecure=true", "none");
    cr_expect_eq (log_book_count (&book, GODWIT_LOG_WARNING, says), 1u);
    pass (transport, 3590);
    cr_expect_eq (log_book_count (&book, GODWIT_LOG_WARNING, says), 1u);
    pass (transport, 20);
    cr_expect_eq (log_book_count (&book, GODWIT_LOG_WARNING, says), 2u);
    for (int hour = 0; hour < 24; hour++)
        pass (transport, 3601);
    cr_expect_eq (log_book_count (&book, GODWIT_LOG_WARNING, says), 26u);
    cr_expect_eq (log_book_count (&book, GODWIT_LOG_WARNING, ""), 26u);
    godwit_transport_destroy (&transport);
}

Test (transport_realm, who_is_secure_is_not_reminded)
{
    godwit_transport_t *transport = open_in_virtual_time ("", "none");
    pass (transport, 2 * 3600);
    godwit_transport_destroy (&transport);
    transport = open_in_virtual_time ("", issue ("web"));
    pass (transport, 2 * DAY_S);
    godwit_transport_destroy (&transport);
    cr_expect_eq (log_book_count (&book, GODWIT_LOG_WARNING, ""), 0u);
}

Test (transport_realm, the_end_of_a_certificate_is_told_every_day)
{
    const int64_t now_s = time (NULL);
    const char *const path = godwit__test_realm_issue (
        files, GODWIT__TEST_MEMBER (.name = "web", .from = now_s - 10, .until = now_s + 31 * DAY_S - 3600));
    godwit_transport_t *transport = open_in_virtual_time ("", path);
    cr_expect_eq (log_book_count (&book, GODWIT_LOG_WARNING, ""), 0u);
    pass (transport, DAY_S + 60);
    cr_expect_eq (
        log_book_count (&book, GODWIT_LOG_WARNING, "certificate \"web\" ends in 30 days: godwit realm issue"),
        1u);
    pass (transport, DAY_S / 2);
    cr_expect_eq (log_book_count (&book, GODWIT_LOG_WARNING, ""), 1u);
    pass (transport, DAY_S / 2 + 60);
    cr_expect_eq (
        log_book_count (&book, GODWIT_LOG_WARNING, "certificate \"web\" ends in 29 days: godwit realm issue"),
        1u);
    pass (transport, 28 * DAY_S);
    cr_expect_eq (
        log_book_count (&book, GODWIT_LOG_WARNING, "certificate \"web\" ends in 1 day: godwit realm issue"),
        1u);
    cr_expect_eq (log_book_count (&book, GODWIT_LOG_WARNING, ""), 3u);
    for (int day = 0; day < 2; day++)
        pass (transport, DAY_S + 60);
    cr_expect_eq (
        log_book_count (&book, GODWIT_LOG_WARNING, "certificate \"web\" has ended: godwit realm issue"), 2u);
    cr_expect_eq (log_book_count (&book, GODWIT_LOG_WARNING, ""), 5u);
    godwit_transport_destroy (&transport);
}
