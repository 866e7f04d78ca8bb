/* SPDX-License-Identifier: Apache-2.0 */
/* What a request's body costs: an array of a context, a method name and two arguments. Prints
 * nanoseconds, the best of several runs, since other programs may run as well. */
#include "src/value/msgpack/codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 200000, NODES = 16, RUNS = 25 };

static double
now_ns (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec * 1e9 + (double) now.tv_nsec;
}

static double
least (double a, double b)
{
    return a < b ? a : b;
}

static size_t
encode (uint8_t *data, size_t capacity, const godwit_value_t *context, const godwit_fields_t *arguments)
{
    size_t bound = 16 + godwit__value_bound (context);
    if (godwit__fields_bound (arguments, "args", &bound, NULL) || bound > capacity)
        abort ();
    godwit__writer_t writer = {.data = data, .capacity = capacity};
    godwit__write_array (&writer, 3);
    godwit__write_value (&writer, context);
    godwit__write_str (&writer, "add", 3);
    godwit__write_fields (&writer, arguments);
    return writer.size;
}

int
main (void)
{
    union {
        godwit__block_t block;
        uint8_t room[sizeof (godwit__block_t) + NODES * sizeof (struct godwit_value)];
    } own = {.block = {.capacity = NODES}};
    uint8_t data[256], copy[256];
    godwit_value_t *context = NULL;
    if (godwit_value_new_map (
            &context,
            GODWIT_ARGS (GODWIT_STR ("user", "someone"), GODWIT_STR ("request_id", "req-0123456789")), NULL))
        return 1;
    const godwit_fields_t arguments = GODWIT_ARGS (GODWIT_INT ("a", 2000), GODWIT_INT ("b", 3));
    const size_t size = encode (data, sizeof data, context, &arguments);
    printf ("body: %zu bytes\n", size);

    double encoding = 1e9, scanning = 1e9, decoding[2] = {1e9, 1e9};
    for (int run = 0; run < RUNS; run++) {
        double start = now_ns ();
        for (int i = 0; i < ROUNDS; i++)
            encode (data, sizeof data, context, &arguments);
        encoding = least (encoding, (now_ns () - start) / ROUNDS);

        godwit__scan_t scan;
        start = now_ns ();
        for (int i = 0; i < ROUNDS; i++)
            if (godwit__scan (data, size, &godwit__default_limits, &scan))
                abort ();
        scanning = least (scanning, (now_ns () - start) / ROUNDS);

        for (int heap = 0; heap < 2; heap++) {
            start = now_ns ();
            for (int i = 0; i < ROUNDS; i++) {
                memcpy (copy, data, size);
                godwit__frame_t frame = {.data = copy, .size = size};
                godwit__block_t *block = heap ? NULL : &own.block;
                if (godwit__decode (&block, &frame, 0, &godwit__default_limits, NULL))
                    abort ();
                godwit__block_unref (block);
            }
            decoding[heap] = least (decoding[heap], (now_ns () - start) / ROUNDS);
        }
    }
    printf ("encode %.0f ns, scan %.0f ns, scan + decode %.0f ns (own block) %.0f ns (from the heap)\n",
            encoding, scanning, decoding[0], decoding[1]);
    godwit_value_unref (&context);
    return 0;
}
