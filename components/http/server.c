/* SPDX-License-Identifier: Apache-2.0 */
#include "components/http/inside.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_ADDRESS "127.0.0.1:9464"

godwit_status_t
godwit__http_fail (godwit_error_t **error, godwit_status_t status, const char *format, ...)
{
    char text[400];
    va_list list;
    if (!error)
        return status;
    va_start (list, format);
    vsnprintf (text, sizeof text, format, list);
    va_end (list);
    *error = godwit_error_new (status, "%s", text);
    return status;
}

/* ---- its thread ---- */

/* The sooner of two times in milliseconds, of which -1 is never, for poll. */
static int
sooner (int64_t a, int64_t b)
{
    const int64_t time_ms = a < 0 ? b : b < 0 || a < b ? a : b;
    return time_ms < 1000000 ? (int) time_ms : 1000000;
}

static int64_t
daemon_timeout (struct MHD_Daemon *daemon)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    if (MHD_get_timeout (daemon, &timeout_ms) != MHD_YES)
        return -1;
    return timeout_ms < 1000000 ? (int64_t) timeout_ms : 1000000;
}

static void *
run (void *user)
{
    godwit_http_server_t *const self = user;
    const union MHD_DaemonInfo *const info = MHD_get_daemon_info (self->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd fds[] = {{.fd = info->epoll_fd, .events = POLLIN}, {.fd = self->wake_fd, .events = POLLIN}};
    pthread_setname_np (pthread_self (), "godwit-http");
    pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, NULL);
    while (!fds[1].revents) {
        const int64_t next_ms = godwit__http_connections_expire (self);
        poll (fds, 2, sooner (next_ms, daemon_timeout (self->daemon)));
        MHD_run (self->daemon);
        /* When all places were taken, it listens again only in the run after the one that closed a
         * connection. */
        MHD_run (self->daemon);
    }
    return NULL;
}

/* As those of the core: signals from outside are the program's, those of a fault reach its handlers. */
static void
choose_signals (sigset_t *blocked)
{
    static const int kept[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGPROF};
    sigfillset (blocked);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        sigdelset (blocked, kept[i]);
}

static godwit_status_t
start_thread (godwit_http_server_t *self, godwit_error_t **error)
{
    sigset_t blocked, before;
    char why[128];
    choose_signals (&blocked);
    pthread_sigmask (SIG_SETMASK, &blocked, &before);
    const int number = pthread_create (&self->thread, NULL, run, self);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    return number ? godwit__http_fail (error, GODWIT_ERR_SYSTEM, "metrics: cannot start a thread: %s",
                                       strerror_r (number, why, sizeof why))
                  : GODWIT_OK;
}

/* ---- its life ---- */

/* When libmicrohttpd does not start, it may have closed the socket or not, and another thread may have one of
 * the same number meanwhile: which one it is says its inode. */
static void
close_if_open (int fd, const struct stat *socket)
{
    struct stat now;
    if (fstat (fd, &now) == 0 && now.st_dev == socket->st_dev && now.st_ino == socket->st_ino)
        close (fd);
}

/* libmicrohttpd says nothing on stderr, and makes no thread. It owns the socket from here on. */
static godwit_status_t
start_daemon (godwit_http_server_t *self, int fd, godwit_error_t **error)
{
    struct stat socket;
    fstat (fd, &socket);
    self->daemon = MHD_start_daemon (
        MHD_USE_EPOLL, 0, NULL, NULL, godwit__http_answer, self, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned) GODWIT__HTTP_CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t) GODWIT__HTTP_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) GODWIT__HTTP_IDLE_S,
        MHD_OPTION_NOTIFY_CONNECTION, godwit__http_connection_changed, self, MHD_OPTION_END);
    if (self->daemon)
        return GODWIT_OK;
    close_if_open (fd, &socket);
    return godwit__http_fail (error, GODWIT_ERR_SYSTEM, "metrics: libmicrohttpd does not start");
}

static void
clear (godwit_http_server_t *self)
{
    if (self->daemon)
        MHD_stop_daemon (self->daemon);
    if (self->wake_fd >= 0)
        close (self->wake_fd);
    free (self);
}

static godwit_status_t
start (godwit_http_server_t *self, const char *address, godwit_error_t **error)
{
    char why[128];
    int fd;
    self->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->wake_fd < 0)
        return godwit__http_fail (error, GODWIT_ERR_SYSTEM, "metrics: %s",
                                  strerror_r (errno, why, sizeof why));
    godwit_status_t status = godwit__http_listen (address, &fd, &self->port, error);
    if (!status)
        status = start_daemon (self, fd, error);
    return status ? status : start_thread (self, error);
}

godwit_status_t
godwit__http_open (godwit_http_server_t **server, godwit_transport_t *transport, const char *address,
                   int64_t limit_ms, godwit_error_t **error)
{
    godwit_http_server_t *const self = calloc (1, sizeof *self);
    if (!self)
        return godwit__http_fail (error, GODWIT_ERR_OUT_OF_MEMORY, "out of memory");
    self->transport = transport;
    self->pid = getpid ();
    self->limit_ms = limit_ms;
    godwit__http_connections_init (self);
    const godwit_status_t status = start (self, address ? address : DEFAULT_ADDRESS, error);
    if (status)
        clear (self);
    else
        *server = self;
    return status;
}

godwit_status_t
godwit_http_serve_metrics (godwit_http_server_t **server, godwit_transport_t *transport, const char *address,
                           godwit_error_t **error)
{
    if (!server || !transport)
        return godwit__http_fail (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a pointer, got NULL",
                                  server ? "transport" : "server");
    return godwit__http_open (server, transport, address, GODWIT__HTTP_LIMIT_MS, error);
}

int
godwit_http_port (const godwit_http_server_t *self)
{
    return self ? self->port : 0;
}

/* A child of a fork has no thread to end, and must not touch the epoll set, which is its parent's, too. */
void
godwit_http_destroy (godwit_http_server_t **server)
{
    if (!server || !*server)
        return;
    godwit_http_server_t *const self = *server;
    const uint64_t one = 1;
    *server = NULL;
    if (self->pid != getpid ())
        return;
    while (write (self->wake_fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
    pthread_join (self->thread, NULL);
    clear (self);
}
