/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/connector.h"

#include "src/base/own_fd.h"
#include "src/error/error.h"
#include "src/folder/folder_connect.h"
#include "src/interface/lookup.h"
#include "src/interface/tcp_permission.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

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
    case EPERM: /* found out before the first byte */
        return "a process of another user listens there";
    case EACCES:
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

/* ---- names ---- */

struct godwit__zmtp_names {
    godwit__lookup_t lookup;
    char name[GODWIT__ADDRESS_SIZE]; /* "tcp://name:port" */
    char tried[256];                 /* what became of its addresses; cut */
};

static void
forget_names (godwit__zmtp_connector_t *self)
{
    if (self->names)
        godwit__lookup_close (&self->names->lookup);
    free (self->names);
    self->names = NULL;
}

static void
note (godwit__zmtp_names_t *names, const char *address, const char *reason)
{
    const size_t used = strlen (names->tried);
    snprintf (names->tried + used, sizeof names->tried - used, "%s%s: %s", used ? "; " : "", address, reason);
}

/* ---- one address ---- */

static void
drop_socket (godwit__zmtp_connector_t *self)
{
    godwit__reactor_t *reactor = self->driver->options.reactor;
    godwit__reactor_disarm (reactor, &self->timer);
    godwit__reactor_unwatch (reactor, &self->source);
    if (self->fd >= 0)
        godwit__own_fd_close (self->fd);
    self->fd = -1;
}

static void
fail (godwit__zmtp_connector_t *self, const char *reason)
{
    godwit__zmtp_connector_stop (self);
    self->failed (self->user, reason);
}

static void next_address (godwit__zmtp_connector_t *self);

static void
give_up (godwit__zmtp_connector_t *self, int failure)
{
    if (!self->names) {
        fail (self, reason_of (failure));
        return;
    }
    drop_socket (self);
    note (self->names, self->text, reason_of (failure));
    next_address (self);
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
        give_up (self, failure);
    else
        finish (self);
}

/* To a socket of this host. The same as `try`. */
static int
try_local (godwit__zmtp_connector_t *self)
{
    int failure = ECONNREFUSED;
    godwit__own_fd_lock ();
    const godwit_status_t status =
        godwit__folders_connect (&self->driver->folders, self->text, &self->fd, &failure, NULL);
    if (status == GODWIT_OK)
        godwit__own_fd_add (self->fd);
    godwit__own_fd_unlock ();
    return status == GODWIT_OK ? 0 : failure;
}

/* Returns 0 when it is connected, EINPROGRESS, EAGAIN, or another errno. */
static int
try (godwit__zmtp_connector_t *self)
{
    int result;
    if (!self->address.size)
        return try_local (self);
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
        fail (self, reason_of (ENOMEM));
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
        arm (self, next_ns < self->until_ns ? next_ns : self->until_ns);
    } else if (failure == EINPROGRESS) {
        self->source.fd = self->fd;
        if (godwit__reactor_watch_for (reactor, &self->source, EPOLLOUT, NULL) != GODWIT_OK)
            fail (self, reason_of (ENOMEM));
        else
            arm (self, self->until_ns);
    } else {
        give_up (self, failure);
    }
}

/* ---- all addresses of a name ---- */

static void
fail_all (godwit__zmtp_connector_t *self)
{
    char reason[sizeof self->names->tried + 64];
    if (self->names->tried[0])
        snprintf (reason, sizeof reason, "no address of its name answers (%s)", self->names->tried);
    else
        snprintf (reason, sizeof reason, "the name of its host is unknown");
    fail (self, reason);
}

static void
next_address (godwit__zmtp_connector_t *self)
{
    godwit__zmtp_names_t *names = self->names;
    const int64_t now_ns = godwit__reactor_now (self->driver->options.reactor);
    const int64_t left_ns = self->deadline_ns - now_ns;
    const int64_t count = (int64_t) names->lookup.left;
    const char *address;
    while ((address = godwit__lookup_next (&names->lookup)) &&
           !godwit__zmtp_address_read (&self->address, address))
        note (names, address, "not an address that can be connected to");
    if (!address || left_ns <= 0) {
        fail_all (self);
        return;
    }
    snprintf (self->text, sizeof self->text, "%s", address);
    self->until_ns = now_ns + left_ns / count;
    attempt (self);
}

static void
on_looked_up (void *user)
{
    next_address (user);
}

static void
look_up (godwit__zmtp_connector_t *self)
{
    godwit__zmtp_t *driver = self->driver;
    godwit__lookup_t *lookup = &self->names->lookup;
    if (!driver->lookups)
        driver->lookups = godwit__lookup_thread_new ();
    lookup->reactor = driver->options.reactor;
    lookup->look_up = driver->options.look_up;
    lookup->done = on_looked_up;
    lookup->user = self;
    lookup->thread = driver->lookups;
    if (!driver->lookups || !godwit__lookup_begin (lookup, self->names->name))
        fail (self, "the name of its host cannot be looked up: no thread can be started");
    else
        arm (self, self->deadline_ns);
}

/* ---- from its beginning ---- */

static void
on_timer (godwit__timer_t *timer)
{
    godwit__zmtp_connector_t *self = timer->user;
    if (self->names && self->names->lookup.job)
        fail (self, "the name of its host was not looked up in time");
    else if (godwit__reactor_now (self->driver->options.reactor) >= self->until_ns)
        give_up (self, ETIMEDOUT);
    else
        attempt (self);
}

static void
on_start (godwit__task_t *task)
{
    godwit__zmtp_connector_t *self = task->user;
    if (self->names)
        look_up (self);
    else
        attempt (self);
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
    const godwit_status_t status = godwit__driver_permits (&connector->driver->options, address, error);
    if (status != GODWIT_OK)
        return status;
    connector->address.size = 0;
    snprintf (connector->text, sizeof connector->text, "%s", address);
    if (godwit__zmtp_address_is_name (address)) {
        connector->names = calloc (1, sizeof *connector->names);
        if (!connector->names)
            return godwit__error_no_memory (error);
        snprintf (connector->names->name, sizeof connector->names->name, "%s", address);
    } else if (godwit__zmtp_address_is_tcp (address)
                   ? !godwit__zmtp_address_read (&connector->address, address)
                   : !godwit__folders_speak (&connector->driver->folders, address)) {
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "%s: not an address that can be connected to",
                                  address);
    }
    connector->deadline_ns = connector->until_ns =
        godwit__reactor_now (reactor) + godwit__ns_of_ms (connector->driver->options.connect_timeout_ms);
    godwit__reactor_post (reactor, &connector->tell);
    return GODWIT_OK;
}

void
godwit__zmtp_connector_stop (godwit__zmtp_connector_t *connector)
{
    godwit__reactor_unpost (connector->driver->options.reactor, &connector->tell);
    drop_socket (connector);
    forget_names (connector);
}
