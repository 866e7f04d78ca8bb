/* SPDX-License-Identifier: Apache-2.0 */
/* libzmq gets a socket that listens already (ZMQ_USE_FD): so it neither binds nor unlinks a path. It checks
 * the uid of whoever connects (ZMQ_IPC_FILTER_UID) before it reads a byte. */
#include "drivers/zmq/port_names.h"

#include "src/error/error.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define LISTEN_BACKLOG 1024
#define LOOK_NS (5000 * GODWIT__NS_PER_MS)

/* Takes over fd. */
static godwit_status_t
bind_fd (void *socket, const godwit__folder_t *folder, const godwit__folder_name_t *name, int fd,
         godwit_error_t **error)
{
    const uid_t uid = geteuid ();
    char path[GODWIT__FOLDER_SHORT_SIZE], at[GODWIT__FOLDER_SHORT_SIZE + sizeof "ipc://"];
    godwit__folder_short_path (folder, name->name, path);
    snprintf (at, sizeof at, "ipc://%s", path);
    const bool bound = zmq_setsockopt (socket, ZMQ_IPC_FILTER_UID, &uid, sizeof uid) == 0 &&
                       godwit__zmq_set (socket, ZMQ_USE_FD, fd) && zmq_bind (socket, at) == 0;
    const int failure = errno;
    godwit__zmq_set (socket, ZMQ_USE_FD, -1);
    if (bound)
        return GODWIT_OK;
    close (fd);
    return godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot listen at %s: %s", name->address,
                              zmq_strerror (failure));
}

static godwit_status_t
listen_at (const godwit__folder_t *folder, void *socket, const char *wanted, godwit__folder_name_t *name,
           godwit_error_t **error)
{
    int fd = -1;
    godwit_status_t status = godwit__folder_listen (folder, wanted, LISTEN_BACKLOG, name, &fd, NULL, error);
    if (status != GODWIT_OK)
        return status;
    status = bind_fd (socket, folder, name, fd, error);
    if (status != GODWIT_OK)
        godwit__folder_remove (folder, name);
    return status;
}

/* The old socket goes on listening where nobody finds it: to close it would end its connections. */
static void
listen_again (godwit__port_names_t *self)
{
    godwit_error_t *error = NULL;
    godwit_status_t status = godwit__folder_open (self->folder, &error);
    godwit__guard_lock (self->guard);
    for (size_t i = 0; i < self->count && status == GODWIT_OK; i++)
        if (!godwit__folder_has (self->folder, &self->list[i].name)) {
            godwit__folder_name_t *const name = &self->list[i].name;
            status = listen_at (self->folder, self->list[i].socket, name->name, name, &error);
        }
    /* That may have consumed the edges of the descriptors: the leader has to look. */
    self->guard->second_quiet = false;
    godwit__guard_tell (self->guard);
    godwit__guard_unlock (self->guard);
    godwit__driver_warn (&self->driver->options,
                         "%s was removed, and with it the names by which this process is reached: %s",
                         self->folder->path, error ? godwit_error_message (error) : "they were made again");
    godwit_error_destroy (&error);
}

static void
look_later (godwit__port_names_t *self)
{
    godwit__reactor_t *const reactor = self->driver->options.reactor;
    godwit__reactor_arm (reactor, &self->look, godwit__reactor_now (reactor) + LOOK_NS);
}

/* The folder may have been replaced while the old one is still open here. */
static bool
are_there (const godwit__port_names_t *self)
{
    bool all = !godwit__folder_is_replaced (self->folder);
    for (size_t i = 0; i < self->count && all; i++)
        all = godwit__folder_has (self->folder, &self->list[i].name);
    return all;
}

static void
on_look (godwit__timer_t *timer)
{
    godwit__port_names_t *self = timer->user;
    if (!are_there (self))
        listen_again (self);
    look_later (self);
}

void
godwit__port_names_init (godwit__port_names_t *names, godwit__zmq_t *driver, godwit__guard_t *guard)
{
    *names = (godwit__port_names_t){.driver = driver, .guard = guard};
    names->look = (godwit__timer_t){.fire = on_look, .user = names};
}

godwit_status_t
godwit__port_names_listen (godwit__port_names_t *self, godwit__folder_t *folder, void *socket,
                           const char *wanted, char bound[GODWIT__ADDRESS_SIZE], godwit_error_t **error)
{
    godwit__folder_name_t *const name = &self->list[self->count].name;
    const godwit_status_t status = listen_at (folder, socket, wanted, name, error);
    if (status != GODWIT_OK)
        return status;
    self->folder = folder;
    self->list[self->count++].socket = socket;
    snprintf (bound, GODWIT__ADDRESS_SIZE, "%s", name->address);
    if (!wanted)
        look_later (self);
    return GODWIT_OK;
}

void
godwit__port_names_close (godwit__port_names_t *self)
{
    if (self->driver)
        godwit__reactor_disarm (self->driver->options.reactor, &self->look);
    for (size_t i = 0; i < self->count; i++)
        godwit__folder_remove (self->folder, &self->list[i].name);
    self->count = 0;
}
