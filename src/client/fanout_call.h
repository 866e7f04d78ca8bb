/* A fanout call: one request to every server that a topic has at its start, and one row for each.
 *
 *     the members of the epoch -> a call each, which knows its server and no other -> a row each
 *
 * The calls are asynchronous ones (src/client/async.c) that share what was encoded once; who made the fanout
 * call waits until the last of them has ended.
 */
#ifndef GODWIT_SRC_CLIENT_FANOUT_CALL_H
#define GODWIT_SRC_CLIENT_FANOUT_CALL_H

#include "src/client/call.h"

struct godwit__fanout;

/* One server of a fanout call. */
typedef struct godwit__row {
    godwit_fanout_row_t row;       /* what the program sees */
    godwit__record_t *record;      /* its names, of which `row` tells */
    struct godwit__fanout *fanout; /* until it has ended */
    godwit__member_ref_t member;   /* the member */
    bool has_left;
} godwit__row_t;

/* The call's server, if it can be called now. NOBODY: it has left; UNREACHABLE: it was tried to connect to it
 * since the call began. With transport.lock held. */
godwit__pick_t godwit__row_pick (const godwit__call_t *call, godwit__picked_t *picked);
/* Its server has left, or cannot be reached. */
godwit__advance_t godwit__row_fail (godwit__call_t *call, godwit__pick_t pick, godwit_status_t *status,
                                    godwit_error_t **error);
/* Gives the call a request of its own to hand over, of what was encoded for all. False when memory is short.
 */
bool godwit__row_write (godwit__call_t *call);

#endif
