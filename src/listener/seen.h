/* SPDX-License-Identifier: Apache-2.0 */
/* The message_ids that were handled last, and those that are being handled, to drop duplicates. Any thread.
 */
#ifndef GODWIT_SRC_LISTENER_SEEN_H
#define GODWIT_SRC_LISTENER_SEEN_H

#include "src/base/table.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct godwit__seen_ids godwit__seen_ids_t;

/* A notification that is being handled. All zero: it is not. */
typedef struct godwit__handling {
    godwit__table_node_t by_id;
    const char *message_id;
} godwit__handling_t;

typedef enum godwit__seen_before {
    GODWIT__SEEN_NEW,
    GODWIT__SEEN_HANDLED,
    GODWIT__SEEN_RUNNING /* it is being handled: whether it has to be again is not known yet */
} godwit__seen_before_t;

/* Remembers up to so many. NULL when memory is short. */
godwit__seen_ids_t *godwit__seen_ids_new (size_t limit);
void godwit__seen_ids_destroy (godwit__seen_ids_t **seen);
/* Whether it was handled. */
bool godwit__seen_ids_has (godwit__seen_ids_t *seen, const char *message_id);
/* NEW: it is being handled from now on, until the end, and message_id stays as it is. */
godwit__seen_before_t godwit__seen_ids_begin (godwit__seen_ids_t *seen, const char *message_id,
                                              godwit__handling_t *handling);
/* The end of that, if it has begun. was_handled: remembers it, and forgets the oldest if there are too many.
 */
void godwit__seen_ids_end (godwit__seen_ids_t *seen, godwit__handling_t *handling, bool was_handled);

#endif
