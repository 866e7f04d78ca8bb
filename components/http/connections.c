/* SPDX-License-Identifier: Apache-2.0 */
#include "components/http/inside.h"

#include <sys/socket.h>
#include <time.h>

int64_t
godwit__http_now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
godwit__http_connections_init (godwit_http_server_t *self)
{
    for (size_t i = 0; i < GODWIT__HTTP_CONNECTIONS; i++)
        self->connections[i].fd = -1;
}

/* There is a place for each: libmicrohttpd accepts no more. */
static void
add (godwit_http_server_t *self, int fd, void **context)
{
    for (size_t i = 0; i < GODWIT__HTTP_CONNECTIONS; i++)
        if (self->connections[i].fd < 0) {
            self->connections[i] = (godwit__http_connection_t){fd, godwit__http_now_ms () + self->limit_ms};
            *context = &self->connections[i];
            return;
        }
}

void
godwit__http_connection_changed (void *user, struct MHD_Connection *connection, void **context,
                                 enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        godwit__http_connection_t *const place = *context;
        if (place)
            place->fd = -1;
        return;
    }
    const union MHD_ConnectionInfo *const info =
        MHD_get_connection_info (connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info)
        add (user, info->connect_fd, context);
}

int64_t
godwit__http_connections_expire (godwit_http_server_t *self)
{
    const int64_t now_ms = godwit__http_now_ms ();
    int64_t next_ms = -1;
    for (size_t i = 0; i < GODWIT__HTTP_CONNECTIONS; i++) {
        godwit__http_connection_t *const place = &self->connections[i];
        const int64_t left_ms = place->due_ms - now_ms;
        if (place->fd < 0 || place->due_ms == INT64_MAX)
            continue;
        if (left_ms <= 0) { /* libmicrohttpd sees its end, and closes it */
            shutdown (place->fd, SHUT_RDWR);
            place->due_ms = INT64_MAX;
        } else if (next_ms < 0 || left_ms < next_ms)
            next_ms = left_ms;
    }
    return next_ms;
}
