/* SPDX-License-Identifier: Apache-2.0 */
/* What the log of real processes says: nothing to look at while all is well, and what is wrong if another
 * program has the port of the rendezvous. */
#include <godwit/client.h>
#include <godwit/server.h>

#include "tests/support/log_book.h"
#include "tests/support/must.h"
#include "tests/support/process.h"
#include "tests/support/zmtp.h"

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVER GODWIT_BUILD_DIR "/tests/e2e/programs/core_server"

static char path[64]; /* where the processes log */
static char text[1 << 18];
static log_book_t book;

static void
make_path (void)
{
    snprintf (path, sizeof path, "/tmp/godwit-log-XXXXXX");
    const int fd = mkstemp (path);
    cr_assert_geq (fd, 0);
    close (fd);
}

static void
remove_path (void)
{
    unlink (path);
}

static const char *
read_log (void)
{
    FILE *const file = fopen (path, "r");
    cr_assert_not_null (file);
    text[fread (text, 1, sizeof text - 1, file)] = '\0';
    fclose (file);
    return text;
}

static unsigned
count (const char *what)
{
    unsigned found = 0;
    for (const char *at = read_log (); (at = strstr (at, what)); at++)
        found++;
    return found;
}

/* Until the processes have logged it so many times. */
static void
wait_for (const char *what, unsigned times)
{
    const int64_t end_ms = process_now_ms () + PROCESS_WAIT_LIMIT_MS;
    while (count (what) < times) {
        cr_assert (process_now_ms () < end_ms, "no \"%s\" in:\n%s", what, text);
        usleep (10000);
    }
}

/* ---- all is well ---- */

Test (log, has_no_warning_while_all_is_well, .init = make_path, .fini = remove_path, .timeout = 120)
{
    enum { COUNT = 3 };
    static process_t processes[COUNT];
    static const char *const names[COUNT] = {"first", "second", "third"};
    const int port = free_port ();
    char url[64], value[96], line[128];
    snprintf (url, sizeof url, "zmq://:%d/?refresh_ms=1000", port);
    snprintf (value, sizeof value, "info:%s", path);
    setenv ("GODWIT_LOG", value, 1);
    for (int i = 0; i < COUNT; i++) {
        process_start (&processes[i], SERVER, url, names[i]);
        process_wait (&processes[i], 1, "up\n");
        wait_for (i ? "Joined the rendezvous at ipc://" : "Hosts the rendezvous at ipc://",
                  i ? (unsigned) i : 1);
    }
    /* Each hears of each, with name, topic and address. */
    for (int i = 0; i < COUNT; i++) {
        snprintf (line, sizeof line, " INFO %ld/godwit-control: Server ", (long) processes[i].pid);
        wait_for (line, COUNT);
        snprintf (line, sizeof line, "Server %s of topic work, exchange godwit, joined: ipc://", names[i]);
        wait_for (line, COUNT);
    }
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    MUST (godwit_transport_new (&transport, url, NULL, &error));
    MUST (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "work"), NULL, &error));
    MUST (godwit_client_wait_servers (client, COUNT, PROCESS_WAIT_LIMIT_MS, &error));
    for (int i = 0; i < 100; i++)
        MUST (godwit_client_call (client, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    /* The one that hosts ends, and another one takes over: the second hosting. */
    process_finish (&processes[0], 0);
    wait_for ("Server first of topic work, exchange godwit, left: ipc://", COUNT + 1);
    wait_for ("Hosts the rendezvous at ", 2);
    wait_for ("Lost the rendezvous at ", COUNT);
    for (int i = 0; i < 100; i++)
        MUST (godwit_client_call (client, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    /* A stop and a start, which two of the processes and this one hear of. */
    process_tell (&processes[1], "stop");
    process_wait (&processes[1], 1, "stopped\n");
    wait_for ("Server second of topic work, exchange godwit, left: ipc://", COUNT);
    process_tell (&processes[1], "start");
    process_wait (&processes[1], 2, "up\n");
    wait_for ("Server second of topic work, exchange godwit, joined: ipc://", 2 * COUNT + 1);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    process_finish (&processes[1], 0);
    process_finish (&processes[2], 0);
    cr_assert_eq (count (" WARNING ") + count (" ERROR "), 0u, "%s", text);
}

/* ---- another program has the port ---- */

typedef enum manner { MANNER_SILENT, MANNER_HTTP, MANNER_CLOSES } manner_t;

typedef struct foreign {
    manner_t manner;
    int listener;
    int port;
    pthread_t thread;
} foreign_t;

/* Accepts what comes, and behaves as another program would, until the listener is shut down. */
static void *
serve (void *user)
{
    const foreign_t *const foreign = user;
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    int kept[64];
    size_t kept_count = 0;
    for (int fd; (fd = accept4 (foreign->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
        if (foreign->manner == MANNER_SILENT && kept_count < sizeof kept / sizeof kept[0]) {
            kept[kept_count++] = fd;
            continue;
        }
        if (foreign->manner == MANNER_HTTP)
            (void) !send (fd, answer, sizeof answer - 1, MSG_NOSIGNAL);
        close (fd);
    }
    while (kept_count)
        close (kept[--kept_count]);
    return NULL;
}

static void
foreign_begin (foreign_t *foreign, manner_t manner)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    foreign->manner = manner;
    foreign->port = free_port ();
    address.sin_port = htons ((uint16_t) foreign->port);
    foreign->listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* So that its closed connections do not keep the port from the next one. */
    setsockopt (foreign->listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof (int));
    cr_assert_eq (bind (foreign->listener, (const struct sockaddr *) &address, sizeof address), 0);
    cr_assert_eq (listen (foreign->listener, 64), 0);
    cr_assert_eq (pthread_create (&foreign->thread, NULL, serve, foreign), 0);
}

static void
foreign_end (foreign_t *foreign)
{
    shutdown (foreign->listener, SHUT_RDWR);
    pthread_join (foreign->thread, NULL);
    close (foreign->listener);
}

static void
try_foreign (manner_t manner)
{
    foreign_t foreign;
    godwit_transport_t *transport = NULL;
    char url[96], warning[128];
    log_book_open (&book);
    foreign_begin (&foreign, manner);
    snprintf (url, sizeof url, "zmq://127.0.0.1:%d/?insecure=true&host_rendezvous=true&log_level=info",
              foreign.port);
    snprintf (warning, sizeof warning, "The rendezvous at tcp://127.0.0.1:%d can be neither joined (",
              foreign.port);
    MUST (godwit_transport_new (&transport, url,
                                GODWIT_TRANSPORT_OPTIONS (.log = log_book_write, .log_user = &book), &error));
    cr_assert (log_book_wait (&book, GODWIT_LOG_WARNING, warning, 1));
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_WARNING,
                                  "Address already in use): another program may have the "
                                  "port. End it, or name another port in the URL of every "
                                  "process"),
                  1u);
    /* When the other program has gone, all is well. */
    foreign_end (&foreign);
    cr_assert (log_book_wait (&book, GODWIT_LOG_INFO, "Hosts the rendezvous at ", 1));
    godwit_transport_destroy (&transport);
    log_book_close (&book);
}

Test (log, says_that_another_program_has_the_port_and_is_silent, .timeout = 120)
{
    try_foreign (MANNER_SILENT);
}

Test (log, says_that_another_program_has_the_port_and_speaks_http, .timeout = 120)
{
    try_foreign (MANNER_HTTP);
}

Test (log, says_that_another_program_has_the_port_and_hangs_up, .timeout = 120)
{
    try_foreign (MANNER_CLOSES);
}

/* ---- another program connects to a rendezvous ---- */

static godwit_transport_t *
open_host (char address[64])
{
    godwit_transport_t *transport = NULL;
    char url[96];
    const int port = free_port ();
    log_book_open (&book);
    snprintf (address, 64, "tcp://127.0.0.1:%d", port);
    snprintf (url, sizeof url,
              "zmq://127.0.0.1:%d/?insecure=true&host_rendezvous=true&log_level=info&refresh_ms=100", port);
    MUST (godwit_transport_new (&transport, url,
                                GODWIT_TRANSPORT_OPTIONS (.log = log_book_write, .log_user = &book), &error));
    cr_assert (log_book_wait (&book, GODWIT_LOG_INFO, "Hosts the rendezvous at ", 1));
    return transport;
}

Test (log, says_that_another_program_connects_and_speaks_http, .timeout = 120)
{
    static const char request[] =
        "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n";
    char address[64], warning[256];
    godwit_transport_t *transport = open_host (address);
    for (unsigned i = 1; i <= 5; i++) {
        const int fd = zmtp_connect (address);
        cr_assert_geq (fd, 0);
        cr_assert (zmtp_write (fd, request, sizeof request - 1));
        close (fd);
        if (i <= 2)
            cr_assert (log_book_wait (&book, GODWIT_LOG_INFO, "ended before its handshake was over", i));
    }
    snprintf (warning, sizeof warning,
              " connected to the rendezvous at %s, and does not speak the protocol of Godwit: another realm, "
              "or another "
              "program, uses this port",
              address);
    cr_assert (log_book_wait (&book, GODWIT_LOG_WARNING, warning, 1));
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_WARNING, "127.0.0.1:"), 1u);
    godwit_transport_destroy (&transport);
    log_book_close (&book);
}

Test (log, says_that_another_program_sends_messages_of_its_own, .timeout = 120)
{
    char address[64];
    godwit_transport_t *transport = open_host (address);
    const int fd = zmtp_connect (address);
    cr_assert_geq (fd, 0);
    cr_assert (zmtp_handshake (fd, "DEALER", NULL, 0));
    cr_assert (zmtp_send (fd, "hello, anybody there?", 21, false));
    cr_assert (log_book_wait (&book, GODWIT_LOG_WARNING, "1 frames came that no peer of Godwit sends", 1));
    close (fd);
    godwit_transport_destroy (&transport);
    log_book_close (&book);
}
