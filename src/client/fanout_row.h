/* SPDX-License-Identifier: Apache-2.0 */
/* One server of a fanout call: the row that the program sees in the result, and what the row's call does
 * differently from other calls. The call knows one server and no other, and sends a copy of the request,
 * which was encoded once for all rows.
 */
#ifndef GODWIT_SRC_CLIENT_FANOUT_ROW_H
#define GODWIT_SRC_CLIENT_FANOUT_ROW_H

#include "src/client/call.h"

typedef struct godwit__row {
    godwit_fanout_row_t row;                  /* what the program sees */
    godwit__record_t *record;                 /* the server's record, which has the names in `row` */
    struct godwit__fanout *fanout;            /* valid until the row has ended, like `request` */
    const godwit__encoded_request_t *request; /* the fanout call's */
    godwit__member_ref_t member;
    bool has_left;
} godwit__row_t;

/* Begins to give a call the row's request: a small one is copied now, a large one when it is handed over. */
void godwit__row_open (godwit__row_t *row, godwit__call_t *call);
/* Gives the call all of the request, to be handed over. False when memory is short. */
bool godwit__row_write (godwit__call_t *call);
/* Chooses the call's server, if it can be called now. NOBODY: it has left. UNREACHABLE: connecting to it has
 * failed since the call began. With transport.lock held. */
godwit__pick_t godwit__row_pick (const godwit__call_t *call, godwit__picked_t *picked);
/* Makes the error for NOBODY and UNREACHABLE, and returns its status. */
godwit_status_t godwit__row_fail (godwit__call_t *call, godwit__pick_t pick, godwit_error_t **error);

#endif
