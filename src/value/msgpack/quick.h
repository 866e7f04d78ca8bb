/* SPDX-License-Identifier: Apache-2.0 */
/* The elements of which small bodies are made, for quick.c and quick_request.c. */
#ifndef GODWIT_SRC_VALUE_MSGPACK_QUICK_H
#define GODWIT_SRC_VALUE_MSGPACK_QUICK_H

#include "src/value/msgpack/codec.h"

typedef struct godwit_value node_t;

/* Each take_... reads an element at `at`, where there are `end - at` bytes. Returns the end of the element,
 * or NULL if it does not take the element. */

static inline const uint8_t *
take_bytes (const uint8_t *at, const uint8_t *end, node_t *node, godwit_type_t type, size_t size)
{
    if ((size_t) (end - at) < size)
        return NULL;
    node->type = (uint8_t) type;
    node->as.bytes.data = size ? at : (const uint8_t *) "";
    node->as.bytes.size = size;
    return at + size;
}

static inline const uint8_t *
set_integer (const uint8_t *at, node_t *node, int64_t number)
{
    node->type = GODWIT_TYPE_INT;
    node->as.integer = number;
    return at;
}

/* Takes an element with a header byte from 0xc0 to 0xdb: nil, bool, wide numbers, long bytes and strings. */
const uint8_t *godwit__take_other (const uint8_t *at, const uint8_t *end, node_t *node, uint8_t header);

/* Takes any element but a list or a map. */
static inline const uint8_t *
take_scalar (const uint8_t *at, const uint8_t *end, node_t *node, uint8_t header)
{
    if (header < 0x80 || header >= 0xe0)
        return set_integer (at, node, (int8_t) header);
    if (header < 0xc0)
        return take_bytes (at, end, node, GODWIT_TYPE_STR, header & 0x1f);
    return godwit__take_other (at, end, node, header);
}

/* Compares each key of a map with all keys before it. The map's nodes end at `end`. */
static inline bool
has_repeated_key (const node_t *end, uint32_t count)
{
    const node_t *const first = end - (size_t) 2 * count;
    for (const node_t *key = first + 2; key < end; key += 2)
        for (const node_t *other = first; other < key; other += 2)
            if (godwit__same_key (key, other))
                return true;
    return false;
}

#endif
