/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics over HTTP, for Prometheus (docs/monitoring.md): the component godwit-http. Link with -lgodwit-http.
 *
 * A server answers GET /metrics with godwit_transport_metrics_text, on one thread of its own, godwit-http. It
 * is never in the way of a call. Whoever reaches its address reads the names of topics and methods and their
 * figures, and nothing else: it changes nothing, and speaks neither TLS nor a realm's language. So it listens
 * at the loopback unless the program says otherwise.
 *
 * What others send is bounded: 16 connections at once (further ones wait), 8 KiB of headers, 10 s in which
 * nothing comes, 30 s from the connection to the end of the answer, one request a connection.
 *
 * Threads: any thread may call these functions; destroy when no other thread uses the server any more, and
 * before the transport. In a child of a fork they do nothing.
 */
#ifndef GODWIT_HTTP_H
#define GODWIT_HTTP_H

#include <godwit/transport.h>

GODWIT_BEGIN_DECLS

typedef struct godwit_http_server godwit_http_server_t;

/* Serves the metrics of a transport, from now on (docs/monitoring.md). The transport is borrowed, until the
 * server is destroyed. *server belongs to the caller. address is copied: a numeric address and a port,
 * "127.0.0.1:9464" or "[::1]:9464"; port 0 is any that is free (godwit_http_port). NULL: "127.0.0.1:9464". An
 * address that is not of the loopback lets other hosts read. INVALID_ARGUMENT: a malformed address, or NULL.
 * SYSTEM: it cannot be listened at (another process does), or there is no thread. OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_http_serve_metrics (godwit_http_server_t **server,
                                                         godwit_transport_t *transport, const char *address,
                                                         godwit_error_t **error);

/* Returns the port at which a server listens; 0 for NULL (docs/monitoring.md). */
GODWIT_EXPORT int godwit_http_port (const godwit_http_server_t *server);

/* Ends a server, and sets *server to NULL (docs/monitoring.md). Connections are closed at once, also in the
 * middle of an answer. Accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_http_destroy (godwit_http_server_t **server);

GODWIT_END_DECLS

#endif
