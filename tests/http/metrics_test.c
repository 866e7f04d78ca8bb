/* SPDX-License-Identifier: Apache-2.0 */
/* A server of metrics, and who asks it: what is answered, what is refused, what is bounded, and that it lets
 * go of everything. */
#include "components/http/inside.h"
#include "tests/support/await.h"
#include "tests/support/must.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANY "127.0.0.1:0"

/* ThreadSanitizer lets the child of a process with threads start none. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NO_THREADS_IN_CHILD 1
#endif
#endif

static godwit_transport_t *transport;
static godwit_http_server_t *server;

static void
begin (void)
{
    MUST (godwit_transport_new (&transport, "inproc://http/", NULL, &error));
}

static void
end (void)
{
    godwit_http_destroy (&server);
    godwit_transport_destroy (&transport);
}

TestSuite (metrics, .init = begin, .fini = end, .timeout = 60);

static int
connect_to (int port)
{
    const struct timeval limit = {.tv_sec = 20};
    const struct sockaddr_in at = {.sin_family = AF_INET,
                                   .sin_port = htons ((uint16_t) port),
                                   .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq (connect (fd, (const struct sockaddr *) &at, sizeof at), 0);
    setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

static void
say (int fd, const char *text)
{
    cr_assert_eq (send (fd, text, strlen (text), MSG_NOSIGNAL), (ssize_t) strlen (text));
}

/* All that comes until the other side closes; in room of the test. */
static const char *
hear (int fd)
{
    static char text[1 << 20];
    size_t size = 0;
    ssize_t more;
    while ((more = recv (fd, text + size, sizeof text - 1 - size, 0)) > 0)
        size += (size_t) more;
    text[size] = '\0';
    close (fd);
    return text;
}

static const char *
ask (const char *request)
{
    const int fd = connect_to (godwit_http_port (server));
    say (fd, request);
    return hear (fd);
}

static void
has (const char *text, const char *part)
{
    cr_assert (strstr (text, part), "expected\n%s\nin\n%s", part, text);
}

/* ---- what is answered ---- */

Test (metrics, get)
{
    MUST (godwit_http_serve_metrics (&server, transport, ANY, &error));
    const char *const answer = ask ("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n");
    has (answer, "HTTP/1.1 200 OK\r\n");
    has (answer, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    has (answer, "Connection: close\r\n");
    has (answer, "\ngodwit_calls_started_total 0\n");
}

Test (metrics, head)
{
    MUST (godwit_http_serve_metrics (&server, transport, ANY, &error));
    const char *const answer = ask ("HEAD /metrics HTTP/1.1\r\nHost: here\r\n\r\n");
    has (answer, "HTTP/1.1 200 OK\r\n");
    has (answer, "Content-Length: ");
    cr_assert_null (strstr (answer, "godwit_calls"));
}

Test (metrics, other_paths_and_methods)
{
    MUST (godwit_http_serve_metrics (&server, transport, ANY, &error));
    has (ask ("GET / HTTP/1.1\r\nHost: here\r\n\r\n"), "HTTP/1.1 404 Not Found\r\n");
    has (ask ("GET /metrics/x HTTP/1.1\r\nHost: here\r\n\r\n"), "HTTP/1.1 404 Not Found\r\n");
    const char *const answer =
        ask ("POST /metrics HTTP/1.1\r\nHost: here\r\nContent-Length: 100000000\r\n\r\nx");
    has (answer, "HTTP/1.1 405 Method Not Allowed\r\n");
    has (answer, "Allow: GET, HEAD\r\n");
}

Test (metrics, a_transport_that_cannot_tell_is_unavailable)
{
#ifdef NO_THREADS_IN_CHILD
    cr_skip_test ("a child has no threads under ThreadSanitizer");
#endif
    MUST (godwit_http_serve_metrics (&server, transport, ANY, &error));
    const pid_t child = fork (); /* where the transport is the parent's: FORKED */
    if (child == 0) {
        godwit_http_server_t *own = NULL;
        if (godwit_http_serve_metrics (&own, transport, ANY, NULL))
            _exit (1);
        godwit_http_server_t *const before = server;
        server = own;
        const char *const answer = ask ("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n");
        const bool is_right = strstr (answer, "HTTP/1.1 503 ") && strstr (answer, "Forked");
        server = before;
        godwit_http_destroy (&own);
        godwit_http_destroy (&server); /* the parent's stays as it is */
        _exit (is_right ? 0 : 2);
    }
    int status = -1;
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert_eq (status, 0);
    has (ask ("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n"), "200 OK");
}

/* ---- what is bounded ---- */

Test (metrics, nonsense_is_refused)
{
    MUST (godwit__http_open (&server, transport, ANY, 300, &error));
    ask ("\r\n\r\n\r\n");
    ask ("\x16\x03\x01\x02\x01 what TLS sends\r\n\r\n");
    ask ("GET\r\n\r\n");
    has (ask ("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n"), "200 OK");
}

Test (metrics, headers_are_bounded)
{
    static char line[100000];
    MUST (godwit_http_serve_metrics (&server, transport, ANY, &error));
    const int fd = connect_to (godwit_http_port (server));
    memset (line, 'x', sizeof line);
    say (fd, "GET /metrics HTTP/1.1\r\nHost: ");
    send (fd, line, sizeof line, MSG_NOSIGNAL); /* it may be closed before all is sent */
    cr_assert_null (strstr (hear (fd), "200 OK"));
    has (ask ("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n"), "200 OK");
}

/* A byte now and then does not keep a connection open: it has a time as a whole. */
Test (metrics, the_time_of_a_connection_is_bounded)
{
    MUST (godwit__http_open (&server, transport, ANY, 200, &error));
    const int fd = connect_to (godwit_http_port (server));
    const struct timeval step = {.tv_usec = 20000};
    char byte;
    int steps = 0;
    setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &step, sizeof step);
    say (fd, "GET /metrics HTTP/1.1\r\nX-Slow: ");
    while (recv (fd, &byte, 1, 0) < 0 && steps < 400) {
        send (fd, "x", 1, MSG_NOSIGNAL);
        steps++;
    }
    cr_assert_lt (steps, 400, "it was not closed");
    close (fd);
    has (ask ("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n"), "200 OK");
}

/* Who comes when all places are taken waits until one is free. */
Test (metrics, connections_are_bounded)
{
    int fds[3 * GODWIT__HTTP_CONNECTIONS];
    MUST (godwit__http_open (&server, transport, ANY, 300, &error));
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        fds[i] = connect_to (godwit_http_port (server));
    has (ask ("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n"), "200 OK");
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        close (fds[i]);
}

/* ---- its life ---- */

Test (metrics, ends_in_the_middle_of_a_request)
{
    MUST (godwit_http_serve_metrics (&server, transport, ANY, &error));
    const int idle = connect_to (godwit_http_port (server));
    const int half = connect_to (godwit_http_port (server));
    say (half, "GET /met");
    has (ask ("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n"), "200 OK"); /* so both are accepted */
    godwit_http_destroy (&server);
    cr_assert_null (server);
    cr_assert_str_eq (hear (idle), "");
    cr_assert_str_eq (hear (half), "");
}

Test (metrics, its_port_may_be_used_again)
{
    char address[32];
    MUST (godwit_http_serve_metrics (&server, transport, ANY, &error));
    snprintf (address, sizeof address, "127.0.0.1:%d", godwit_http_port (server));
    ask ("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n");
    godwit_http_destroy (&server);
    MUST (godwit_http_serve_metrics (&server, transport, address, &error));
    has (ask ("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n"), "200 OK");
}

Test (metrics, ipv6)
{
    godwit_error_t *error = NULL;
    if (godwit_http_serve_metrics (&server, transport, "[::1]:0", &error)) {
        cr_assert_eq (godwit_error_status (error), GODWIT_ERR_SYSTEM);
        godwit_error_destroy (&error);
        cr_skip_test ("this machine has no IPv6");
    }
    cr_assert_gt (godwit_http_port (server), 0);
}

/* ---- what is wrong ---- */

static void
fails (const char *address, godwit_status_t status, const char *text)
{
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_http_serve_metrics (&server, transport, address, &error), status, "%s", address);
    has (godwit_error_message (error), text);
    cr_assert_null (server);
    godwit_error_destroy (&error);
}

Test (metrics, addresses)
{
    static const char *const malformed[] = {
        "",          ":9464",        "127.0.0.1",       "127.0.0.1:",      "localhost:9464",
        "[::1:9464", "::1:9464",     "[::1]9464",       "127.0.0.1:65536", "127.0.0.1:-1",
        "[]:1",      "127.0.0.1:1x", "127.0.0.1:000001"};
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++)
        fails (malformed[i], GODWIT_ERR_INVALID_ARGUMENT,
               "address: expected a numeric address and a port, as in \"127.0.0.1:9464\" or \"[::1]:9464\", "
               "got");
    fails ("192.0.2.1:0", GODWIT_ERR_SYSTEM, "metrics: cannot listen at 192.0.2.1:0: ");
}

Test (metrics, an_address_that_is_taken)
{
    char address[32];
    godwit_http_server_t *first = NULL;
    MUST (godwit_http_serve_metrics (&first, transport, ANY, &error));
    snprintf (address, sizeof address, "127.0.0.1:%d", godwit_http_port (first));
    fails (address, GODWIT_ERR_SYSTEM, "choose another port, or 0 for any");
    godwit_http_destroy (&first);
}

Test (metrics, null_arguments)
{
    cr_assert_eq (godwit_http_serve_metrics (NULL, transport, ANY, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (godwit_http_serve_metrics (&server, NULL, ANY, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (godwit_http_port (NULL), 0);
    godwit_http_destroy (NULL);
    godwit_http_destroy (&server);
}

/* With ever more descriptors: each failure is a status, and leaves nothing open. */
Test (metrics, short_of_descriptors)
{
    struct rlimit limit;
    const int free_fd = dup (0);
    close (free_fd);
    cr_assert_eq (getrlimit (RLIMIT_NOFILE, &limit), 0);
    for (int more = 0; !server && more < 20; more++) {
        godwit_error_t *error = NULL;
        limit.rlim_cur = (rlim_t) free_fd + (rlim_t) more;
        cr_assert_eq (setrlimit (RLIMIT_NOFILE, &limit), 0);
        if (godwit_http_serve_metrics (&server, transport, ANY, &error)) {
            cr_assert_eq (godwit_error_status (error), GODWIT_ERR_SYSTEM, "%s", godwit_error_print (error));
            const int next = more ? dup (0) : free_fd;
            cr_assert_eq (next, free_fd, "a descriptor was left open");
            if (more)
                close (next);
        }
        godwit_error_destroy (&error);
    }
    cr_assert_not_null (server);
}
