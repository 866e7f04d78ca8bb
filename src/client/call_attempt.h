/* SPDX-License-Identifier: Apache-2.0 */
/* One attempt of a call: a server is chosen, and the request handed over. */
#ifndef GODWIT_SRC_CLIENT_CALL_ATTEMPT_H
#define GODWIT_SRC_CLIENT_CALL_ATTEMPT_H

#include "src/client/call.h"

typedef enum godwit__advance {
    GODWIT__ADVANCE_SENT,    /* it waits for its reply (a cast: done); or it ended at once, inline */
    GODWIT__ADVANCE_STALLED, /* try again when transport.change_count differs, or at not_before_ns */
    GODWIT__ADVANCE_FAILED   /* *status and *error say why */
} godwit__advance_t;

/* Makes one attempt. Does not block, except in an inline method. Any thread, no lock held. */
godwit__advance_t godwit__call_advance (godwit__call_t *call, godwit_status_t *status,
                                        godwit_error_t **error);

#endif
