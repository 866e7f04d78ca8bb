/* SPDX-License-Identifier: Apache-2.0 */
/* Processes of one user meet in a private folder, without any configuration; those of other users are kept
 * out, and are let in by an explicit rendezvous. */
#include <godwit/client.h>
#include <godwit/server.h>

#include "tests/support/log_book.h"
#include "tests/support/must.h"
#include "tests/support/other_user.h"
#include "tests/support/process.h"
#include "tests/support/zmtp.h"

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMBER GODWIT_BUILD_DIR "/tests/e2e/programs/matchmaker_member"
#define NOBODY 65534
#define WAIT_LIMIT_MS 20000
#define SHORT_MS 300

static log_book_t book;
static char top[64];    /* the folder of the test */
static char folder[96]; /* GODWIT_DIR in it */

static void
open_test (void)
{
    snprintf (top, sizeof top, "/tmp/godwit-runtime-XXXXXX");
    cr_assert_not_null (mkdtemp (top));
    cr_assert_eq (chmod (top, 0755), 0);
    snprintf (folder, sizeof folder, "%s/dir", top);
    setenv ("GODWIT_DIR", folder, 1);
    log_book_open (&book);
}

static void
close_test (void)
{
    char command[128];
    log_book_close (&book);
    snprintf (command, sizeof command, "rm -rf '%s'", top);
    cr_assert_eq (system (command), 0); /* NOLINT(cert-env33-c) */
}

TestSuite (runtime_dir, .init = open_test, .fini = close_test, .timeout = 120);

/* ---- a server and its client ---- */

static godwit_status_t
answer (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, GODWIT_STR (NULL, "answer"));
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("answer", answer, 0)};

typedef struct side {
    godwit_transport_t *transport;
    godwit_client_t *client;
    godwit_server_t *server;
} side_t;

static void
open_side (side_t *side, const char *url, bool serves)
{
    *side = (side_t){0};
    MUST (godwit_transport_new (
        &side->transport, url,
        GODWIT_TRANSPORT_OPTIONS (.refresh_ms = 200, .log = log_book_write, .log_user = &book), &error));
    if (serves) {
        MUST (godwit_server_new (&side->server, side->transport,
                                 GODWIT_TARGET (.topic = "ask", .server = "one"), &GODWIT_ENDPOINT (methods),
                                 1, NULL, &error));
        MUST (godwit_server_start (side->server, NULL, &error));
    }
    MUST (godwit_client_new (&side->client, side->transport, GODWIT_TARGET (.topic = "ask"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error));
}

static void
close_side (side_t *side)
{
    godwit_client_destroy (&side->client);
    godwit_server_destroy (&side->server);
    godwit_transport_destroy (&side->transport);
}

static void
call (const side_t *side)
{
    MUST (godwit_client_call (side->client, NULL, "answer", GODWIT_NO_ARGS, NULL, &error));
}

/* ---- what is where ---- */

static unsigned
count_names (const char *where, const char *prefix)
{
    unsigned count = 0;
    DIR *const list = opendir (where);
    cr_assert_not_null (list);
    for (const struct dirent *entry; (entry = readdir (list));)
        count += strncmp (entry->d_name, prefix, strlen (prefix)) == 0;
    closedir (list);
    return count;
}

/* Sockets of this process that listen on TCP. */
static unsigned
count_tcp_listeners (void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 1024; fd++) {
        int listens = 0, domain = 0;
        socklen_t size = sizeof listens;
        if (getsockopt (fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens &&
            getsockopt (fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain != AF_UNIX)
            count++;
    }
    return count;
}

/* A place of the test's own for /run and /tmp. False: it may not have one. */
static bool
enter_a_machine_of_its_own (void)
{
    return geteuid () == 0 && unshare (CLONE_NEWNS) == 0 &&
           mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount ("none", "/run", "tmpfs", 0, NULL) == 0 && mount ("none", "/tmp", "tmpfs", 0, NULL) == 0;
}

/* ---- one user ---- */

Test (runtime_dir, a_process_listens_in_its_folder_alone)
{
    side_t side;
    open_side (&side, "zmq://", true);
    call (&side);
    cr_assert_eq (count_tcp_listeners (), 0u);
    cr_assert_eq (count_names (folder, "socket-"), 2u);
    cr_assert_eq (count_names (folder, "meet-9573"), 1u);
    close_side (&side);
    cr_assert_eq (count_names (folder, "socket-"), 0u);
    cr_assert_eq (count_names (folder, "meet-"), 0u);
}

Test (runtime_dir, processes_that_start_at_once_have_one_rendezvous)
{
    enum { COUNT = 8 };
    static process_t processes[COUNT];
    char text[32];
    for (int i = 0; i < COUNT; i++) {
        snprintf (text, sizeof text, "%d", i + 1);
        process_start (&processes[i], MEMBER, "zmq://", text);
    }
    for (int i = 0; i < COUNT; i++) {
        snprintf (text, sizeof text, "%d", 10 + i);
        process_tell (&processes[i], text);
    }
    for (int i = 0; i < COUNT; i++)
        for (int k = 0; k < COUNT; k++) {
            snprintf (text, sizeof text, "seen %d %d\n", k + 1, 10 + k);
            process_wait (&processes[i], 1, text);
        }
    cr_assert_eq (count_names (folder, "meet-"), 1u);
    for (int i = 0; i < COUNT; i++)
        process_finish (&processes[i], i % 2 ? SIGKILL : 0);
}

Test (runtime_dir, a_folder_that_is_removed_is_made_again)
{
    side_t first, second;
    char command[160];
    open_side (&first, "zmq://", true);
    snprintf (command, sizeof command, "rm -rf '%s'", folder);
    cr_assert_eq (system (command), 0); /* NOLINT(cert-env33-c) */
    cr_assert (log_book_wait (&book, GODWIT_LOG_WARNING, "its name, or its folder, was removed", 1));
    cr_assert (log_book_wait (&book, GODWIT_LOG_WARNING, "they were made again", 1));
    open_side (&second, "zmq://?paths=ipc", false);
    call (&second);
    MUST (godwit_client_fanout (second.client, NULL, "answer", GODWIT_NO_ARGS, NULL, &error));
    close_side (&second);
    close_side (&first);
}

Test (runtime_dir, both_folders_are_used_and_a_logout_is_in_order)
{
    side_t server, client, late;
    godwit_transport_stats_t stats;
    if (!enter_a_machine_of_its_own ())
        cr_skip_test ("only root can have a machine of its own");
    unsetenv ("GODWIT_DIR");
    cr_assert_eq (mkdir ("/run/user", 0755) | mkdir ("/run/user/0", 0700), 0);
    cr_assert_eq (chmod ("/tmp", 01777), 0);
    open_side (&server, "zmq://", true);
    open_side (&client, "zmq://?paths=ipc", false);
    call (&client);
    cr_assert_eq (count_names ("/run/user/0/godwit", "meet-9573"), 1u);
    cr_assert_eq (count_names ("/tmp/godwit-0", "meet-9573"), 1u);
    cr_assert_eq (count_names ("/run/user/0/godwit", "socket-"), 2u);
    cr_assert_eq (count_names ("/tmp/godwit-0", "socket-"), 0u);
    godwit_transport_stats (client.transport, &stats, sizeof stats);
    cr_assert_eq (stats.rendezvous_known, 2u);

    cr_assert_eq (system ("rm -rf /run/user/0"), 0); /* NOLINT(cert-env33-c) */
    cr_assert (
        log_book_wait (&book, GODWIT_LOG_INFO, "There is no place now for the rendezvous at ipc:///run", 1));
    call (&client);
    open_side (&late, "zmq://", false);
    MUST (godwit_transport_wait_ready (late.transport, WAIT_LIMIT_MS, &error));
    godwit_transport_stats (late.transport, &stats, sizeof stats);
    cr_assert_eq (stats.rendezvous_known, 1u);
    close_side (&late);

    cr_assert_eq (mkdir ("/run/user/0", 0700), 0); /* a login */
    cr_assert (
        log_book_wait (&book, GODWIT_LOG_INFO, "There is a place for the rendezvous at ipc:///run", 1));
    close_side (&client);
    close_side (&server);
}

/* ---- folders that cannot be used ---- */

/* The text of the error says what is wrong. */
static void
expect_no_transport (const char *says)
{
    godwit_transport_t *transport = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_transport_new (&transport, "zmq://", NULL, &error), GODWIT_ERR_SYSTEM);
    cr_assert (strstr (godwit_error_message (error), says), "%s", godwit_error_message (error));
    cr_assert (strstr (godwit_error_message (error), "GODWIT_DIR"), "%s", godwit_error_message (error));
    godwit_error_destroy (&error);
}

Test (runtime_dir, what_is_wrong_with_it_is_said)
{
    cr_assert_eq (mkdir (folder, 0755), 0);
    expect_no_transport ("mode 0755; expected 0700");
    if (!enter_a_machine_of_its_own ())
        cr_skip_test ("only root can have a machine of its own");
    setenv ("GODWIT_DIR", "/tmp/full/dir", 1);
    cr_assert_eq (mkdir ("/tmp/full", 0700), 0);
    cr_assert_eq (mount ("none", "/tmp/full", "tmpfs", 0, "nr_inodes=1"), 0);
    expect_no_transport ("No space left on device");
    cr_assert_eq (mount ("none", "/tmp/full", "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
    expect_no_transport ("Read-only file system");
    unsetenv ("GODWIT_DIR");
    cr_assert_eq (chmod ("/tmp", 0777), 0);
    expect_no_transport ("/tmp: mode 0777 lets others replace what is in it");
}

/* Room for the folder, but not for a socket in it. */
Test (runtime_dir, a_full_disk_is_said)
{
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    godwit_error_t *failure = NULL;
    if (!enter_a_machine_of_its_own ())
        cr_skip_test ("only root can have a machine of its own");
    setenv ("GODWIT_DIR", "/tmp/full/dir", 1);
    cr_assert_eq (mkdir ("/tmp/full", 0700), 0);
    cr_assert_eq (mount ("none", "/tmp/full", "tmpfs", 0, "nr_inodes=3"), 0);
    MUST (godwit_transport_new (&transport, "zmq://", NULL, &error));
    MUST (godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "ask", .server = "one"),
                             &GODWIT_ENDPOINT (methods), 1, NULL, &error));
    cr_assert_neq (godwit_server_start (server, NULL, &failure), GODWIT_OK);
    cr_assert (strstr (godwit_error_message (failure), "No space left on device"), "%s",
               godwit_error_message (failure));
    godwit_error_destroy (&failure);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
}

Test (runtime_dir, without_a_folder_tcp_works_and_warns)
{
    side_t server, client;
    char url[96], hosting[160];
    cr_assert_eq (mkdir (folder, 0755), 0);
    snprintf (url, sizeof url, "zmq://127.0.0.1:%d/?insecure=true", free_port ());
    snprintf (hosting, sizeof hosting, "%s&host_rendezvous=true", url);
    open_side (&server, hosting, true);
    open_side (&client, url, false);
    call (&client);
    cr_assert (log_book_wait (&book, GODWIT_LOG_WARNING, "mode 0755; expected 0700", 1));
    close_side (&client);
    close_side (&server);
}

/* ---- other users ---- */

static bool
cannot_use_the_folder (void)
{
    godwit_transport_t *transport = NULL;
    godwit_error_t *error = NULL;
    const godwit_status_t status = godwit_transport_new (&transport, "zmq://", NULL, &error);
    const bool is_said = error && strstr (godwit_error_message (error), "owned by uid 0; expected uid 65534");
    if (!is_said)
        fprintf (stderr, "%s\n", error ? godwit_error_message (error) : "there is a transport");
    godwit_error_destroy (&error);
    godwit_transport_destroy (&transport);
    return status == GODWIT_ERR_SYSTEM && is_said;
}

static bool
finds_nobody (void)
{
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    snprintf (folder, sizeof folder, "%s/nobodys", top);
    setenv ("GODWIT_DIR", folder, 1);
    if (godwit_transport_new (&transport, "zmq://", NULL, NULL) ||
        godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "ask"),
                           GODWIT_CLIENT_OPTIONS (.timeout_ms = SHORT_MS), NULL))
        return false;
    const godwit_status_t status = godwit_client_call (client, NULL, "answer", GODWIT_NO_ARGS, NULL, NULL);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    return status != GODWIT_OK;
}

Test (runtime_dir, another_user_neither_joins_nor_finds)
{
    side_t side;
    if (geteuid () != 0)
        cr_skip_test ("only root can become another user");
    cr_assert_eq (chmod (top, 01777), 0);
    const other_user_t intruder = other_user_prepare (NOBODY, cannot_use_the_folder);
    const other_user_t neighbour = other_user_prepare (NOBODY, finds_nobody);
    open_side (&side, "zmq://", true);
    cr_assert (other_user_run (&intruder));
    cr_assert (other_user_run (&neighbour));
    call (&side);
    close_side (&side);
}

static char loopback[96];

static bool
calls_by_tcp (void)
{
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    godwit_error_t *error = NULL;
    snprintf (folder, sizeof folder, "%s/nobodys", top);
    setenv ("GODWIT_DIR", folder, 1);
    if (godwit_transport_new (&transport, loopback, NULL, NULL) ||
        godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "ask"),
                           GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), NULL))
        return false;
    const godwit_status_t status = godwit_client_call (client, NULL, "answer", GODWIT_NO_ARGS, NULL, &error);
    if (status)
        fprintf (stderr, "%s\n", godwit_error_message (error));
    godwit_error_destroy (&error);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    return status == GODWIT_OK;
}

Test (runtime_dir, an_explicit_rendezvous_lets_other_users_in)
{
    side_t side;
    char hosting[128];
    if (geteuid () != 0)
        cr_skip_test ("only root can become another user");
    cr_assert_eq (chmod (top, 01777), 0);
    snprintf (loopback, sizeof loopback, "zmq://127.0.0.1:%d/?insecure=true", free_port ());
    snprintf (hosting, sizeof hosting, "%s&host_rendezvous=true", loopback);
    const other_user_t guest = other_user_prepare (NOBODY, calls_by_tcp);
    open_side (&side, hosting, true);
    cr_assert (other_user_run (&guest));
    call (&side);
    close_side (&side);
}

/* ---- where the folder does not keep them out, the uid does ---- */

static char address[192];

static bool
is_hung_up_on (void)
{
    const int fd = zmtp_connect (address);
    return fd >= 0 && !zmtp_handshake (fd, "DEALER", NULL, 0);
}

static bool
is_served (void)
{
    const int fd = zmtp_connect (address);
    return fd >= 0 && zmtp_handshake (fd, "DEALER", NULL, 0);
}

Test (runtime_dir, a_port_hangs_up_on_another_user)
{
    side_t side;
    char path[160];
    if (geteuid () != 0)
        cr_skip_test ("only root can become another user");
    snprintf (path, sizeof path, "%s/meet-9573", folder);
    snprintf (address, sizeof address, "ipc://%s", path);
    const other_user_t own = other_user_prepare (0, is_served);
    const other_user_t another = other_user_prepare (NOBODY, is_hung_up_on);
    open_side (&side, "zmq://", true);
    cr_assert (log_book_wait (&book, GODWIT_LOG_INFO, "Hosts the rendezvous at ", 1));
    cr_assert_eq (chmod (folder, 0755) | chmod (path, 0777), 0);
    cr_assert (other_user_run (&own));
    cr_assert (other_user_run (&another));
    close_side (&side);
}

Test (runtime_dir, a_client_does_not_talk_to_another_user)
{
    side_t side;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char url[256];
    int ready[2];
    char byte = 0;
    if (geteuid () != 0)
        cr_skip_test ("only root can become another user");
    cr_assert_eq (mkdir (folder, 0777) | chmod (folder, 0777) | pipe2 (ready, O_CLOEXEC), 0);
    snprintf (at.sun_path, sizeof at.sun_path, "%s/socket-0", folder);
    const pid_t child = fork ();
    if (child == 0) {
        const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (setgroups (0, NULL) || setgid (NOBODY) || setuid (NOBODY) ||
            bind (fd, (const struct sockaddr *) &at, sizeof at) || listen (fd, 1024) ||
            write (ready[1], "r", 1) != 1)
            _exit (1);
        alarm (60);
        pause ();
    }
    cr_assert_eq (read (ready[0], &byte, 1), 1);
    cr_assert_eq (chmod (folder, 0700), 0);
    snprintf (url, sizeof url, "zmq:///?static=ask/one@ipc://%s", at.sun_path);
    open_side (&side, url, false);
    godwit_error_t *failure = NULL;
    const godwit_status_t status = godwit_client_wait_servers (side.client, 1, 2 * SHORT_MS, &failure);
    kill (child, SIGKILL);
    waitpid (child, NULL, 0);
    cr_assert_neq (status, GODWIT_OK);
    cr_assert (strstr (godwit_error_message (failure), "a process of another user listens there"), "%s",
               godwit_error_message (failure));
    godwit_error_destroy (&failure);
    close_side (&side);
}
