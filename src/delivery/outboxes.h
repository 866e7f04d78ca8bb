/* SPDX-License-Identifier: Apache-2.0 */
/* The outboxes of a transport, and what the control thread does for them: it brings news of listeners, and
 * does what is due at a certain time. */
#ifndef GODWIT_SRC_DELIVERY_OUTBOXES_H
#define GODWIT_SRC_DELIVERY_OUTBOXES_H

#include "src/delivery/outbox.h"

typedef struct godwit__outboxes {
    atomic_uint refs; /* the transport's, and one of each outbox */
    godwit_transport_t *transport;
    pthread_mutex_t lock; /* guards the list; above outbox.lock */
    godwit__list_t list;
    uint32_t last_number; /* of an outbox */
    /* With external_loop: the spools have their turns without the lock. */
    const godwit__outbox_t *in_turn; /* it stays until its turn is over; NULL: none has one */
    godwit__change_t turn_over;
    unsigned round;         /* of turns */
    unsigned closing;       /* outboxes that their owners close: the transport waits for them */
    godwit__change_t ended; /* one is closed */
    atomic_bool has_news;   /* something has changed that may concern listeners */
    godwit__task_t task;
    godwit__timer_t timer; /* the control thread's */
} godwit__outboxes_t;

/* Adds an outbox to those of its transport. CLOSED, OUT_OF_MEMORY. */
godwit_status_t godwit__outboxes_add (godwit__outbox_t *outbox, godwit_error_t **error);
/* Takes it away: the control thread does not use it any more, and it is closed when this returns. If its
 * transport ends at the same time, one of both closes it, and the other one waits. */
void godwit__outboxes_remove (godwit__outbox_t *outbox);
/* Without a lock; the outbox was added. */
void godwit__outboxes_unref (godwit__outboxes_t *outboxes);

/* ---- for src/transport ---- */

/* Something has changed that outboxes may want to know: a listener, a connection. Any thread, no lock held.
 */
void godwit__outboxes_changed (godwit_transport_t *transport);
/* The transport ends: nothing more is sent, and what is in the air ends. */
void godwit__outboxes_close (godwit_transport_t *transport);
/* Frees what the transport has of them. After the end of the control thread. */
void godwit__outboxes_end (godwit_transport_t *transport);

#endif
