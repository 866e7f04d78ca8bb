/* SPDX-License-Identifier: Apache-2.0 */
/* An outbox: what one notifier has accepted and its listeners have not acknowledged. It holds streams, one
 * for each topic and priority.
 *
 * A thread that appends also sends, unless another thread sends for the same pool, which then sends more. The
 * answers come on the completion thread, which sends what has come together meanwhile. What takes time
 * (back-offs, pools that are forgotten) and news of listeners are the control thread's.
 *
 * Locks: outbox.lock guards everything in this room. Under it transport.lock may be taken. It is released
 * while something is sent.
 */
#ifndef GODWIT_SRC_DELIVERY_OUTBOX_H
#define GODWIT_SRC_DELIVERY_OUTBOX_H

#include <godwit/notify.h>

#include "src/base/list.h"
#include "src/delivery/notes.h"
#include "src/runtime/transport.h"

typedef struct godwit__outbox godwit__outbox_t;
typedef struct godwit__stream godwit__stream_t;

struct godwit__outbox {
    godwit_transport_t *transport;     /* a reference */
    godwit_delivery_options_t options; /* with defaults; strings are the outbox's own */
    char **pools;                      /* options.pools */
    bool owns_options;
    uint32_t number;                   /* by which listeners tell it from others of its transport */
    struct godwit__outboxes *outboxes; /* a reference; NULL: it was not added */
    godwit__list_node_t in_transport;
    bool was_ended; /* by its transport; guarded by outboxes.lock */
    pthread_mutex_t lock;
    godwit__change_t changed; /* there is room, or less is kept, or a flight has ended */
    godwit__list_t streams;
    size_t kept; /* entries */
    size_t kept_size;
    uint64_t last_order; /* of an entry */
    /* It was full: what all known pools are done with is not kept for those that may appear (room.h). */
    bool is_tight;
    size_t flights; /* in the air, all streams together */
    godwit__list_t in_the_air;
    bool closed;                       /* nothing is accepted and sent any more */
    struct godwit__spooling *spooling; /* with a spool; NULL: none */
    unsigned had_turn; /* the last round of turns that it had one in; guarded by outboxes.lock */
    bool full_in_vain; /* somebody has waited for room in vain, and there has been none since */
    godwit_notifier_stats_t stats;
    godwit__notes_t notes;
};

/* options NULL: all defaults. INVALID_ARGUMENT, OUT_OF_MEMORY, CLOSED. */
godwit_status_t godwit__outbox_new (godwit__outbox_t **outbox, godwit_transport_t *transport,
                                    const godwit_delivery_options_t *options, godwit_error_t **error);
/* Nobody else uses it. Waits for its flights to end; what is kept is lost, which is logged. */
void godwit__outbox_destroy (godwit__outbox_t **outbox);
/* Nothing is accepted and sent any more; waits for its flights to end. What it has is still there. Any
 * thread, also the completion's, in a callback. */
void godwit__outbox_close (godwit__outbox_t *outbox);

/* The stream of these names, made if need be; lives as long as the outbox. NULL when memory is short. Any
 * thread. */
godwit__stream_t *godwit__outbox_stream (godwit__outbox_t *outbox, const char *exchange, const char *topic,
                                         godwit_priority_t priority);
/* Accepts a notification: a body (src/wire/notification.h), which is copied. retry: how often it is tried to
 * reach a listener; negative: for ever. *dropped: there was no room, and when_full says that it is dropped:
 * OK. OVERLOADED (no room), DELIVERY_FAILURE (retry: no listener), LIMIT_EXCEEDED, CLOSED, OUT_OF_MEMORY. Any
 * thread. */
godwit_status_t godwit__stream_append (godwit__stream_t *stream, const void *body, size_t size, int64_t retry,
                                       bool *dropped, godwit_error_t **error);
/* Waits until all is acknowledged, or given up. TIMEOUT, CLOSED. */
godwit_status_t godwit__outbox_flush (godwit__outbox_t *outbox, int64_t timeout_ms, godwit_error_t **error);
void godwit__outbox_stats (godwit__outbox_t *outbox, godwit_notifier_stats_t *stats);

#endif
