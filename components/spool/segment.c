/* SPDX-License-Identifier: Apache-2.0 */
#include "components/spool/segment.h"

#include "components/spool/bytes.h"

#include <sodium/crypto_shorthash.h>
#include <stdlib.h>
#include <string.h>

static uint64_t
hash (uint64_t key1, uint64_t key2, const void *data, size_t size)
{
    uint8_t key[crypto_shorthash_KEYBYTES], sum[crypto_shorthash_BYTES];
    _Static_assert(sizeof key == 16 && sizeof sum == 8, "SipHash takes 128 bits and makes 64");
    godwit__spool_put64 (key, key1);
    godwit__spool_put64 (key + 8, key2);
    crypto_shorthash (sum, data, size, key);
    return godwit__spool_get64 (sum);
}

static uint32_t
check_of (uint32_t stream, uint64_t number, const void *data, size_t size)
{
    return (uint32_t) hash (stream, number, data, size);
}

bool
godwit__spool_segment_is_full (const godwit__segment_t *segment, size_t size)
{
    return segment->count == GODWIT__SPOOL_SEGMENT_COUNT ||
           (segment->count > 0 &&
            segment->size + GODWIT__SPOOL_ITEM_HEAD + size > GODWIT__SPOOL_SEGMENT_SIZE);
}

static bool
make_room (godwit__segment_t *segment, size_t more)
{
    const size_t wanted = segment->size + more;
    if (wanted <= segment->capacity)
        return true;
    size_t capacity = segment->capacity ? 2 * segment->capacity : 4096;
    while (capacity < wanted)
        capacity *= 2;
    uint8_t *const data = realloc (segment->data, capacity);
    if (!data)
        return false;
    segment->data = data;
    segment->capacity = capacity;
    return true;
}

bool
godwit__spool_segment_add (godwit__segment_t *segment, uint32_t stream, uint64_t number, const void *data,
                           size_t size)
{
    if (!make_room (segment, GODWIT__SPOOL_ITEM_HEAD + size))
        return false;
    uint8_t *const to = segment->data + segment->size;
    godwit__spool_put32 (to, (uint32_t) size);
    godwit__spool_put32 (to + 4, check_of (stream, number, data, size));
    if (size)
        memcpy (to + GODWIT__SPOOL_ITEM_HEAD, data, size);
    if (segment->count++ == 0)
        segment->first = number;
    segment->size += GODWIT__SPOOL_ITEM_HEAD + size;
    return true;
}

void
godwit__spool_segment_clear (godwit__segment_t *segment)
{
    if (segment->capacity > 2 * GODWIT__SPOOL_SEGMENT_SIZE) {
        free (segment->data);
        segment->data = NULL;
        segment->capacity = 0;
    }
    segment->size = 0;
    segment->count = 0;
}

bool
godwit__spool_segment_next (const uint8_t *segment, size_t segment_size, size_t *at, uint32_t stream,
                            uint64_t number, const uint8_t **data, size_t *size, bool *is_framed)
{
    *is_framed = false;
    if (segment_size - *at < GODWIT__SPOOL_ITEM_HEAD)
        return false;
    const uint8_t *const head = segment + *at;
    *size = godwit__spool_get32 (head);
    if (*size > segment_size - *at - GODWIT__SPOOL_ITEM_HEAD)
        return false;
    *data = head + GODWIT__SPOOL_ITEM_HEAD;
    *is_framed = true;
    *at += GODWIT__SPOOL_ITEM_HEAD + *size;
    return godwit__spool_get32 (head + 4) == check_of (stream, number, *data, *size);
}

int64_t
godwit__spool_row_sum (const char *name, const uint64_t *numbers, size_t count, const uint8_t *bytes,
                       size_t size)
{
    uint8_t fixed[8 * 8];
    for (size_t i = 0; i < count; i++)
        godwit__spool_put64 (fixed + 8 * i, numbers[i]);
    const uint64_t of_name = hash (0, 0, name, strlen (name));
    return (int64_t) hash (of_name, hash (0, 1, fixed, 8 * count), bytes, size);
}
