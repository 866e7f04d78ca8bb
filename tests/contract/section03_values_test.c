/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 3: what is sent is what arrives. Any value that can be built comes back equal, as an argument, as
 * a result and in the context. */
#include "tests/contract/contract.h"

#include "tests/support/random.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Deepest: an argument is in a map, which counts. */
enum { ROUNDS = 200, DEEPEST = 31, ELEMENTS = 200 };

typedef struct growing {
    random_t random;
    godwit_builder_t *builder;
    unsigned elements;
} growing_t;

static void
put_integer (growing_t *growing, const char *name)
{
    static const uint64_t edges[] = {0,          31,        127,        128,        255,       32767,
                                     32768,      65535,     65536,      INT32_MAX,  1u << 31,  UINT32_MAX,
                                     1ull << 32, INT64_MAX, 1ull << 63, UINT64_MAX, 1ull << 53};
    const uint64_t edge = edges[random_below (&growing->random, sizeof edges / sizeof edges[0])] +
                          random_below (&growing->random, 3) - 1;
    if (random_below (&growing->random, 2))
        godwit_builder_uint (growing->builder, name, edge);
    else
        godwit_builder_int (growing->builder, name,
                            (int64_t) (random_below (&growing->random, 2) ? edge : 0 - edge));
}

static void
put_double (growing_t *growing, const char *name)
{
    static const double edges[] = {
        0.0,         -0.0,   1.0,     -1.5,       0.1,      DBL_MAX,   -DBL_MAX, DBL_MIN,
        DBL_EPSILON, 5e-324, FLT_MAX, 16777217.0, INFINITY, -INFINITY, NAN,      9007199254740993.0};
    const uint32_t choice = random_below (&growing->random, 2 * sizeof edges / sizeof edges[0]);
    double number;
    if (choice < sizeof edges / sizeof edges[0]) {
        number = edges[choice];
    } else {
        const uint64_t bits = (uint64_t) random_below (&growing->random, UINT32_MAX) << 32 |
                              random_below (&growing->random, UINT32_MAX);
        memcpy (&number, &bits, sizeof number);
    }
    godwit_builder_double (growing->builder, name, number);
}

/* Of any bytes, NUL included; at the edges of the wire's lengths. */
static void
put_bytes (growing_t *growing, const char *name, bool text)
{
    static const uint32_t sizes[] = {0, 1, 7, 31, 32, 33, 255, 256, 257, 65535, 65536};
    static char bytes[65536];
    /* The last two are large, and so are few. */
    const uint32_t size =
        sizes[random_below (&growing->random, random_below (&growing->random, 100) ? 9 : 11)];
    for (uint32_t i = 0; i < size; i += 1 + size / 512)
        bytes[i] = (char) random_below (&growing->random, 256);
    if (text)
        godwit_builder_strn (growing->builder, name, bytes, size);
    else
        godwit_builder_bin (growing->builder, name, bytes, size);
}

static void put_any (growing_t *growing, const char *name, int depth);

static void
put_container (growing_t *growing, const char *name, int depth)
{
    static const uint32_t counts[] = {0, 1, 1, 2, 3, 5, 15, 16, 17, 40};
    const uint32_t count = counts[random_below (&growing->random, sizeof counts / sizeof counts[0])];
    const bool map = random_below (&growing->random, 2);
    if (map)
        godwit_builder_open_map (growing->builder, name);
    else
        godwit_builder_open_list (growing->builder, name);
    for (uint32_t i = 0; i < count; i++) {
        char key[300];
        snprintf (
            key, sizeof key, "%.*s%u", (int) random_below (&growing->random, i ? 40 : 280),
            "keys may be long, and are, sometimes: this one has about three hundred characters, which is "
            "more "
            "than fits in a length of one byte, and so has another form on the wire; the others have fewer, "
            "and there is one without any, which a map may have as well, if it has only one of it ........",
            i);
        put_any (growing, i == 0 && random_below (&growing->random, 4) == 0 ? "" : key, depth + 1);
    }
    godwit_builder_close (growing->builder);
}

static void
put_any (growing_t *growing, const char *name, int depth)
{
    const bool may_nest = depth < DEEPEST - 1 && growing->elements++ < ELEMENTS;
    switch (random_below (&growing->random, may_nest ? 10 : 7)) {
    case 0:
        godwit_builder_nil (growing->builder, name);
        break;
    case 1:
        godwit_builder_bool (growing->builder, name, random_below (&growing->random, 2));
        break;
    case 2:
    case 3:
        put_integer (growing, name);
        break;
    case 4:
        put_double (growing, name);
        break;
    case 5:
    case 6:
        put_bytes (growing, name, random_below (&growing->random, 2));
        break;
    default:
        put_container (growing, name, depth);
        break;
    }
}

/* As deep as it may be: a chain of containers of one element each, with a value at its end. */
static void
put_deepest (growing_t *growing)
{
    for (int i = 0; i < DEEPEST; i++) {
        if (random_below (&growing->random, 2))
            godwit_builder_open_map (growing->builder, "deeper");
        else
            godwit_builder_open_list (growing->builder, "deeper");
    }
    put_integer (growing, "deepest");
    for (int i = 0; i < DEEPEST; i++)
        godwit_builder_close (growing->builder);
}

static void
expect_echo (core_t *core, const godwit_value_t *sent, uint64_t seed)
{
    godwit_value_t *result = NULL;
    MUST (godwit_client_call (core->client, NULL, "echo", GODWIT_ARGS (GODWIT_VALUE ("value", sent)), &result,
                              &error));
    cr_assert (godwit_value_equal (result, sent), "GODWIT_TEST_SEED=%llu", (unsigned long long) seed);
    cr_assert_eq (godwit_value_type (result), godwit_value_type (sent));
    cr_assert_eq (godwit_value_print (result, NULL, 0), godwit_value_print (sent, NULL, 0));
    godwit_value_unref (&result);
    if (godwit_value_type (sent) == GODWIT_TYPE_MAP) {
        MUST (godwit_client_call (core->client, sent, "context", GODWIT_NO_ARGS, &result, &error));
        cr_assert (godwit_value_equal (result, sent), "context, GODWIT_TEST_SEED=%llu",
                   (unsigned long long) seed);
        godwit_value_unref (&result);
    }
}

static void
any_value (core_t *core)
{
    growing_t growing = {.random = random_start ()};
    for (int i = 0; i < ROUNDS; i++) {
        /* Each value has a seed of its own, which is told if it fails. */
        const uint64_t seed = growing.random.state;
        godwit_value_t *value = NULL;
        growing.elements = 0;
        growing.builder = godwit_builder_new ();
        if (i % 20 == 0)
            put_deepest (&growing);
        else if (i % 2)
            put_container (&growing, NULL, 0);
        else
            put_any (&growing, NULL, 0);
        MUST (godwit_builder_finish (&growing.builder, &value, &error));
        expect_echo (core, value, seed);
        godwit_value_unref (&value);
    }
}

static const contract_row_t rows[] = {
    {"3: Any value that can be built comes back equal through the wire.", any_value},
};
CONTRACT (section03_values, rows)
