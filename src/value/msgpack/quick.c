/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to nodes in one pass: what the scan would check is checked as the nodes are filled. Small bodies, as
 * calls have them, are decoded here. Whatever is unusual or wrong is left to the scan and msgpack-c's parser
 * in decode.c; this parser has changed no byte then, and gives no reason. */
#include "src/value/msgpack/quick.h"

/* How deep it follows containers inside containers. */
#define LEVELS 8
#define NONE UINT32_MAX

static inline uint32_t
load_4 (const uint8_t *at)
{
    return (uint32_t) at[0] << 24 | (uint32_t) at[1] << 16 | (uint32_t) at[2] << 8 | at[3];
}

static inline uint64_t
load (const uint8_t *at, size_t width)
{
    switch (width) {
    case 0:
        return 0;
    case 1:
        return at[0];
    case 2:
        return (uint64_t) at[0] << 8 | at[1];
    case 4:
        return load_4 (at);
    default:
        return (uint64_t) load_4 (at) << 32 | load_4 (at + 4);
    }
}

static inline const uint8_t *
set_unsigned (const uint8_t *at, node_t *node, uint64_t number)
{
    node->type = number > INT64_MAX ? GODWIT_TYPE_UINT : GODWIT_TYPE_INT;
    node->as.unsigned_integer = number;
    return at;
}

static inline const uint8_t *
set_double (const uint8_t *at, node_t *node, size_t width, uint64_t bits)
{
    node->type = GODWIT_TYPE_DOUBLE;
    if (width == sizeof node->as.number) {
        memcpy (&node->as.number, &bits, sizeof bits);
    } else {
        const uint32_t few = (uint32_t) bits;
        float number;
        memcpy (&number, &few, sizeof few);
        node->as.number = (double) number;
    }
    return at;
}

const uint8_t *
godwit__take_other (const uint8_t *at, const uint8_t *end, node_t *node, uint8_t header)
{
    /* How many bytes the number behind the header has. */
    static const uint8_t widths[] = {[0xc4 - 0xc0] = 1, 2, 4, [0xca - 0xc0] = 4, 8, 1, 2, 4, 8, 1, 2, 4, 8,
                                     [0xd9 - 0xc0] = 1, 2, 4};
    const size_t width = header < 0xdc ? widths[header - 0xc0] : 0;
    if ((size_t) (end - at) < width)
        return NULL;
    const uint64_t number = load (at, width);
    at += width;
    switch (header) {
    case 0xc0:
        node->type = GODWIT_TYPE_NIL;
        return at;
    case 0xc2:
    case 0xc3:
        node->type = GODWIT_TYPE_BOOL;
        node->as.boolean = header == 0xc3;
        return at;
    case 0xc4:
    case 0xc5:
    case 0xc6:
        return take_bytes (at, end, node, GODWIT_TYPE_BIN, number);
    case 0xca:
    case 0xcb:
        return set_double (at, node, width, number);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        return set_unsigned (at, node, number);
    case 0xd0:
        return set_integer (at, node, (int8_t) number);
    case 0xd1:
        return set_integer (at, node, (int16_t) number);
    case 0xd2:
        return set_integer (at, node, (int32_t) number);
    case 0xd3:
        return set_integer (at, node, (int64_t) number);
    case 0xd9:
    case 0xda:
    case 0xdb:
        return take_bytes (at, end, node, GODWIT_TYPE_STR, number);
    default:
        return NULL;
    }
}

static inline const uint8_t *
take_key (const uint8_t *at, const uint8_t *end, node_t *node)
{
    if (at == end)
        return NULL;
    const uint8_t header = *at++;
    if (header >= 0xa0 && header <= 0xbf)
        return take_bytes (at, end, node, GODWIT_TYPE_STR, header & 0x1f);
    return header >= 0xd9 && header <= 0xdb ? godwit__take_other (at, end, node, header) : NULL;
}

/* Nodes that are being filled: those of the whole value, or the children of a list or a map. */
typedef struct level {
    uint32_t next;
    uint32_t end;
    bool is_map;
} level_t;

/* Ends all strings that are not empty, the last one first. They are chained by the indices in `count`. */
static void
end_strings (node_t *nodes, uint32_t last, uint8_t *data, const uint8_t *end, node_t *spare)
{
    const uint8_t *const begin = data;
    if (last != NONE && nodes[last].as.bytes.data + nodes[last].as.bytes.size == end) {
        node_t *const node = &nodes[last];
        godwit__end_last_string (node, data + (node->as.bytes.data - begin), spare);
        last = node->count;
    }
    for (const node_t *node; last != NONE; last = node->count) {
        node = &nodes[last];
        data[(size_t) (node->as.bytes.data - begin) + node->as.bytes.size] = '\0';
    }
}

/* The whole value is one scalar, as most results are. */
static inline uint32_t
parse_scalar (node_t *node, uint8_t *data, size_t size)
{
    if (take_scalar (data + 1, data + size, node, *data) != data + size)
        return 0;
    node->index = 0;
    if (node->type == GODWIT_TYPE_STR && node->as.bytes.size)
        godwit__end_last_string (node, data + (node->as.bytes.data - data), node + 1);
    return 1;
}

/* Not inline: a scalar needs none of its registers. */
static __attribute__ ((noinline)) uint32_t
parse_any (node_t *nodes, uint32_t capacity, uint8_t *data, size_t size, const godwit__limits_t *limits)
{
    level_t levels[LEVELS];
    level_t open = {0, 1, false};
    const uint8_t *at = data;
    const uint8_t *const end = data + size;
    const uint32_t max = capacity - 1 < limits->count ? capacity - 1 : limits->count;
    const uint32_t max_depth = limits->depth < LEVELS ? limits->depth : LEVELS;
    uint32_t depth = 0;
    uint32_t used = 1;
    uint32_t last_string = NONE;

    for (;;) {
        node_t *node = &nodes[open.next];
        if (open.is_map) {
            at = take_key (at, end, node);
            if (!at)
                return 0;
            if (node->as.bytes.size) {
                node->count = last_string;
                last_string = open.next;
            }
            node->index = open.next++;
            node++;
        }
        if (at == end)
            return 0;
        const uint8_t header = *at++;
        if (header < 0x80 || header >= 0xa0) {
            at = take_scalar (at, end, node, header);
            if (!at)
                return 0;
            if (node->type == GODWIT_TYPE_STR && node->as.bytes.size) {
                node->count = last_string;
                last_string = open.next;
            }
            node->index = open.next++;
        } else {
            const bool is_map = header < 0x90;
            const uint32_t count = header & 0x0f;
            const uint32_t children = is_map ? 2 * count : count;
            if (depth >= max_depth || children > max - used)
                return 0;
            node->type = is_map ? GODWIT_TYPE_MAP : GODWIT_TYPE_LIST;
            node->count = count;
            node->as.first = used;
            node->index = open.next++;
            levels[depth++] = open;
            open = (level_t){used, used + children, is_map};
            used += children;
        }
        while (open.next == open.end) {
            if (depth == 0) {
                if (at != end)
                    return 0;
                end_strings (nodes, last_string, data, end, &nodes[used]);
                return used;
            }
            const level_t closed = open;
            open = levels[--depth];
            if (closed.is_map) {
                const uint32_t count = nodes[open.next - 1].count;
                if (count > 1 && has_repeated_key (&nodes[closed.end], count))
                    return 0;
            }
        }
    }
}

uint32_t
godwit__parse_quickly (struct godwit_value *nodes, uint32_t capacity, uint8_t *data, size_t size,
                       const godwit__limits_t *limits)
{
    if (capacity < 2 || limits->count == 0 || size == 0 || size > limits->size || size > UINT32_MAX)
        return 0;
    return *data < 0x80 || *data >= 0xa0 ? parse_scalar (nodes, data, size)
                                         : parse_any (nodes, capacity, data, size, limits);
}
