/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share. With outbox.lock. */
#ifndef GODWIT_SRC_DELIVERY_OUTBOX_INSIDE_H
#define GODWIT_SRC_DELIVERY_OUTBOX_INSIDE_H

#include "src/delivery/stream.h"

/* NULL when memory is short. */
godwit__stream_t *godwit__outbox_find_or_make (godwit__outbox_t *outbox, const char *exchange,
                                               const char *topic, godwit_priority_t priority);
/* A copy of a body, in no stream. NULL when memory is short. */
godwit__entry_t *godwit__entry_new (const void *body, size_t size);
/* Something is due: the control thread has to look when. */
void godwit__outbox_post (const godwit__outbox_t *outbox);
/* It looks then, too, which listeners there are. */
void godwit__outbox_look_again (const godwit__outbox_t *outbox);
/* The same if something of the consumer is due at a certain time. */
void godwit__outbox_post_if_due (const godwit__outbox_t *outbox, const godwit__consumer_t *consumer);

/* ---- the control thread; takes the lock ---- */

/* Looks for news of listeners if there may be any, does what is due, and sends. Returns when it has to be
 * called again. */
int64_t godwit__outbox_tick (godwit__outbox_t *outbox, bool has_news);

#endif
