/* SPDX-License-Identifier: Apache-2.0 */
/* The message_ids that were handled last, to drop duplicates. Any thread. */
#ifndef GODWIT_SRC_LISTENER_SEEN_H
#define GODWIT_SRC_LISTENER_SEEN_H

#include <stdbool.h>
#include <stddef.h>

typedef struct godwit__seen_ids godwit__seen_ids_t;

/* Remembers up to so many. NULL when memory is short. */
godwit__seen_ids_t *godwit__seen_ids_new (size_t limit);
void godwit__seen_ids_destroy (godwit__seen_ids_t **seen);
/* Whether it is remembered. */
bool godwit__seen_ids_has (godwit__seen_ids_t *seen, const char *message_id);
/* Remembers it, and forgets the oldest if there are too many. */
void godwit__seen_ids_add (godwit__seen_ids_t *seen, const char *message_id);

#endif
