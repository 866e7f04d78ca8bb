/* SPDX-License-Identifier: Apache-2.0 */
#include "src/value/msgpack/codec.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const godwit__limits_t limits = {.size = 1 << 20, .depth = GODWIT_VALUE_MAX_DEPTH, .count = 1000};

/* Scans a heap copy of exactly that size, so that AddressSanitizer sees a read behind it. */
static godwit_status_t
scan (const void *data, size_t size, const godwit__limits_t *with, godwit__scan_t *result)
{
    uint8_t *const copy = malloc (size ? size : 1);
    cr_assert_not_null (copy);
    memcpy (copy, data, size);
    memset (result, 0, sizeof *result);
    const godwit_status_t status = godwit__scan (copy, size, with, result);
    free (copy);
    return status;
}

#define BYTES(text) (text), sizeof (text) - 1

Test (scan, every_form_of_value)
{
    static const struct {
        const char *data;
        size_t size;
        uint32_t nodes;
    } rows[] = {
        {BYTES ("\x00"), 1},
        {BYTES ("\x7f"), 1},
        {BYTES ("\xe0"), 1},
        {BYTES ("\xff"), 1},
        {BYTES ("\xc0"), 1},
        {BYTES ("\xc2"), 1},
        {BYTES ("\xc3"), 1},
        {BYTES ("\xca...."), 1},
        {BYTES ("\xcb........"), 1},
        {BYTES ("\xcc."), 1},
        {BYTES ("\xcd.."), 1},
        {BYTES ("\xce...."), 1},
        {BYTES ("\xcf........"), 1},
        {BYTES ("\xd0."), 1},
        {BYTES ("\xd1.."), 1},
        {BYTES ("\xd2...."), 1},
        {BYTES ("\xd3........"), 1},
        {BYTES ("\xa0"), 1},
        {BYTES ("\xbf"
                "1234567890123456789012345678901"),
         1},
        {BYTES ("\xd9\x00"), 1},
        {BYTES ("\xd9\x02.."), 1},
        {BYTES ("\xda\x00\x02.."), 1},
        {BYTES ("\xdb\x00\x00\x00\x02.."), 1},
        {BYTES ("\xc4\x02.."), 1},
        {BYTES ("\xc5\x00\x02.."), 1},
        {BYTES ("\xc6\x00\x00\x00\x02.."), 1},
        {BYTES ("\x90"), 1},
        {BYTES ("\x93\x01\x02\x03"), 4},
        {BYTES ("\xdc\x00\x01\xc0"), 2},
        {BYTES ("\xdd\x00\x00\x00\x01\xc0"), 2},
        {BYTES ("\x80"), 1},
        {BYTES ("\x82\xa1x\x01\xa1y\x02"), 5},
        {BYTES ("\xde\x00\x01\xa0\xc0"), 3},
        {BYTES ("\xdf\x00\x00\x00\x01\xd9\x00\xc0"), 3},
        {BYTES ("\x81\xda\x00\x00\x81\xdb\x00\x00\x00\x00\x90"), 5},
        {BYTES ("\x92\x92\x01\x90\x81\xa1k\x91\xc0"), 8},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit__scan_t result;
        cr_assert_eq (scan (rows[i].data, rows[i].size, &limits, &result), GODWIT_OK, "row %zu: %s", i,
                      result.reason);
        cr_assert_eq (result.node_count, rows[i].nodes, "row %zu: %u nodes", i, result.node_count);
        cr_assert_eq (result.consumed, rows[i].size, "row %zu", i);

        /* Whatever is cut off, the rest is no value. */
        for (size_t size = 0; size < rows[i].size; size++) {
            cr_assert_eq (scan (rows[i].data, size, &limits, &result), GODWIT_ERR_MALFORMED,
                          "row %zu, %zu bytes", i, size);
            cr_assert_not_null (result.reason);
            cr_assert_leq (result.at, size);
        }
    }
}

Test (scan, what_follows_the_value_is_left_alone)
{
    godwit__scan_t result;
    cr_assert_eq (scan (BYTES ("\x91\xa1x\xc1\xc1"), &limits, &result), GODWIT_OK);
    cr_assert_eq (result.consumed, 3);
}

Test (scan, what_is_no_value)
{
    static const struct {
        const char *data;
        size_t size, at;
        const char *reason;
    } rows[] = {
        {BYTES ("\xc1"), 0, "0xc1"},
        {BYTES ("\x92\x01\xc1"), 2, "0xc1"},
        {BYTES ("\xc7\x01\x01."), 0, "extension"},
        {BYTES ("\xc8\x00\x01\x01."), 0, "extension"},
        {BYTES ("\xc9\x00\x00\x00\x01\x01."), 0, "extension"},
        {BYTES ("\xd4\x01."), 0, "extension"},
        {BYTES ("\xd5\x01.."), 0, "extension"},
        {BYTES ("\xd6\x01...."), 0, "extension"},
        {BYTES ("\xd7\x01........"), 0, "extension"},
        {BYTES ("\xd8\x01................"), 0, "extension"},
        {BYTES ("\x81\x01\x01"), 1, "key"},
        {BYTES ("\x81\xc0\x01"), 1, "key"},
        {BYTES ("\x81\xc4\x01x\x01"), 1, "key"},
        {BYTES ("\x81\x90\x01"), 1, "key"},
        {BYTES ("\x82\xa1x\x01\x02\x02"), 4, "key"},
        {BYTES ("\x92\x81\xa1x\x90\x81\x80\x01"), 6, "key"},
        /* bombs: a few bytes that promise more than there is */
        {BYTES ("\xdd\xff\xff\xff\xff"), 0, "declared"},
        {BYTES ("\xdf\xff\xff\xff\xff"), 0, "declared"},
        {BYTES ("\xdf\x80\x00\x00\x00"), 0, "declared"},
        {BYTES ("\xdc\xff\xff\x01\x02"), 0, "declared"},
        {BYTES ("\x93\x01\x02"), 0, "declared"},
        {BYTES ("\x82\xa1x\x01"), 0, "declared"},
        {BYTES ("\xdb\xff\xff\xff\xff"), 0, "length"},
        {BYTES ("\xc6\xff\xff\xff\xff"), 0, "length"},
        {BYTES ("\x91\xdb\x00\x00\x00\x02x"), 1, "length"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit__scan_t result;
        cr_assert_eq (scan (rows[i].data, rows[i].size, &limits, &result), GODWIT_ERR_MALFORMED, "row %zu",
                      i);
        cr_assert_eq (result.at, rows[i].at, "row %zu: at %zu", i, result.at);
        cr_assert (strstr (result.reason, rows[i].reason) != NULL, "row %zu: %s", i, result.reason);
    }
}

Test (scan, depth)
{
    enum { DEEP = 10000 };
    static const uint8_t openings[] = {0x91, 0x81};
    for (size_t k = 0; k < sizeof openings; k++) {
        static uint8_t data[2 * DEEP + 1];
        size_t starts[DEEP];
        size_t size = 0;
        for (size_t i = 0; i < DEEP; i++) {
            starts[i] = size;
            data[size++] = openings[k];
            if (openings[k] == 0x81)
                data[size++] = 0xa0;
        }
        data[size++] = 0xc0;
        godwit__scan_t result;
        cr_assert_eq (scan (data, size, &limits, &result), GODWIT_ERR_LIMIT_EXCEEDED);
        cr_assert_eq (result.at, starts[GODWIT_VALUE_MAX_DEPTH]);
        cr_assert_eq (scan (data + starts[DEEP - 32], size - starts[DEEP - 32], &limits, &result), GODWIT_OK);
        cr_assert_eq (scan (data + starts[DEEP - 33], size - starts[DEEP - 33], &limits, &result),
                      GODWIT_ERR_LIMIT_EXCEEDED);

        /* A limit beyond what the scan has room for acts as that. */
        const godwit__limits_t unlimited = {.size = SIZE_MAX, .depth = UINT32_MAX, .count = UINT32_MAX};
        cr_assert_eq (scan (data, size, &unlimited, &result), GODWIT_ERR_LIMIT_EXCEEDED);
        cr_assert_eq (result.at, starts[GODWIT__BODY_DEPTH]);
    }
    const godwit__limits_t flat = {.size = 100, .depth = 0, .count = 100};
    godwit__scan_t result;
    cr_assert_eq (scan (BYTES ("\x90"), &flat, &result), GODWIT_ERR_LIMIT_EXCEEDED);
    cr_assert_eq (scan (BYTES ("\x01"), &flat, &result), GODWIT_OK);
}

Test (scan, siblings_are_not_deep)
{
    uint8_t data[101] = {0xdc, 0, 96};
    memset (data + 3, 0x90, 96);
    godwit__scan_t result;
    cr_assert_eq (scan (data, 99, &limits, &result), GODWIT_OK);
    cr_assert_eq (result.node_count, 97);
}

Test (scan, size_and_count)
{
    const godwit__limits_t small = {.size = 5, .depth = 4, .count = 5};
    godwit__scan_t result;
    cr_assert_eq (scan (BYTES ("\x94\x01\x02\x03\x04"), &small, &result), GODWIT_OK);
    cr_assert_eq (scan (BYTES ("\x94\x01\x02\x03\xa1x"), &small, &result), GODWIT_ERR_LIMIT_EXCEEDED);
    cr_assert_eq (scan (BYTES ("\x82\xa0\x01\xa0\x01"), &small, &result), GODWIT_OK);
    cr_assert_eq (scan (BYTES ("\x91\x82\xa0\xa0\xa0"), &small, &result), GODWIT_ERR_MALFORMED);
    const godwit__limits_t four = {.size = 50, .depth = 4, .count = 4};
    cr_assert_eq (scan (BYTES ("\x94\x01\x02\x03\x04"), &four, &result), GODWIT_ERR_LIMIT_EXCEEDED);
    cr_assert_eq (scan (BYTES ("\x82\xa0\x01\xa0\x01"), &four, &result), GODWIT_ERR_LIMIT_EXCEEDED);
    cr_assert_eq (scan (BYTES ("\x92\x91\x01\x02"), &four, &result), GODWIT_OK);
    cr_assert_eq (scan (BYTES ("\x92\x91\x01\x91\x02"), &four, &result), GODWIT_ERR_LIMIT_EXCEEDED);
    const godwit__limits_t none = {.size = 50, .depth = 4, .count = 0};
    cr_assert_eq (scan (BYTES ("\x01"), &none, &result), GODWIT_ERR_LIMIT_EXCEEDED);
}

/* Arrays in arrays that each promise all the bytes that are left: the work stays linear, the count small. */
Test (scan, nested_promises_cost_nothing)
{
    enum { SIZE = 1 << 20 };
    uint8_t *const data = malloc (SIZE);
    cr_assert_not_null (data);
    memset (data, 0xc0, SIZE);
    for (size_t i = 0; i < 30; i++) {
        const uint32_t left = (uint32_t) (SIZE - 5 * (i + 1));
        const uint8_t header[] = {0xdd, (uint8_t) (left >> 24), (uint8_t) (left >> 16), (uint8_t) (left >> 8),
                                  (uint8_t) left};
        memcpy (data + 5 * i, header, sizeof header);
    }
    const godwit__limits_t wide = {.size = SIZE, .depth = 32, .count = UINT32_MAX};
    godwit__scan_t result;
    const clock_t start = clock ();
    cr_assert_eq (godwit__scan (data, SIZE, &wide, &result), GODWIT_ERR_MALFORMED);
    cr_assert_lt (clock () - start, CLOCKS_PER_SEC);
    free (data);
}

Test (scan, all_short_inputs_are_safe)
{
    for (unsigned i = 0; i < 256 * 256; i++) {
        const uint8_t data[] = {(uint8_t) (i >> 8), (uint8_t) i, 0xa1, 0x00};
        godwit__scan_t result;
        for (size_t size = 1; size <= sizeof data; size++) {
            const godwit_status_t status = scan (data, size, &limits, &result);
            cr_assert (status == GODWIT_OK || status == GODWIT_ERR_MALFORMED);
            cr_assert (status != GODWIT_OK || (result.consumed > 0 && result.consumed <= size));
        }
    }
}
