/* SPDX-License-Identifier: Apache-2.0 */
/* Room in an outbox: how much it may keep, and what becomes of a notification for which there is none. With
 * outbox.lock, unless something else is said. */
#ifndef GODWIT_SRC_DELIVERY_ROOM_H
#define GODWIT_SRC_DELIVERY_ROOM_H

#include "src/delivery/stream.h"

/* What a lack of room has led to. */
typedef enum godwit__lack {
    GODWIT__LACK_NONE,
    GODWIT__LACK_OLDEST, /* older ones were dropped, and there is room */
    GODWIT__LACK_NEWEST, /* this one is dropped */
    GODWIT__LACK_FAILED  /* this one has failed */
} godwit__lack_t;

/* Looks for room in memory for an entry of this size, and does what when_full says if there is none: it may
 * wait. NONE also when the outbox is closed meanwhile. */
godwit__lack_t godwit__room_make (godwit__stream_t *stream, size_t size);
/* The spool was full: waits until something has changed. False: not any longer; then *lack says what becomes
 * of the entry. end_ns: until when a full spool may be waited for. */
bool godwit__room_wait_for_spool (godwit__stream_t *stream, int64_t end_ns, godwit__lack_t *lack);
/* Whether this thread may wait for listeners. Acknowledgements come on the completion thread, or not while
 * this one is inside the program's loop: it would wait for itself. The outbox is not closed. */
bool godwit__room_may_wait (const godwit__outbox_t *outbox);

/* ---- without the lock ---- */

/* Tells the log of a lack. why: what a spool has said; NULL: it was memory. */
void godwit__room_warn (const godwit__stream_t *stream, godwit__lack_t lack, const char *why);

#endif
