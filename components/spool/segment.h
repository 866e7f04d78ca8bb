/* SPDX-License-Identifier: Apache-2.0 */
/* What a segment holds, and the checksums: SipHash, of which an item has 32 bits.
 *
 *     [u32 size][u32 check of stream, number and bytes][bytes] ...
 */
#ifndef GODWIT_SPOOL_SEGMENT_H
#define GODWIT_SPOOL_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GODWIT__SPOOL_ITEM_HEAD 8
#define GODWIT__SPOOL_ITEM_MAX (256u << 20) /* bytes of an item */
/* Where a segment ends: what is deleted, and read, at a time. One item may be longer. */
#define GODWIT__SPOOL_SEGMENT_SIZE ((size_t) 64 << 10)
#define GODWIT__SPOOL_SEGMENT_COUNT 256

/* A segment that is being made. */
typedef struct godwit__segment {
    uint64_t first;
    uint64_t count;
    uint8_t *data;
    size_t size;
    size_t capacity;
} godwit__segment_t;

/* True: an item of this size goes into the next segment. */
bool godwit__spool_segment_is_full (const godwit__segment_t *segment, size_t size);
/* False: out of memory, and nothing has changed. */
bool godwit__spool_segment_add (godwit__segment_t *segment, uint32_t stream, uint64_t number,
                                const void *data, size_t size);
/* Empties it. A large buffer is given back. */
void godwit__spool_segment_clear (godwit__segment_t *segment);

/* Takes the item at *at, and moves *at behind it. False: it does not fit into the segment, or is not what was
 * written; then *is_framed says whether *at was moved all the same. */
bool godwit__spool_segment_next (const uint8_t *segment, size_t segment_size, size_t *at, uint32_t stream,
                                 uint64_t number, const uint8_t **data, size_t *size, bool *is_framed);

/* The checksum of a row: of a text, numbers and bytes. */
int64_t godwit__spool_row_sum (const char *name, const uint64_t *numbers, size_t count, const uint8_t *bytes,
                               size_t size);

#endif
