/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/listener.h"

#include "src/base/own_fd.h"
#include "src/error/error.h"
#include "src/folder/folder_uid.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 4096
/* Connections that are accepted before others get their turn. */
#define BURST 64
#define REST_MS 100
#define LOOK_MS 5000

/* ---- accepting ---- */

static void
rest (godwit__zmtp_listener_t *self)
{
    godwit__reactor_t *reactor = self->driver->options.reactor;
    if (godwit__reactor_arm (reactor, &self->rest,
                             godwit__reactor_now (reactor) + REST_MS * GODWIT__NS_PER_MS) == GODWIT_OK)
        godwit__reactor_unwatch (reactor, &self->source);
}

static void
on_rested (godwit__timer_t *timer)
{
    godwit__zmtp_listener_t *self = timer->user;
    if (godwit__reactor_watch (self->driver->options.reactor, &self->source, NULL) != GODWIT_OK)
        rest (self);
}

static void
open_reserve (godwit__zmtp_listener_t *self)
{
    if (self->reserve_fd < 0)
        self->reserve_fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int
accept_one (const godwit__zmtp_listener_t *self)
{
    godwit__own_fd_lock ();
    const int fd = accept4 (self->source.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    godwit__own_fd_add (fd);
    godwit__own_fd_unlock ();
    return fd;
}

/* At the limit of descriptors: those who wait are closed, not left waiting. */
static void
shed (godwit__zmtp_listener_t *self)
{
    if (self->reserve_fd < 0)
        return;
    close (self->reserve_fd);
    self->reserve_fd = -1;
    for (int i = 0; i < BURST; i++) {
        const int fd = accept_one (self);
        if (fd < 0)
            break;
        godwit__own_fd_close (fd);
        godwit__zmtp_count (&self->driver->counters.refused);
    }
    open_reserve (self);
}

static bool
is_exhausted (int failure)
{
    return failure == EMFILE || failure == ENFILE || failure == ENOMEM || failure == ENOBUFS;
}

static void
on_readable (godwit__source_t *source)
{
    godwit__zmtp_listener_t *self = source->user;
    const int one = 1;
    open_reserve (self);
    for (int i = 0; i < BURST; i++) {
        const int fd = accept_one (self);
        if (fd >= 0 && self->is_private && !godwit__peer_is_own_user (fd)) {
            godwit__own_fd_close (fd);
            godwit__zmtp_count (&self->driver->counters.refused);
        } else if (fd >= 0) {
            if (!self->is_local)
                setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            self->accepted (self, fd);
        } else if (errno == EAGAIN) {
            return;
        } else if (is_exhausted (errno)) {
            shed (self);
            rest (self);
            return;
        } else if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK) {
            godwit__reactor_unwatch (self->driver->options.reactor, source);
            return;
        } /* all others are of that connection alone */
    }
}

/* ---- listening ---- */

static godwit_status_t
cannot (const char *at, godwit_error_t **error)
{
    return godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot listen at %s: %s", at, strerror (errno));
}

/* The address as it was given, or what a name stands for, but with the port that the system chose. */
static bool
name_bound (int fd, const char *at, char bound[GODWIT__ADDRESS_SIZE])
{
    struct sockaddr_storage name;
    socklen_t size = sizeof name;
    char text[GODWIT__ZMTP_PEER_SIZE];
    const char *colon = strrchr (at, ':');
    if (!godwit__zmtp_address_is_tcp (at))
        return snprintf (bound, GODWIT__ADDRESS_SIZE, "%s", at) < GODWIT__ADDRESS_SIZE;
    if (getsockname (fd, (struct sockaddr *) &name, &size) < 0 || !godwit__zmtp_address_print (text, &name))
        return false;
    const int result =
        godwit__zmtp_address_is_name (at)
            ? snprintf (bound, GODWIT__ADDRESS_SIZE, "tcp://%s", text)
            : snprintf (bound, GODWIT__ADDRESS_SIZE, "%.*s%s", (int) (colon - at), at, strrchr (text, ':'));
    return result < GODWIT__ADDRESS_SIZE;
}

/* "*" is any address of the machine, and "*" or 0 any port. */
static bool
read_address (godwit__zmtp_address_t *address, const char *at)
{
    char text[GODWIT__ADDRESS_SIZE];
    const char *colon = strrchr (at, ':');
    if (!godwit__zmtp_address_is_tcp (at) || !colon)
        return godwit__zmtp_address_read (address, at);
    const char *port = strcmp (colon, ":*") == 0 ? "0" : colon + 1;
    if (strncmp (at, "tcp://*:", 8) == 0)
        snprintf (text, sizeof text, "tcp://[::]:%s", port);
    else
        snprintf (text, sizeof text, "%.*s:%s", (int) (colon - at), at, port);
    return godwit__zmtp_address_read_here (address, text);
}

static const char *
path_of (const godwit__zmtp_address_t *address)
{
    return ((const struct sockaddr_un *) &address->name)->sun_path;
}

/* A path in the file system stays when its socket is closed. Abstract names do not. */
static void
remember_file (godwit__zmtp_listener_t *self, const godwit__zmtp_address_t *address)
{
    struct stat status;
    if (!self->is_local || path_of (address)[0] == '\0' || lstat (path_of (address), &status) != 0 ||
        !S_ISSOCK (status.st_mode))
        return;
    self->file = *address;
    self->file_device = status.st_dev;
    self->file_inode = status.st_ino;
}

/* Unless it is another's by now. */
static void
remove_file (const godwit__zmtp_listener_t *self)
{
    struct stat status;
    if (self->file.size > 0 && lstat (path_of (&self->file), &status) == 0 &&
        status.st_dev == self->file_device && status.st_ino == self->file_inode)
        unlink (path_of (&self->file));
}

/* Outside of private folders: tcp, and ipc as it was given. */
static godwit_status_t
bind_at (godwit__zmtp_listener_t *self, const char *at, char bound[GODWIT__ADDRESS_SIZE],
         godwit_error_t **error)
{
    const int one = 1, zero = 0;
    godwit__zmtp_address_t address;
    if (!read_address (&address, at))
        return godwit__error_set (error, GODWIT_ERR_SYSTEM,
                                  "cannot listen at %s: it is no address of this machine, such as "
                                  "tcp://10.0.0.7:4000, and not the name of one of its interfaces",
                                  at);
    const int fd = self->source.fd = godwit__zmtp_address_socket (&address);
    if (fd < 0)
        return cannot (at, error);
    self->is_local = address.name.ss_family == AF_UNIX;
    if (!self->is_local)
        setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (address.name.ss_family == AF_INET6)
        setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    if (bind (fd, (const struct sockaddr *) &address.name, address.size) < 0)
        return cannot (at, error);
    remember_file (self, &address);
    if (listen (fd, BACKLOG) < 0 || !name_bound (fd, at, bound))
        return cannot (at, error);
    return GODWIT_OK;
}

/* ---- the name in a private folder ---- */

static void
look_later (godwit__zmtp_listener_t *self)
{
    godwit__reactor_t *reactor = self->driver->options.reactor;
    godwit__reactor_arm (reactor, &self->look, godwit__reactor_now (reactor) + LOOK_MS * GODWIT__NS_PER_MS);
}

/* In an open folder. wanted NULL: any name. */
static godwit_status_t
listen_in_folder (godwit__zmtp_listener_t *self, godwit__folder_t *folder, const char *wanted, int *fd,
                  godwit_error_t **error)
{
    godwit__own_fd_lock ();
    const godwit_status_t status =
        godwit__folder_listen (folder, wanted, BACKLOG, &self->name, fd, NULL, error);
    if (status == GODWIT_OK)
        godwit__own_fd_add (*fd);
    godwit__own_fd_unlock ();
    return status;
}

/* Whoever was connected stays so; whoever comes finds the new socket. */
static void
listen_again (godwit__zmtp_listener_t *self)
{
    godwit__reactor_t *reactor = self->driver->options.reactor;
    godwit_error_t *error = NULL;
    int fd = -1;
    godwit_status_t status = godwit__folder_open (self->folder, &error);
    if (status == GODWIT_OK)
        status = listen_in_folder (self, self->folder, self->name.name, &fd, &error);
    if (status == GODWIT_OK) {
        godwit__reactor_unwatch (reactor, &self->source);
        godwit__own_fd_close (self->source.fd);
        self->source.fd = fd;
        godwit__reactor_watch (reactor, &self->source, &error);
    }
    godwit__driver_warn (&self->driver->options,
                         "%s was removed, and with it the names by which this process is reached: %s",
                         self->folder->path, error ? godwit_error_message (error) : "they were made again");
    godwit_error_destroy (&error);
}

static void
on_look (godwit__timer_t *timer)
{
    godwit__zmtp_listener_t *self = timer->user;
    if (godwit__folder_is_replaced (self->folder) || !godwit__folder_has (self->folder, &self->name))
        listen_again (self);
    look_later (self);
}

/* wanted NULL: any name. */
static godwit_status_t
bind_in_folder (godwit__zmtp_listener_t *self, godwit__folder_t *folder, const char *wanted,
                char bound[GODWIT__ADDRESS_SIZE], godwit_error_t **error)
{
    godwit_status_t status = godwit__folder_open (folder, error);
    if (status == GODWIT_OK)
        status = listen_in_folder (self, folder, wanted, &self->source.fd, error);
    if (status != GODWIT_OK)
        return status;
    self->is_local = self->is_private = true;
    self->folder = folder;
    memcpy (bound, self->name.address, sizeof self->name.address);
    if (!wanted)
        look_later (self);
    return GODWIT_OK;
}

static godwit_status_t
listen_at (godwit__zmtp_listener_t *self, const char *at, char bound[GODWIT__ADDRESS_SIZE],
           godwit_error_t **error)
{
    godwit__folders_t *folders = &self->driver->folders;
    const char *name = NULL;
    const bool anywhere = strcmp (at, GODWIT__ZMTP_ANY_IPC) == 0;
    const godwit__folder_t *found = anywhere ? NULL : godwit__folders_find (folders, at, &name);
    godwit__folder_t *folder = found ? &folders->list[found - folders->list] : NULL;
    godwit_status_t status = anywhere ? godwit__folders_first (folders, &folder, error) : GODWIT_OK;
    if (status == GODWIT_OK)
        status =
            folder ? bind_in_folder (self, folder, name, bound, error) : bind_at (self, at, bound, error);
    if (status == GODWIT_OK)
        status = godwit__reactor_watch (self->driver->options.reactor, &self->source, error);
    if (status == GODWIT_OK)
        snprintf (self->at, sizeof self->at, "%s", bound);
    return status;
}

godwit_status_t
godwit__zmtp_listener_new (godwit__zmtp_listener_t **listener, godwit__zmtp_t *driver, const char *at,
                           char bound[GODWIT__ADDRESS_SIZE],
                           void (*accepted) (godwit__zmtp_listener_t *listener, int fd), void *user,
                           godwit_error_t **error)
{
    godwit__zmtp_listener_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    self->driver = driver;
    self->accepted = accepted;
    self->user = user;
    self->source = (godwit__source_t){.fd = -1, .ready = on_readable, .user = self};
    self->rest = (godwit__timer_t){.fire = on_rested, .user = self};
    self->look = (godwit__timer_t){.fire = on_look, .user = self};
    self->reserve_fd = -1;
    const godwit_status_t status = listen_at (self, at, bound, error);
    if (status != GODWIT_OK) {
        godwit__zmtp_listener_destroy (self);
        return status;
    }
    open_reserve (self);
    *listener = self;
    return GODWIT_OK;
}

void
godwit__zmtp_listener_destroy (godwit__zmtp_listener_t *listener)
{
    godwit__reactor_t *reactor = listener->driver->options.reactor;
    godwit__reactor_unwatch (reactor, &listener->source);
    godwit__reactor_disarm (reactor, &listener->rest);
    godwit__reactor_disarm (reactor, &listener->look);
    if (listener->source.fd >= 0)
        godwit__own_fd_close (listener->source.fd);
    if (listener->folder)
        godwit__folder_remove (listener->folder, &listener->name);
    remove_file (listener);
    if (listener->reserve_fd >= 0)
        close (listener->reserve_fd);
    free (listener);
}
