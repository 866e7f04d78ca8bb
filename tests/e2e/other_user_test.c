/* SPDX-License-Identifier: Apache-2.0 */
/* What another user of this machine can do to the processes of this one, with sockets alone: nothing. It
 * finds no name that it could connect to, cannot take one of theirs, and who takes a port first gets nobody's
 * calls. */
#include <godwit/client.h>
#include <godwit/server.h>

#include "tests/support/must.h"
#include "tests/support/other_user.h"
#include "tests/support/process.h"
#include "tests/support/realm_files.h"
#include "tests/support/zmtp.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define WAIT_LIMIT_MS 20000
#define SHORT_MS 1500
#define CROWD 2000

static char top[64];    /* the folder of the test */
static char folder[96]; /* GODWIT_DIR in it */
static char meet[128];  /* the rendezvous in that */
static int port;

/* What the other user saw; in memory that both processes have. */
static struct seen {
    atomic_bool is_ready, is_over;
    atomic_size_t connections;
    atomic_size_t bytes_max; /* of one of these */
} * seen;

static void
open_test (void)
{
    snprintf (top, sizeof top, "/tmp/godwit-other-XXXXXX");
    cr_assert_not_null (mkdtemp (top));
    cr_assert_eq (chmod (top, 01777), 0);
    snprintf (folder, sizeof folder, "%s/dir", top);
    setenv ("GODWIT_DIR", folder, 1);
    port = free_port ();
    snprintf (meet, sizeof meet, "%s/meet-%d", folder, port);
    seen = mmap (NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq (seen, MAP_FAILED);
    if (geteuid () != 0)
        cr_skip_test ("only root can become another user");
}

static void
close_test (void)
{
    char command[128];
    munmap (seen, sizeof *seen);
    snprintf (command, sizeof command, "rm -rf '%s'", top);
    cr_assert_eq (system (command), 0); /* NOLINT(cert-env33-c) */
}

TestSuite (other_user, .init = open_test, .fini = close_test, .timeout = 100);

/* ---- a server and its client, each with a transport of its own ---- */

typedef struct pair {
    godwit_transport_t *serving, *calling;
    godwit_server_t *server;
    godwit_client_t *client;
} pair_t;

static godwit_status_t
answer (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, GODWIT_STR (NULL, "answer"));
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("answer", answer, 0)};

static void
open_pair (pair_t *pair, const char *serving, const char *calling, int timeout_ms)
{
    *pair = (pair_t){.server = NULL};
    MUST (
        godwit_transport_new (&pair->serving, serving, GODWIT_TRANSPORT_OPTIONS (.refresh_ms = 200), &error));
    MUST (
        godwit_transport_new (&pair->calling, calling, GODWIT_TRANSPORT_OPTIONS (.refresh_ms = 200), &error));
    MUST (godwit_server_new (&pair->server, pair->serving, GODWIT_TARGET (.topic = "ask", .server = "one"),
                             &GODWIT_ENDPOINT (methods), 1, NULL, &error));
    MUST (godwit_server_start (pair->server, NULL, &error));
    MUST (godwit_client_new (&pair->client, pair->calling, GODWIT_TARGET (.topic = "ask"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = timeout_ms), &error));
}

static void
close_pair (pair_t *pair)
{
    godwit_client_destroy (&pair->client);
    godwit_server_destroy (&pair->server);
    godwit_transport_destroy (&pair->calling);
    godwit_transport_destroy (&pair->serving);
}

static void
call (const pair_t *pair)
{
    MUST (godwit_client_call (pair->client, NULL, "answer", GODWIT_NO_ARGS, NULL, &error));
}

/* ---- local sockets ---- */

static bool
expect (bool is_so, const char *what)
{
    if (!is_so)
        fprintf (stderr, "nobody: %s: %s\n", what, strerror (errno));
    return is_so;
}

static int
connect_to (const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf (to.sun_path, sizeof to.sun_path, "%s", path);
    if (connect (fd, (const struct sockaddr *) &to, sizeof to) == 0)
        return fd;
    const int failure = errno;
    close (fd);
    errno = failure;
    return -1;
}

static bool
cannot_bind (const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf (at.sun_path, sizeof at.sun_path, "%s", path);
    const bool is_bound = bind (fd, (const struct sockaddr *) &at, sizeof at) == 0;
    close (fd);
    return !is_bound && errno == EACCES;
}

/* All names that the system shows to everybody: the test's own are tried. */
static bool
cannot_use_what_the_system_shows (void)
{
    char line[512], name[256];
    bool is_so = true;
    FILE *const list = fopen ("/proc/net/unix", "r");
    while (list && fgets (line, sizeof line, list))
        if (sscanf (line, "%*s %*s %*s %*s %*s %*s %*s %255s", name) == 1 && strstr (name, top))
            is_so = expect (name[0] == '/' && connect_to (name) < 0, name) && is_so;
    if (list)
        fclose (list);
    return expect (list != NULL, "/proc/net/unix") && is_so;
}

static bool
cannot_get_at_the_folder (void)
{
    char name[160], other[160];
    snprintf (name, sizeof name, "%s/socket-0", folder);
    snprintf (other, sizeof other, "%s/taken", top);
    return expect (!opendir (folder) && errno == EACCES, "it lists the folder") &&
           expect (connect_to (meet) < 0 && errno == EACCES, "it connects to the rendezvous") &&
           expect (unlink (meet) < 0 && errno == EACCES, "it removes the rendezvous") &&
           expect (cannot_bind (meet) && cannot_bind (name), "it listens in the folder") &&
           expect (rename (folder, other) < 0, "it moves the folder") && cannot_use_what_the_system_shows ();
}

/* Names that are valid without a folder are open to everybody: no socket of this process has one. */
static void
expect_no_abstract_name (void)
{
    char path[64], link[64], line[512], name[256];
    unsigned sockets = 0;
    for (int fd = 0; fd < 256; fd++) {
        unsigned long inode = 0, at = 0;
        snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
        const ssize_t size = readlink (path, link, sizeof link - 1);
        link[size > 0 ? size : 0] = '\0';
        if (sscanf (link, "socket:[%lu]", &inode) != 1)
            continue;
        FILE *const list = fopen ("/proc/net/unix", "r");
        cr_assert_not_null (list);
        while (fgets (line, sizeof line, list))
            if (sscanf (line, "%*s %*s %*s %*s %*s %*s %lu %255s", &at, name) == 2 && at == inode) {
                cr_assert_neq (name[0], '@', "%s", name);
                sockets++;
            }
        fclose (list);
    }
    cr_assert_geq (sockets, 3u, "a rendezvous, a port and its fanout");
}

Test (other_user, finds_no_name_and_takes_none)
{
    pair_t pair;
    char url[64];
    snprintf (url, sizeof url, "zmq://:%d/", port);
    const other_user_t nobody = other_user_prepare (OTHER_USER_NOBODY, cannot_get_at_the_folder);
    open_pair (&pair, url, url, WAIT_LIMIT_MS);
    call (&pair);
    expect_no_abstract_name ();
    cr_assert (other_user_run (&nobody));
    call (&pair);
    close_pair (&pair);
}

/* The descriptors that a listener runs out of are its own. */
static bool
knocks_without_end (void)
{
    unsigned refused = 0;
    for (int i = 0; i < CROWD; i++) {
        struct pollfd item = {connect_to (meet), POLLIN, 0};
        char byte;
        if (item.fd < 0)
            continue;
        refused += poll (&item, 1, WAIT_LIMIT_MS) == 1 && recv (item.fd, &byte, 1, 0) <= 0;
        close (item.fd);
    }
    return expect (refused == CROWD, "it is told something");
}

/* Somebody opens the folder by mistake. */
Test (other_user, is_hung_up_on_before_the_first_byte)
{
    pair_t pair;
    char url[64];
    snprintf (url, sizeof url, "zmq://:%d/", port);
    const other_user_t nobody = other_user_prepare (OTHER_USER_NOBODY, knocks_without_end);
    open_pair (&pair, url, url, WAIT_LIMIT_MS);
    call (&pair);
    cr_assert_eq (chmod (folder, 0755) | chmod (meet, 0777), 0);
    other_user_begin (&nobody);
    for (int i = 0; i < 200; i++)
        call (&pair);
    cr_assert (other_user_end (&nobody));
    call (&pair);
    close_pair (&pair);
}

/* ---- the port of the rendezvous ---- */

/* Counts what one says that connects, and says what it likes. */
static void
hear (int fd)
{
    static const uint8_t greeting[ZMTP_GREETING_SIZE] = {0xff, [9] = 0x7f, 3,   1,   'C',
                                                         'U',  'R',        'V', 'E', [32] = 1};
    static const uint8_t welcome[170] = {4, 168, 7, 'W', 'E', 'L', 'C', 'O', 'M', 'E'};
    struct pollfd item = {fd, POLLIN, 0};
    char data[4096];
    size_t bytes = 0;
    bool has_answered = false;
    if (!zmtp_write (fd, greeting, sizeof greeting))
        return;
    while (poll (&item, 1, 3000) == 1) {
        const ssize_t size = recv (fd, data, sizeof data, 0);
        if (size <= 0)
            break;
        bytes += (size_t) size;
        if (bytes > ZMTP_GREETING_SIZE && !has_answered)
            has_answered = zmtp_write (fd, welcome, sizeof welcome);
    }
    if (bytes > atomic_load (&seen->bytes_max))
        atomic_store (&seen->bytes_max, bytes);
}

static bool
takes_the_port (void)
{
    const struct sockaddr_in at = {.sin_family = AF_INET,
                                   .sin_port = htons ((uint16_t) port),
                                   .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind (fd, (const struct sockaddr *) &at, sizeof at) < 0 || listen (fd, 64) < 0)
        return expect (false, "it takes the port");
    atomic_store (&seen->is_ready, true);
    for (struct pollfd item = {fd, POLLIN, 0}; !atomic_load (&seen->is_over);) {
        if (poll (&item, 1, 20) != 1)
            continue;
        const int connection = accept4 (fd, NULL, NULL, SOCK_CLOEXEC);
        atomic_fetch_add (&seen->connections, 1);
        hear (connection);
        close (connection);
    }
    return true;
}

static other_user_t
let_it_take_the_port (void)
{
    const other_user_t nobody = other_user_prepare (OTHER_USER_NOBODY, takes_the_port);
    other_user_begin (&nobody);
    for (int i = 0; i < 1000 && !atomic_load (&seen->is_ready); i++)
        poll (NULL, 0, 10);
    cr_assert (atomic_load (&seen->is_ready));
    return nobody;
}

static void
end_it (const other_user_t *nobody)
{
    atomic_store (&seen->is_over, true);
    cr_assert (other_user_end (nobody));
}

Test (other_user, gets_nothing_of_the_port_without_a_realm)
{
    pair_t pair;
    char url[64];
    const other_user_t nobody = let_it_take_the_port ();
    snprintf (url, sizeof url, "zmq://:%d/", port);
    open_pair (&pair, url, url, WAIT_LIMIT_MS);
    for (int i = 0; i < 20; i++)
        call (&pair);
    close_pair (&pair);
    end_it (&nobody);
    cr_assert_eq (seen->connections, 0u, "nobody asks there");
}

/* 64 bytes of a greeting, and a HELLO that says nothing: there is no more to hear for who has not the door.
 */
static void
expect_nothing_was_heard (void)
{
    cr_assert_gt (seen->connections, 0u);
    cr_assert_leq (seen->bytes_max, (size_t) ZMTP_GREETING_SIZE + 202);
}

/* The processes of one user still meet in their folder. */
Test (other_user, gets_nothing_of_the_port_in_a_realm)
{
    pair_t pair;
    char url[256];
    godwit__test_realm_t *realm = godwit__test_realm_new (3);
    const char *const member = godwit__test_realm_issue (realm, GODWIT__TEST_MEMBER (.name = "one"));
    const other_user_t nobody = let_it_take_the_port ();
    snprintf (url, sizeof url, "zmq://:%d/?realm=%s", port, member);
    open_pair (&pair, url, url, WAIT_LIMIT_MS);
    for (int i = 0; i < 20; i++)
        call (&pair);
    close_pair (&pair);
    end_it (&nobody);
    cr_assert_leq (seen->bytes_max, (size_t) ZMTP_GREETING_SIZE + 202);
    godwit__test_realm_destroy (&realm);
}

/* They have no other place to meet, and do not meet: better than with somebody else. */
Test (other_user, gets_no_calls_at_an_explicit_rendezvous_in_a_realm)
{
    pair_t pair;
    char url[256];
    godwit_error_t *failure = NULL;
    godwit__test_realm_t *realm = godwit__test_realm_new (4);
    const char *const member = godwit__test_realm_issue (realm, GODWIT__TEST_MEMBER (.name = "one"));
    const other_user_t nobody = let_it_take_the_port ();
    snprintf (url, sizeof url, "zmq://127.0.0.1:%d/?paths=tcp&realm=%s", port, member);
    open_pair (&pair, url, url, SHORT_MS);
    cr_assert_neq (godwit_client_call (pair.client, NULL, "answer", GODWIT_NO_ARGS, NULL, &failure),
                   GODWIT_OK);
    godwit_error_destroy (&failure);
    close_pair (&pair);
    end_it (&nobody);
    expect_nothing_was_heard ();
    godwit__test_realm_destroy (&realm);
}
