/* SPDX-License-Identifier: Apache-2.0 */
/* Without a realm, and without insecure=true: which settings are refused and how, that the others open no
 * socket but local ones, and that nothing that comes from outside changes this. */
#include <godwit/godwit.h>

#include "src/discovery/discovery.h"
#include "src/interface/tcp_permission.h"
#include "src/runtime/control.h"
#include "tests/support/log_book.h"
#include "tests/support/must.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BEYOND "tcp beyond this host needs a realm: run `godwit realm init`, or say insecure=true"
#define LOOPBACK                                                                                             \
    "tcp at the loopback, which every user of this machine reaches, needs a realm: run `godwit realm "       \
    "init`, or say insecure=true"
#define ABSTRACT                                                                                             \
    "every user of this machine can have such a name: it is not connected to without insecure=true"
#define WAIT_LIMIT_MS 20000
#define SHORT_MS 300

static const char *const drivers[] = {"zmq", "zmq+libzmq"};

/* ---- every socket of this process ---- */

static atomic_uint network_sockets;

/* Instead of the system's, for libzmq, too. */
int
socket (int domain, int type, int protocol)
{
    if (domain != AF_UNIX)
        atomic_fetch_add (&network_sockets, 1);
    return (int) syscall (SYS_socket, domain, type, protocol);
}

/* ---- the test's own folder ---- */

static char top[64], folder[96];
static log_book_t book;

static void
set_up (void)
{
    snprintf (top, sizeof top, "/tmp/godwit-defaults-XXXXXX");
    cr_assert_not_null (mkdtemp (top));
    snprintf (folder, sizeof folder, "%s/dir", top);
    setenv ("GODWIT_DIR", folder, 1);
    setenv ("GODWIT_REALM", "none", 1);
    atomic_store (&network_sockets, 0);
    log_book_open (&book);
}

static void
tear_down (void)
{
    char command[128];
    log_book_close (&book);
    snprintf (command, sizeof command, "rm -rf '%s'", top);
    cr_assert_eq (system (command), 0); /* NOLINT(cert-env33-c) */
}

TestSuite (secure_defaults, .init = set_up, .fini = tear_down, .timeout = 60);

/* ---- what is refused ---- */

static void
expect_refusal (godwit_status_t got, godwit_status_t status, const char *says, godwit_error_t *error)
{
    cr_expect_eq (got, status, "%d: %s", (int) got, says);
    cr_expect_str_eq (error ? godwit_error_message (error) : "(it is accepted)", says);
    godwit_error_destroy (&error);
    cr_expect_eq (atomic_load (&network_sockets), 0u, "%s", says);
}

Test (secure_defaults, settings_of_the_url_are_refused)
{
    static const struct {
        const char *rest, *says;
    } rows[] = {
        {"10.0.0.1/", "Rendezvous 10.0.0.1 (URL): " BEYOND},
        {"10.0.0.1:9573,127.0.0.1/", "Rendezvous 10.0.0.1 (URL): " BEYOND},
        {"rendezvous.example/", "Rendezvous rendezvous.example (URL): " BEYOND},
        {"[fd00::1]:9573/", "Rendezvous fd00::1 (URL): " BEYOND},
        {":9600,10.0.0.1/", "Rendezvous 10.0.0.1 (URL): " BEYOND},
        {"10.0.0.1/?host_rendezvous=true", "Rendezvous 10.0.0.1 (URL): " BEYOND},
        {"127.0.0.1/", "Rendezvous 127.0.0.1 (URL): " LOOPBACK},
        {"127.9.9.9:1/", "Rendezvous 127.9.9.9 (URL): " LOOPBACK},
        {"localhost/", "Rendezvous localhost (URL): " LOOPBACK},
        {"[::1]/", "Rendezvous ::1 (URL): " LOOPBACK},
        {"127.0.0.1/?host_rendezvous=true", "Rendezvous 127.0.0.1 (URL): " LOOPBACK},
        {"?host=10.0.0.7", "Option host (URL): " BEYOND},
        {"?host=0.0.0.0", "Option host (URL): " BEYOND},
        {"?host=127.0.0.1", "Option host (URL): " LOOPBACK},
        {"?host=[::1]", "Option host (URL): " LOOPBACK},
        {"?port=4000", "Option port (URL): " LOOPBACK},
        {"?paths=tcp", "Option paths (URL): " LOOPBACK},
        {"?paths=inproc,tcp", "Option paths (URL): " LOOPBACK},
        {"?paths=inproc", "Option paths (URL): " LOOPBACK},
        {"?insecure=false&port=4000", "Option port (URL): " LOOPBACK},
    };
    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        char url[160];
        godwit_transport_t *transport = NULL;
        godwit_error_t *wrong = NULL;
        snprintf (url, sizeof url, "%s://%s", drivers[i % 2], rows[i / 2].rest);
        const godwit_status_t status = godwit_transport_new (&transport, url, NULL, &wrong);
        expect_refusal (status, GODWIT_ERR_INVALID_ARGUMENT, rows[i / 2].says, wrong);
        godwit_transport_destroy (&transport);
    }
}

Test (secure_defaults, lists_of_servers_are_refused)
{
    static const struct {
        const char *rest, *says; /* the list begins with an address in the private folder */
    } rows[] = {
        {"|tcp://10.0.0.1:4000", "1: tcp://10.0.0.1:4000: " BEYOND},
        {",a/c@tcp://somewhere:1", "2: tcp://somewhere:1: " BEYOND},
        {"|tcp://127.0.0.1:4000", "1: tcp://127.0.0.1:4000: " LOOPBACK},
        {"|ipc://@one", "1: ipc://@one: " ABSTRACT},
    };
    char file[128], entries[192], url[256], says[512];
    snprintf (file, sizeof file, "%s/list", top);
    for (size_t i = 0; i < 4 * sizeof rows / sizeof rows[0]; i++) {
        const bool is_file = i / 2 % 2;
        godwit_transport_t *transport = NULL;
        godwit_error_t *wrong = NULL;
        FILE *const list = fopen (file, "we");
        snprintf (entries, sizeof entries, "a/b@ipc://%s/one%s", folder, rows[i / 4].rest);
        cr_assert (list && fprintf (list, "# of servers\n%s\n", entries) > 0 && fclose (list) == 0);
        snprintf (url, sizeof url, "%s:///?static%s=%s", drivers[i % 2], is_file ? "_file" : "",
                  is_file ? file : entries);
        if (is_file)
            snprintf (says, sizeof says, "%s: line 2%s", file, strchr (rows[i / 4].says, ':'));
        else
            snprintf (says, sizeof says, "Option static (URL): entry %s", rows[i / 4].says);
        const godwit_status_t status = godwit_transport_new (&transport, url, NULL, &wrong);
        expect_refusal (status, GODWIT_ERR_INVALID_URL, says, wrong);
        godwit_transport_destroy (&transport);
    }
}

/* Also those that a rendezvous tells of; both drivers ask this before they connect. */
Test (secure_defaults, abstract_names_are_for_the_insecure)
{
    static char somebody; /* only whether there is a realm counts */
    const godwit__driver_options_t secure[] = {{.warn = NULL}, {.realm = (godwit__realm_t *) &somebody}},
                                   insecure = {.insecure = true};
    for (size_t i = 0; i < 2; i++) {
        godwit_error_t *refused = NULL;
        const godwit_status_t status = godwit__driver_permits (&secure[i], "ipc://@one", &refused);
        expect_refusal (status, GODWIT_ERR_SYSTEM, "ipc://@one: " ABSTRACT, refused);
        MUST (godwit__driver_permits (&secure[i], "ipc:///run/user/1/godwit/one", &error));
    }
    MUST (godwit__driver_permits (&insecure, "ipc://@one", &error));
}

Test (secure_defaults, the_place_of_a_setting_is_named)
{
    static const struct {
        const char *config, *says;
    } rows[] = {
        {"[godwit]\nhost = 10.0.0.7", "Option host (conf:2): " BEYOND},
        {"[godwit]\npaths = tcp", "Option paths (conf:2): " LOOPBACK},
        {"[DEFAULT]\ntransport_url = zmq://10.0.0.1/", "Rendezvous 10.0.0.1 (URL, conf:2): " BEYOND},
        {"[godwit]\nstatic = a/b@tcp://127.0.0.1:1",
         "Option static (conf:2): entry 1: tcp://127.0.0.1:1: " LOOPBACK},
    };
    godwit_transport_t *transport = NULL;
    godwit_error_t *wrong = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit_config_t *config = NULL;
        MUST (godwit_config_parse (&config, rows[i].config, "conf", &error));
        const godwit_status_t status =
            godwit_transport_new_from_config (&transport, config, NULL, NULL, &wrong);
        expect_refusal (status, i < 3 ? GODWIT_ERR_INVALID_ARGUMENT : GODWIT_ERR_INVALID_URL, rows[i].says,
                        wrong);
        godwit_config_destroy (&config);
    }
    const godwit_status_t status =
        godwit_transport_new (&transport, "zmq://", GODWIT_TRANSPORT_OPTIONS (.port = 4000), &wrong);
    expect_refusal (status, GODWIT_ERR_INVALID_ARGUMENT, "Option port (struct): " LOOPBACK, wrong);
}

Test (secure_defaults, another_list_of_rendezvous_is_refused)
{
    static const struct {
        const char *addresses[2], *says;
    } rows[] = {{{":9600", "10.0.0.1"}, "addresses[1]: " BEYOND},
                {{"127.0.0.1:9600", ":9600"}, "addresses[0]: " LOOPBACK}};
    static const char *const own[] = {":9600", ":9601"};
    for (size_t k = 0; k < 2; k++) {
        char url[32];
        godwit_transport_t *transport = NULL;
        snprintf (url, sizeof url, "%s://", drivers[k]);
        MUST (godwit_transport_new (&transport, url, NULL, &error));
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            godwit_error_t *wrong = NULL;
            const godwit_status_t status =
                godwit_transport_set_rendezvous (transport, rows[i].addresses, 2, &wrong);
            expect_refusal (status, GODWIT_ERR_INVALID_ARGUMENT, rows[i].says, wrong);
        }
        MUST (godwit_transport_set_rendezvous (transport, own, 2, &error));
        godwit_transport_destroy (&transport);
        cr_expect_eq (atomic_load (&network_sockets), 0u);
    }
}

/* What would have no effect is an error, too. */
Test (secure_defaults, inproc_needs_no_word_about_it)
{
    static const char *const urls[] = {"inproc://x/?insecure=true", "inproc://x/?realm=/etc/x.member"};
    static const char *const says[] = {"Option insecure (URL): expected a driver with a network, got inproc",
                                       "Option realm (URL): expected a driver with a network, got inproc"};
    godwit_transport_t *transport = NULL;
    for (int i = 0; i < 2; i++) {
        godwit_error_t *wrong = NULL;
        const godwit_status_t status = godwit_transport_new (&transport, urls[i], NULL, &wrong);
        expect_refusal (status, GODWIT_ERR_INVALID_ARGUMENT, says[i], wrong);
    }
    MUST (godwit_transport_new (&transport, "inproc://x/?realm=none", NULL, &error));
    godwit_transport_destroy (&transport);
}

/* ---- what works ---- */

static godwit_status_t
answer (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, GODWIT_STR (NULL, "answer"));
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("answer", answer, 0)};

static void
start_server (godwit_server_t **server, godwit_transport_t *transport)
{
    MUST (godwit_server_new (server, transport, GODWIT_TARGET (.topic = "ask", .server = "one"),
                             &GODWIT_ENDPOINT (methods), 1, NULL, &error));
    MUST (godwit_server_start (*server, NULL, &error));
}

/* Calls and fanouts between two transports. */
static void
talk (const char *server_url, const char *client_url)
{
    godwit_transport_t *serving = NULL, *calling = NULL;
    godwit_server_t *server = NULL;
    godwit_client_t *client = NULL;
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    MUST (godwit_transport_new (&serving, server_url, NULL, &error));
    start_server (&server, serving);
    MUST (godwit_transport_new (&calling, client_url, NULL, &error));
    MUST (godwit_client_new (&client, calling, GODWIT_TARGET (.topic = "ask"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error));
    MUST (godwit_client_call (client, NULL, "answer", GODWIT_NO_ARGS, NULL, &error));
    MUST (godwit_client_fanout (client, NULL, "answer", GODWIT_NO_ARGS, &report, &error));
    cr_assert_eq (report.reached, 1u);
    godwit_client_destroy (&client);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&calling);
    godwit_transport_destroy (&serving);
}

Test (secure_defaults, this_user_needs_no_tcp)
{
    static const char *const rests[] = {"", "/name", ":9600/", "?paths=ipc", "?paths=inproc,ipc"};
    for (size_t i = 0; i < 2 * sizeof rests / sizeof rests[0]; i++) {
        char url[64];
        snprintf (url, sizeof url, "%s://%s", drivers[i % 2], rests[i / 2]);
        talk (url, url);
        cr_expect_eq (atomic_load (&network_sockets), 0u, "%s", url);
    }
}

/* So the tests above would have seen a socket. */
Test (secure_defaults, insecure_transports_use_tcp)
{
    for (size_t i = 0; i < 2; i++) {
        char url[64];
        atomic_store (&network_sockets, 0);
        snprintf (url, sizeof url, "%s://?paths=tcp&insecure=true", drivers[i]);
        talk (url, url);
        cr_expect_gt (atomic_load (&network_sockets), 1u, "%s", url);
    }
}

/* ---- no private folder ---- */

Test (secure_defaults, without_a_folder_there_is_no_tcp_in_its_place)
{
    for (size_t i = 0; i < 2; i++) {
        godwit_transport_t *transport = NULL;
        godwit_server_t *server = NULL;
        godwit_error_t *wrong = NULL;
        char url[128], says[512];
        snprintf (url, sizeof url, "%s:///?static=a/b@ipc://%s/x", drivers[i], folder);
        cr_assert (mkdir (folder, 0755) == 0 || i == 1);
        MUST (godwit_transport_new (&transport, url, NULL, &error));
        MUST (godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "ask", .server = "one"),
                                 &GODWIT_ENDPOINT (methods), 1, NULL, &error));
        snprintf (says, sizeof says,
                  "Failed to listen on target \"<Target topic=ask, server=one>\": No private folder can be "
                  "used: %s: mode 0755; expected 0700, so that no other user can connect: chmod 700 %s, or "
                  "name another folder (option runtime_dir, or GODWIT_DIR); tcp in its place needs a realm, "
                  "or insecure=true",
                  folder, folder);
        const godwit_status_t status = godwit_server_start (server, NULL, &wrong);
        expect_refusal (status, GODWIT_ERR_SERVER_LISTEN, says, wrong);
        godwit_server_destroy (&server);
        godwit_transport_destroy (&transport);
    }
}

/* ---- what others tell ---- */

typedef struct told {
    godwit_transport_t *transport;
    godwit__record_t *record;
} told_t;

static void
tell (void *user)
{
    const told_t *told = user;
    godwit__discovery_seen (told->transport, told->record);
}

/* A record of a server that is reached by tcp alone. */
static void
tell_of_tcp (godwit_transport_t *transport)
{
    const godwit__record_t fields = {.instance = {1},
                                     .server_id = 1,
                                     .revision = 1,
                                     .state = GODWIT__RECORD_UP,
                                     .weight = 1,
                                     .exchange = "godwit",
                                     .topic = "ask",
                                     .server = "far",
                                     .address_count = 2,
                                     .addresses = {"tcp://127.0.0.1:1", "tcp://somewhere.example:1"},
                                     .fanout_address = "tcp://127.0.0.1:2",
                                     .host = "another",
                                     .versions = "=1.0"};
    told_t told = {transport, godwit__record_new (&fields)};
    cr_assert_not_null (told.record);
    cr_assert (godwit__control_run (transport, tell, &told));
    godwit__record_unref (&told.record);
}

Test (secure_defaults, an_address_that_a_rendezvous_tells_is_not_dialled)
{
    for (size_t i = 0; i < 2; i++) {
        char url[64];
        godwit_transport_t *transport = NULL;
        godwit_client_t *client = NULL;
        godwit_error_t *wrong = NULL;
        snprintf (url, sizeof url, "%s://", drivers[i]);
        MUST (godwit_transport_new (
            &transport, url, GODWIT_TRANSPORT_OPTIONS (.log = log_book_write, .log_user = &book), &error));
        tell_of_tcp (transport);
        MUST (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "ask"),
                                 GODWIT_CLIENT_OPTIONS (.timeout_ms = SHORT_MS), &error));
        cr_expect_neq (godwit_client_call (client, NULL, "answer", GODWIT_NO_ARGS, NULL, &wrong), GODWIT_OK);
        cr_expect (strstr (godwit_error_message (wrong), "tcp://127.0.0.1:1 (tcp://127.0.0.1:1: " LOOPBACK) &&
                       strstr (godwit_error_message (wrong), "somewhere.example:1: " BEYOND),
                   "%s", godwit_error_message (wrong));
        godwit_error_destroy (&wrong);
        godwit_client_destroy (&client);
        godwit_transport_destroy (&transport);
        cr_expect_eq (atomic_load (&network_sockets), 0u, "%s", url);
    }
}

/* One that is insecure is reached by a local socket, but takes publications by tcp. */
Test (secure_defaults, publications_do_not_go_by_tcp)
{
    for (size_t i = 0; i < 2; i++) {
        char url[64], its_url[64];
        godwit_transport_t *transport = NULL, *insecure = NULL;
        godwit_server_t *server = NULL;
        godwit_client_t *client = NULL;
        godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
        snprintf (url, sizeof url, "%s://?paths=ipc", drivers[i]);
        snprintf (its_url, sizeof its_url, "%s://?insecure=true&host=127.0.0.1", drivers[i]);
        MUST (godwit_transport_new (&insecure, its_url, NULL, &error));
        start_server (&server, insecure);
        MUST (godwit_transport_new (
            &transport, url, GODWIT_TRANSPORT_OPTIONS (.log = log_book_write, .log_user = &book), &error));
        MUST (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "ask"),
                                 GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error));
        MUST (godwit_client_call (client, NULL, "answer", GODWIT_NO_ARGS, NULL, &error));
        godwit_client_destroy (&client);
        MUST (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "ask"),
                                 GODWIT_CLIENT_OPTIONS (.timeout_ms = SHORT_MS), &error));
        const unsigned before = atomic_load (&network_sockets);
        MUST (godwit_client_fanout (client, NULL, "answer", GODWIT_NO_ARGS, &report, &error));
        cr_expect (report.reached == 0 && report.missing == 1, "%u reached", report.reached);
        cr_expect_eq (log_book_count (&book, GODWIT_LOG_WARNING,
                                      "a server gets no publications of this process: tcp://127.0.0.1:"),
                      i + 1);
        cr_expect_eq (atomic_load (&network_sockets), before);
        godwit_client_destroy (&client);
        godwit_transport_destroy (&transport);
        godwit_server_destroy (&server);
        godwit_transport_destroy (&insecure);
    }
}

/* ---- the drivers themselves ---- */

static void
on_down (void *user, const char *reason)
{
    (void) user;
    (void) reason;
}

typedef godwit_status_t try_fn (godwit__driver_t *driver, godwit__channel_t *channel, godwit_error_t **error);

static godwit_status_t
try_link (godwit__driver_t *driver, godwit__channel_t *channel, godwit_error_t **error)
{
    static const godwit__link_events_t events = {.down = on_down};
    (void) channel;
    return driver->ops->open_link (driver, "tcp://127.0.0.1:1", &events, NULL, &channel, error);
}

static godwit_status_t
try_port (godwit__driver_t *driver, godwit__channel_t *channel, godwit_error_t **error)
{
    godwit__port_addresses_t addresses;
    (void) channel;
    return driver->ops->open_port (driver, "tcp://127.0.0.1:1", &channel, &addresses, error);
}

static godwit_status_t
try_publisher (godwit__driver_t *driver, godwit__channel_t *channel, godwit_error_t **wrong)
{
    MUST (driver->ops->open_publisher (driver, &channel, &error));
    const godwit_status_t status = driver->ops->publisher_connect (channel, "tcp://127.0.0.1:1", wrong);
    channel->ops->close (channel);
    return status;
}

static godwit_status_t
try_host (godwit__driver_t *driver, godwit__channel_t *channel, godwit_error_t **wrong)
{
    godwit__port_addresses_t addresses;
    MUST (driver->ops->open_port (driver, NULL, &channel, &addresses, &error));
    cr_expect_eq (addresses.link_count, 1u);
    const godwit_status_t status = driver->ops->add_host (channel, "127.0.0.1", &addresses, wrong);
    channel->ops->close (channel);
    return status;
}

Test (secure_defaults, drivers_refuse_tcp_by_themselves)
{
    static const godwit__driver_ops_t *const ops[] = {&godwit__zmtp_driver, &godwit__zmq_driver};
    static try_fn *const tries[] = {try_link, try_port, try_publisher, try_host};
    for (size_t i = 0; i < 2 * sizeof tries / sizeof tries[0]; i++) {
        godwit__reactor_t *reactor = NULL;
        godwit__driver_t *driver = NULL;
        godwit_error_t *wrong = NULL;
        MUST (godwit__reactor_new (&reactor, &godwit__clock_system, &error));
        const godwit__driver_options_t options = {.reactor = reactor,
                                                  .max_message_size = 1 << 20,
                                                  .queue_limit = 100,
                                                  .connect_timeout_ms = 1000,
                                                  .heartbeat_ms = 30000,
                                                  .heartbeat_timeout_ms = 60000};
        MUST (ops[i % 2]->open (&driver, &options, &error));
        cr_expect_eq (tries[i / 2](driver, NULL, &wrong), GODWIT_ERR_SYSTEM);
        cr_expect (strstr (godwit_error_message (wrong), ": " LOOPBACK), "%s", godwit_error_message (wrong));
        godwit_error_destroy (&wrong);
        driver->ops->close (driver);
        godwit__reactor_destroy (&reactor);
        cr_expect_eq (atomic_load (&network_sockets), 0u);
    }
}
