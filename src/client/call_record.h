/* SPDX-License-Identifier: Apache-2.0 */
/* What the counters and the black box hear of a client's calls and casts (src/blackbox/blackbox.h). */
#ifndef GODWIT_SRC_CLIENT_CALL_RECORD_H
#define GODWIT_SRC_CLIENT_CALL_RECORD_H

#include "src/client/call.h"

/* A call begins: its time is running, and its method is not NULL. row: it is one of a fanout call. */
void godwit__call_begin_counted (godwit__call_t *call, const char *method, bool row);
/* It is handed over now to the other end of a connection. */
void godwit__call_note_sent (godwit__call_t *call, const godwit__connection_t *connection, int64_t now_ns);
/* The last attempt was not the last one, for the reason in call->why. */
void godwit__call_note_attempt (godwit__call_t *call);
/* It waits, for the reason in call->why. */
void godwit__call_note_waiting (godwit__call_t *call);
/* It has ended. error: NULL if it succeeded. */
void godwit__call_end_counted (godwit__call_t *call, godwit_status_t status, const godwit_error_t *error,
                               int64_t now_ns);

#endif
