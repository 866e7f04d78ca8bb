/* SPDX-License-Identifier: Apache-2.0 */
/* The structural scan: checks received bytes before anything is allocated for them. */
#include "src/value/msgpack/codec.h"

const godwit__limits_t godwit__default_limits = {
    .size = (size_t) 64 << 20, .depth = GODWIT__BODY_DEPTH, .count = GODWIT__BODY_COUNT};

/* What a header byte says. Most give the whole size: the low six bits are the size of the element, header
 * included; KEY marks strings. The others have a kind of their own. */
enum {
    SIZE_MASK = 0x3f,
    KEY = 0x40,
    OTHER = 0x80,
    BIN8 = OTHER, /* in the order of the header bytes, the width of the length being 1, 2, 4 */
    BIN16,
    BIN32,
    STR8,
    STR16,
    STR32,
    LIST16,
    LIST32,
    MAP16,
    MAP32,
    FIXLIST,
    FIXMAP,
    EXTENSION,
    NEVER
};

#define TWICE(x) (x), (x)
#define FOUR(x) TWICE (x), TWICE (x)
#define SIXTEEN(x) FOUR (x), FOUR (x), FOUR (x), FOUR (x)
#define TEXT(n) (KEY | (1 + (n)))
#define FOUR_TEXTS(n) TEXT (n), TEXT ((n) + 1), TEXT ((n) + 2), TEXT ((n) + 3)

static const uint8_t headers[256] = {
    /* 00 */ SIXTEEN (1),
    SIXTEEN (1),
    SIXTEEN (1),
    SIXTEEN (1),
    /* 40 */ SIXTEEN (1),
    SIXTEEN (1),
    SIXTEEN (1),
    SIXTEEN (1),
    /* 80 */ SIXTEEN (FIXMAP),
    /* 90 */ SIXTEEN (FIXLIST),
    /* a0 */ FOUR_TEXTS (0),
    FOUR_TEXTS (4),
    FOUR_TEXTS (8),
    FOUR_TEXTS (12),
    /* b0 */ FOUR_TEXTS (16),
    FOUR_TEXTS (20),
    FOUR_TEXTS (24),
    FOUR_TEXTS (28),
    /* c0 */ 1,
    NEVER,
    1,
    1,
    /* c4 */ BIN8,
    BIN16,
    BIN32,
    EXTENSION,
    EXTENSION,
    EXTENSION,
    /* ca */ 5,
    9,
    /* cc */ 2,
    3,
    5,
    9,
    2,
    3,
    5,
    9,
    /* d4 */ FOUR (EXTENSION),
    EXTENSION,
    /* d9 */ STR8,
    STR16,
    STR32,
    LIST16,
    LIST32,
    MAP16,
    MAP32,
    /* e0 */ SIXTEEN (1),
    SIXTEEN (1)};

/* The number of `width` bytes behind the header; the caller has checked that they are there. */
static size_t
load (const uint8_t *at, size_t width)
{
    size_t number = 0;
    for (size_t i = 1; i <= width; i++)
        number = number << 8 | at[i];
    return number;
}

static godwit_status_t
fail (godwit__scan_t *result, godwit_status_t status, size_t at, const char *reason)
{
    result->at = at;
    result->reason = reason;
    return status;
}

godwit_status_t
godwit__scan (const uint8_t *data, size_t size, const godwit__limits_t *limits, godwit__scan_t *result)
{
    static const uint8_t widths[] = {1, 2, 4, 1, 2, 4, 2, 4, 2, 4, 0, 0};
    /* How many elements are still to come, per level; in a map, keys and values both count. */
    struct {
        uint32_t left;
        bool is_map;
    } levels[GODWIT__BODY_DEPTH + 1];
    const uint32_t max_depth = limits->depth < GODWIT__BODY_DEPTH ? limits->depth : GODWIT__BODY_DEPTH;
    uint32_t depth = 0;
    uint32_t left = 1;
    bool is_map = false;
    uint32_t count = 1; /* of nodes: a container's are counted when its header is met */
    size_t at = 0;

    if (size > limits->size || size > UINT32_MAX)
        return fail (result, GODWIT_ERR_LIMIT_EXCEEDED, 0, "the body is larger than the limit");
    if (count > limits->count)
        return fail (result, GODWIT_ERR_LIMIT_EXCEEDED, 0, "more elements than the limit");

    for (;;) {
        if (at >= size)
            return fail (result, GODWIT_ERR_MALFORMED, at, "the bytes end inside a value");
        const uint8_t header = headers[data[at]];
        /* Keys and values take turns and an even number is left before a key. */
        const bool is_key = is_map && left % 2 == 0;
        left--;

        if (header < OTHER) {
            const size_t taken = header & SIZE_MASK;
            if (is_key && !(header & KEY))
                return fail (result, GODWIT_ERR_MALFORMED, at, "a map key that is no string");
            if (taken > size - at)
                return fail (result, GODWIT_ERR_MALFORMED, at, "the bytes end inside a value");
            at += taken;
        } else if (header >= EXTENSION) {
            return fail (result, GODWIT_ERR_MALFORMED, at,
                         header == NEVER ? "the byte 0xc1 begins no value" : "an extension type");
        } else {
            const size_t width = widths[header - OTHER];
            if (is_key && (header < STR8 || header > STR32))
                return fail (result, GODWIT_ERR_MALFORMED, at, "a map key that is no string");
            if (width >= size - at)
                return fail (result, GODWIT_ERR_MALFORMED, at, "the bytes end inside a value");
            size_t number = width ? load (data + at, width) : data[at] & 0x0fu;
            const size_t remaining = size - at - 1 - width;
            if (header <= STR32) {
                if (number > remaining)
                    return fail (result, GODWIT_ERR_MALFORMED, at, "a length beyond the end of the bytes");
                at += 1 + width + number;
            } else {
                const bool map = header == FIXMAP || header == MAP16 || header == MAP32;
                if (number > remaining / (map ? 2 : 1))
                    return fail (result, GODWIT_ERR_MALFORMED, at,
                                 "more elements declared than there are bytes");
                if (depth >= max_depth)
                    return fail (result, GODWIT_ERR_LIMIT_EXCEEDED, at, "nested deeper than the limit");
                number *= map ? 2 : 1;
                if (number > limits->count - count)
                    return fail (result, GODWIT_ERR_LIMIT_EXCEEDED, at, "more elements than the limit");
                count += (uint32_t) number;
                at += 1 + width;
                levels[depth].left = left;
                levels[depth].is_map = is_map;
                depth++;
                left = (uint32_t) number;
                is_map = map;
            }
        }

        while (left == 0) {
            if (depth == 0) {
                result->node_count = count;
                result->consumed = at;
                result->at = 0;
                result->reason = NULL;
                return GODWIT_OK;
            }
            depth--;
            left = levels[depth].left;
            is_map = levels[depth].is_map;
        }
    }
}
