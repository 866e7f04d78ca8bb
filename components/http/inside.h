/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a server of metrics. All but its life is of its one thread: libmicrohttpd calls back from
 * MHD_run alone, which that thread calls. */
#ifndef GODWIT_HTTP_INSIDE_H
#define GODWIT_HTTP_INSIDE_H

#include <godwit/http.h>

#include <microhttpd.h>
#include <pthread.h>
#include <sys/types.h>

/* Bounds of what others send. */
enum {
    GODWIT__HTTP_CONNECTIONS = 16,
    GODWIT__HTTP_MEMORY = 8192, /* bytes of a connection: its headers, and those of the answer */
    GODWIT__HTTP_IDLE_S = 10,
    GODWIT__HTTP_LIMIT_MS = 30000 /* of a connection as a whole */
};

/* A place for a connection. */
typedef struct godwit__http_connection {
    int fd; /* libmicrohttpd's; -1: nobody is here */
    int64_t due_ms;
} godwit__http_connection_t;

struct godwit_http_server {
    godwit_transport_t *transport;
    struct MHD_Daemon *daemon;
    pid_t pid; /* who made it: a child of a fork leaves it alone */
    int port;
    int wake_fd; /* readable: the thread is to end */
    int64_t limit_ms;
    pthread_t thread;
    godwit__http_connection_t connections[GODWIT__HTTP_CONNECTIONS];
};

/* As godwit_http_serve_metrics. limit_ms: of a connection as a whole. For tests, too. */
godwit_status_t godwit__http_open (godwit_http_server_t **server, godwit_transport_t *transport,
                                   const char *address, int64_t limit_ms, godwit_error_t **error);

/* Listens. *fd belongs to the caller. */
godwit_status_t godwit__http_listen (const char *address, int *fd, int *port, godwit_error_t **error);

/* ---- callbacks of libmicrohttpd ---- */

enum MHD_Result godwit__http_answer (void *user, struct MHD_Connection *connection, const char *url,
                                     const char *method, const char *version, const char *data,
                                     size_t *data_size, void **context);
void godwit__http_connection_changed (void *user, struct MHD_Connection *connection, void **context,
                                      enum MHD_ConnectionNotificationCode what);

/* ---- connections ---- */

void godwit__http_connections_init (godwit_http_server_t *server);
/* Ends those whose time is up. Returns how long the next one has, in milliseconds; -1: there is none. */
int64_t godwit__http_connections_expire (godwit_http_server_t *server);

int64_t godwit__http_now_ms (void);

/* Makes an error. Returns its status. */
GODWIT_PRINTF (3, 4)
godwit_status_t godwit__http_fail (godwit_error_t **error, godwit_status_t status, const char *format, ...);

#endif
