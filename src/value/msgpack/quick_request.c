/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a request as nearly all have it: [context, method, args], or with namespace and version
 * (docs/protocol.md 4.2), where context and args are small maps of scalars with short keys. It is read from
 * front to back. The context, at which most methods never look, is only checked, and filled when somebody
 * asks for it. All other bodies are left to quick.c; no byte was changed then. */
#include "src/value/msgpack/quick.h"

/* Where the entries of the context begin, and the nodes of the parts. */
enum { CONTEXT_AT = 2 };
enum { BODY, CONTEXT, METHOD, ARGS, NAMESPACE, VERSION };

#define FEW_ENTRIES 15
#define STRINGS_MAX (2 * FEW_ENTRIES + 3)

/* Strings that were taken. Each is ended when all is taken: until then no byte may change. */
typedef struct strings {
    size_t count;
    node_t *last;
    const uint8_t *ends[STRINGS_MAX];
} strings_t;

static inline void
end_strings (strings_t *strings, uint8_t *data, const uint8_t *end, node_t *spare)
{
    size_t count = strings->count;
    if (count > 0 && strings->ends[count - 1] == end) {
        node_t *const last = strings->last;
        count--;
        godwit__end_last_string (last, data + (last->as.bytes.data - data), spare);
    }
    while (count-- > 0)
        data[strings->ends[count] - data] = '\0';
}

/* Takes a string of up to 31 bytes. */
static inline const uint8_t *
take_short (const uint8_t *at, const uint8_t *end, node_t *node, strings_t *strings)
{
    const size_t size = at < end ? *at ^ 0xa0u : SIZE_MAX;
    if (size > 0x1f || (size_t) (end - at) <= size)
        return NULL;
    node->type = GODWIT_TYPE_STR;
    node->as.bytes.data = at + 1;
    node->as.bytes.size = size;
    strings->last = node;
    return strings->ends[strings->count++] = at + 1 + size;
}

/* Takes any element but a list or a map. strings NULL: the string is not to be ended. */
static inline const uint8_t *
take_plain (const uint8_t *at, const uint8_t *end, node_t *node, strings_t *strings)
{
    const uint8_t header = at < end ? *at : 0x80;
    if (header < 0x80 || header >= 0xe0)
        return set_integer (at + 1, node, (int8_t) header);
    if (header < 0xa0)
        return NULL;
    if (header < 0xc0)
        return take_short (at, end, node, strings);
    at = godwit__take_other (at + 1, end, node, header);
    if (at && node->type == GODWIT_TYPE_STR) {
        strings->last = node;
        strings->ends[strings->count++] = at;
    }
    return at;
}

static inline const uint8_t *
take_short_or_nil (const uint8_t *at, const uint8_t *end, node_t *node, strings_t *strings)
{
    if (at == end || *at != 0xc0)
        return take_short (at, end, node, strings);
    node->type = GODWIT_TYPE_NIL;
    return at + 1;
}

/* One bit of 64 for a key that is not empty. Two keys with different bits are different. */
static inline uint64_t
bit_of (const uint8_t *key, size_t size)
{
    return UINT64_C (1) << ((key[0] + 4u * key[size - 1] + 8u * size) & 63);
}

/* Takes the entries of a map into the nodes from index to last. NULL also if two of the keys may be the
 * same. */
static inline const uint8_t *
take_entries (const uint8_t *at, const uint8_t *end, node_t *nodes, uint32_t index, uint32_t last,
              strings_t *strings)
{
    uint64_t seen = 0;
    for (; index < last; index += 2) {
        node_t *const key = &nodes[index];
        at = take_short (at, end, key, strings);
        if (!at || key->as.bytes.size == 0)
            return NULL;
        const uint64_t bit = bit_of (key->as.bytes.data, key->as.bytes.size);
        at = take_plain (at, end, key + 1, strings);
        if (seen & bit || !at)
            return NULL;
        seen |= bit;
        key->index = index;
        key[1].index = index + 1;
    }
    return at;
}

/* The same, but no node is filled. */
static inline const uint8_t *
skip_entries (const uint8_t *at, const uint8_t *end, uint32_t count)
{
    uint64_t seen = 0;
    for (; count > 0; count--) {
        const size_t size = at < end ? *at ^ 0xa0u : 0;
        if (size == 0 || size > 0x1f || (size_t) (end - at) <= size)
            return NULL;
        const uint64_t bit = bit_of (at + 1, size);
        at += 1 + size;
        const uint8_t header = at < end ? *at++ : 0x80;
        node_t scalar;
        if (header >= 0xa0 && header < 0xc0)
            at = (size_t) (end - at) < (header & 0x1fu) ? NULL : at + (header & 0x1f);
        else if (header >= 0x80 && header < 0xe0)
            at = header < 0xa0 ? NULL : godwit__take_other (at, end, &scalar, header);
        if (seen & bit || !at)
            return NULL;
        seen |= bit;
    }
    return at;
}

static inline void
set_container (node_t *node, uint32_t index, godwit_type_t type, uint32_t count, uint32_t first)
{
    node->type = (uint8_t) type;
    node->index = index;
    node->count = count;
    node->as.first = first;
}

uint32_t
godwit__parse_request (struct godwit_value *nodes, uint32_t capacity, uint8_t *data, size_t size,
                       const godwit__limits_t *limits, bool *unread)
{
    const uint8_t *const end = data + size;
    if (size <= CONTEXT_AT || size > limits->size || limits->depth < 2)
        return 0;
    const uint32_t count = data[0] ^ 0x90u;
    const uint32_t context_count = data[1] ^ 0x80u;
    const uint32_t context_first = 1 + count;
    const uint32_t args_first = context_first + 2 * context_count;
    if (count < ARGS || count > VERSION || context_count > FEW_ENTRIES || args_first >= capacity)
        return 0;
    strings_t strings;
    strings.count = 0;
    const uint8_t *at = skip_entries (data + CONTEXT_AT, end, context_count);
    if (!at || !(at = take_short (at, end, &nodes[METHOD], &strings)))
        return 0;
    const uint32_t args_count = at < end ? *at++ ^ 0x80u : UINT8_MAX;
    const uint32_t used = args_first + 2 * args_count;
    if (args_count > FEW_ENTRIES || used >= capacity || used > limits->count)
        return 0;
    at = take_entries (at, end, nodes, args_first, used, &strings);
    if (at && count >= NAMESPACE)
        at = take_short_or_nil (at, end, &nodes[NAMESPACE], &strings);
    if (at && count == VERSION)
        at = take_short_or_nil (at, end, &nodes[VERSION], &strings);
    if (at != end)
        return 0;

    set_container (&nodes[BODY], BODY, GODWIT_TYPE_LIST, count, 1);
    set_container (&nodes[CONTEXT], CONTEXT, GODWIT_TYPE_MAP, context_count, context_first);
    set_container (&nodes[ARGS], ARGS, GODWIT_TYPE_MAP, args_count, args_first);
    nodes[METHOD].index = METHOD;
    for (uint32_t part = NAMESPACE; part <= count; part++)
        nodes[part].index = part;
    end_strings (&strings, data, end, &nodes[used]);
    *unread = context_count > 0;
    return used;
}

void
godwit__parse_context (struct godwit_value *nodes, uint8_t *data, size_t size)
{
    const uint32_t first = nodes[CONTEXT].as.first;
    node_t spare; /* not used: the method follows, so there is room */
    strings_t strings;
    strings.count = 0;
    take_entries (data + CONTEXT_AT, data + size, nodes, first, first + 2 * nodes[CONTEXT].count, &strings);
    end_strings (&strings, data, data + size, &spare);
}
