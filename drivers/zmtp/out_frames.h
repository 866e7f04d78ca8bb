/* SPDX-License-Identifier: Apache-2.0 */
/* The frames of what is added to a queue, as they wait in its batches: as they travel, or with room for a box
 * around each. The queue's lock is held. */
#ifndef GODWIT_DRIVERS_ZMTP_OUT_FRAMES_H
#define GODWIT_DRIVERS_ZMTP_OUT_FRAMES_H

#include "drivers/zmtp/out_queue.h"

/* Adds a message of `size` bytes as one frame. OK: larger ones than GODWIT__ZMTP_LIGHT are taken over.
 * REFUSED: memory is short. */
godwit__io_t godwit__zmtp_out_append (godwit__zmtp_out_t *out, const godwit__message_t *message, size_t size);
/* Adds bytes as they are; with a box it is one whole frame. OK, CLOSED, REFUSED. */
godwit__io_t godwit__zmtp_out_append_raw (godwit__zmtp_out_t *out, const void *data, size_t size);

#endif
