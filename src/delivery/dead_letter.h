/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications that no listener could handle. */
#ifndef GODWIT_SRC_DELIVERY_DEAD_LETTER_H
#define GODWIT_SRC_DELIVERY_DEAD_LETTER_H

#include "src/delivery/stream.h"
#include "src/wire/notify_frame.h"

/* Sends a copy of the entry to the dead-letter topic, at the same priority. False: memory is short, or it
 * came from there. With outbox.lock. */
bool godwit__dead_letter (const godwit__stream_t *stream, const godwit__entry_t *entry);

#endif
