/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/connector.h"

#include "src/error/error.h"
#include "src/folder/folder_connect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* A Unix socket says at once that its backlog is full. */
#define RETRY_NS (5 * GODWIT__NS_PER_MS)

static const char *
reason_of (int failure)
{
    switch (failure) {
    case ECONNREFUSED:
    case ENOENT:
        return "the connection was refused";
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EADDRNOTAVAIL:
        return "its address cannot be reached";
    case ETIMEDOUT:
        return "no connection in time";
    case EACCES:
    case EPERM:
        return "this user may not connect to it";
    case EMFILE:
    case ENFILE:
        return "there are no more descriptors: raise RLIMIT_NOFILE";
    case ENOMEM:
    case ENOBUFS:
        return "memory was short for a connection";
    default:
        return "the connection failed";
    }
}

static void
fail (godwit__zmtp_connector_t *self, int failure)
{
    godwit__zmtp_connector_stop (self);
    self->failed (self->user, reason_of (failure));
}

static void
finish (godwit__zmtp_connector_t *self)
{
    const int fd = self->fd;
    godwit__reactor_unwatch (self->driver->options.reactor, &self->source);
    self->fd = -1;
    godwit__zmtp_connector_stop (self);
    self->connected (self->user, fd);
}

static void
on_writable (godwit__source_t *source)
{
    godwit__zmtp_connector_t *self = source->user;
    int failure = 0;
    socklen_t size = sizeof failure;
    if (getsockopt (self->fd, SOL_SOCKET, SO_ERROR, &failure, &size) < 0)
        failure = errno;
    if (failure)
        fail (self, failure);
    else
        finish (self);
}

/* Returns 0 when it is connected, EINPROGRESS, EAGAIN, or another errno. */
static int
try (godwit__zmtp_connector_t *self)
{
    int result, failure = ECONNREFUSED;
    if (self->text[0])
        return godwit__folders_connect (&self->driver->folders, self->text, &self->fd, &failure, NULL) ==
                       GODWIT_OK
                   ? 0
                   : failure;
    if (self->fd < 0)
        self->fd = godwit__zmtp_address_socket (&self->address);
    if (self->fd < 0)
        return errno;
    do
        result = connect (self->fd, (const struct sockaddr *) &self->address.name, self->address.size);
    while (result < 0 && errno == EINTR);
    return result == 0 || errno == EISCONN ? 0 : errno;
}

static void
arm (godwit__zmtp_connector_t *self, int64_t deadline_ns)
{
    if (godwit__reactor_arm (self->driver->options.reactor, &self->timer, deadline_ns) != GODWIT_OK)
        fail (self, ENOMEM);
}

static void
attempt (godwit__zmtp_connector_t *self)
{
    godwit__reactor_t *reactor = self->driver->options.reactor;
    const int failure = try (self);
    if (failure == 0) {
        finish (self);
    } else if (failure == EAGAIN) {
        const int64_t next_ns = godwit__reactor_now (reactor) + RETRY_NS;
        arm (self, next_ns < self->deadline_ns ? next_ns : self->deadline_ns);
    } else if (failure == EINPROGRESS) {
        self->source.fd = self->fd;
        if (godwit__reactor_watch_for (reactor, &self->source, EPOLLOUT, NULL) != GODWIT_OK)
            fail (self, ENOMEM);
        else
            arm (self, self->deadline_ns);
    } else {
        fail (self, failure);
    }
}

static void
on_timer (godwit__timer_t *timer)
{
    godwit__zmtp_connector_t *self = timer->user;
    if (godwit__reactor_now (self->driver->options.reactor) >= self->deadline_ns)
        fail (self, ETIMEDOUT);
    else
        attempt (self);
}

static void
on_start (godwit__task_t *task)
{
    attempt (task->user);
}

void
godwit__zmtp_connector_init (godwit__zmtp_connector_t *connector, godwit__zmtp_t *driver,
                             void (*connected) (void *user, int fd),
                             void (*failed) (void *user, const char *reason), void *user)
{
    *connector = (godwit__zmtp_connector_t){
        .driver = driver,
        .connected = connected,
        .failed = failed,
        .user = user,
        .fd = -1,
        .source = {.fd = -1, .ready = on_writable, .user = connector},
        .timer = {.fire = on_timer, .user = connector},
        .tell = {.run = on_start, .user = connector},
    };
}

godwit_status_t
godwit__zmtp_connector_start (godwit__zmtp_connector_t *connector, const char *address,
                              godwit_error_t **error)
{
    godwit__reactor_t *reactor = connector->driver->options.reactor;
    const bool is_tcp = godwit__zmtp_address_is_tcp (address);
    snprintf (connector->text, sizeof connector->text, "%s", is_tcp ? "" : address);
    if (is_tcp ? !godwit__zmtp_address_read (&connector->address, address)
               : !godwit__folders_speak (&connector->driver->folders, address))
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "%s: not an address that can be connected to",
                                  address);
    connector->deadline_ns = godwit__reactor_now (reactor) +
                             godwit__ns_of_ms (connector->driver->options.connect_timeout_ms);
    godwit__reactor_post (reactor, &connector->tell);
    return GODWIT_OK;
}

void
godwit__zmtp_connector_stop (godwit__zmtp_connector_t *connector)
{
    godwit__reactor_t *reactor = connector->driver->options.reactor;
    godwit__reactor_unpost (reactor, &connector->tell);
    godwit__reactor_disarm (reactor, &connector->timer);
    godwit__reactor_unwatch (reactor, &connector->source);
    if (connector->fd >= 0)
        close (connector->fd);
    connector->fd = -1;
}
