/* SPDX-License-Identifier: Apache-2.0 */
/* Streams that their owner has let go of, and that still write. A socket that is closed while unread bytes
 * are there resets the connection, and the peer may lose what was sent to it. So the peer's system has to
 * have it first, and what comes meanwhile is read and thrown away. */
#include "drivers/zmtp/opening.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#define CLOSE_MS 300
#define LOOK_MS 5

/* What the peer's system has, a Unix socket keeps, whatever becomes of this end. */
static bool
is_local (int fd)
{
    int domain = AF_INET;
    socklen_t size = sizeof domain;
    getsockopt (fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
    return domain == AF_UNIX;
}

/* True if it is over: the peer has all, or is gone. */
static bool
is_done (godwit__zmtp_stream_t *stream)
{
    char unread[4096];
    bool room;
    int unsent = 0;
    ssize_t count;
    godwit__zmtp_flushed_t flushed = godwit__zmtp_out_writable (&stream->out, stream->fd, &room);
    if (flushed == GODWIT__ZMTP_FLUSHED)
        flushed = godwit__zmtp_out_flush (&stream->out, stream->fd, &room);
    if (flushed == GODWIT__ZMTP_BROKEN)
        return true;
    if (godwit__zmtp_out_is_empty (&stream->out)) {
        if (is_local (stream->fd) || ioctl (stream->fd, SIOCOUTQ, &unsent) < 0 || unsent == 0)
            return true;
        shutdown (stream->fd, SHUT_WR);
    }
    do
        count = recv (stream->fd, unread, sizeof unread, MSG_DONTWAIT);
    while (count > 0);
    return count == 0 || (errno != EAGAIN && errno != EINTR);
}

static void
look (godwit__zmtp_t *driver, int64_t now_ns)
{
    godwit__list_t *closing = &driver->closing;
    for (godwit__zmtp_stream_t *at = GODWIT__FIRST (closing, godwit__zmtp_stream_t, in_list), *next; at;
         at = next) {
        next = GODWIT__NEXT (closing, at, godwit__zmtp_stream_t, in_list);
        if (!is_done (at) && now_ns < at->closing_ns)
            continue;
        godwit__list_remove (&at->in_list);
        godwit__zmtp_out_close (&at->out, true);
        godwit__zmtp_stream_unref (at);
    }
}

static void
look_and_again (godwit__zmtp_t *driver)
{
    godwit__reactor_t *reactor = driver->options.reactor;
    look (driver, godwit__reactor_now (reactor));
    if (!godwit__list_is_empty (&driver->closing))
        godwit__reactor_arm (reactor, &driver->closing_timer,
                             godwit__reactor_now (reactor) + LOOK_MS * GODWIT__NS_PER_MS);
}

static void
on_timer (godwit__timer_t *timer)
{
    look_and_again (timer->user);
}

static void
on_task (godwit__task_t *task)
{
    look_and_again (task->user);
}

void
godwit__zmtp_closing_init (godwit__zmtp_t *driver)
{
    godwit__list_init (&driver->closing);
    driver->closing_timer = (godwit__timer_t){.fire = on_timer, .user = driver};
    driver->closing_task = (godwit__task_t){.run = on_task, .user = driver};
}

/* In a task, because the caller may hold locks, and functions of the program free what was written. */
void
godwit__zmtp_closing_add (godwit__zmtp_stream_t *stream)
{
    godwit__zmtp_t *driver = stream->driver;
    stream->closing_ns = godwit__reactor_now (driver->options.reactor) + CLOSE_MS * GODWIT__NS_PER_MS;
    godwit__list_append (&driver->closing, &stream->in_list);
    godwit__reactor_post (driver->options.reactor, &driver->closing_task);
}

void
godwit__zmtp_streams_finish (godwit__zmtp_t *driver)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    godwit__zmtp_telling_finish (driver);
    while (!godwit__list_is_empty (&driver->closing)) {
        look (driver, godwit__reactor_now (driver->options.reactor));
        if (!godwit__list_is_empty (&driver->closing))
            nanosleep (&pause, NULL);
    }
    godwit__reactor_disarm (driver->options.reactor, &driver->closing_timer);
    godwit__reactor_unpost (driver->options.reactor, &driver->closing_task);
}
