/* SPDX-License-Identifier: Apache-2.0 */
/* Tells in an error which call it ended: its method and target, the server that it went to, at which address,
 * and what is known of that server. Each function does nothing if error is NULL. Used only when a call fails.
 *
 * An error that the library makes here tells it in its message, and has details with these names: method,
 * target, server, address. An error from the other side, or of the program, keeps its message and its
 * details; godwit_error_print adds it to them.
 */
#ifndef GODWIT_SRC_CLIENT_CALL_EXPLAIN_H
#define GODWIT_SRC_CLIENT_CALL_EXPLAIN_H

#include "src/client/client.h"

struct godwit__call;

/* Of a call that has made an attempt, or has begun to look for a server. */
void godwit__call_explain (struct godwit__call *call, godwit_error_t **error);
/* Of a call that still waits, while nothing ends it: method and target. */
void godwit__call_explain_waiting (struct godwit__call *call, godwit_error_t **error);
/* The id alone. After the others, which may make the error anew. */
void godwit__call_tell_id (const godwit_trace_t *trace, godwit_error_t **error);
/* Of what was not, or is not, one call: a fanout, or a wait for servers (method NULL). */
void godwit__client_explain (const godwit_client_t *client, const char *method, godwit_error_t **error);
/* Of what the program gave, such as an argument. The message begins with its name, and stays as it is. */
void godwit__client_tell_where (const godwit_client_t *client, const char *method, godwit_error_t **error);

#endif
