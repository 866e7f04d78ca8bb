/* SPDX-License-Identifier: Apache-2.0 */
/* The hash function of the library's tables. If keys come from outside, use a random seed: then nobody can
 * choose keys that collide. */
#ifndef GODWIT_SRC_BASE_HASH_H
#define GODWIT_SRC_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The last step of splitmix64: each bit of x changes about half of the bits of the result. */
static inline uint64_t
godwit__mix (uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C (0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* One to seven bytes as a number. Different bytes of the same size give different numbers. */
static inline uint64_t
godwit__hash_few (const uint8_t *bytes, size_t size)
{
    if (size < sizeof (uint32_t))
        return (uint64_t) bytes[0] | (uint64_t) bytes[size / 2] << 8 | (uint64_t) bytes[size - 1] << 16;
    uint32_t first, last;
    memcpy (&first, bytes, sizeof first);
    memcpy (&last, bytes + size - sizeof last, sizeof last);
    return first | (uint64_t) last << 32;
}

/* To hash several pieces, pass the hash of one piece as the seed of the next. */
static inline uint64_t
godwit__hash (uint64_t seed, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint64_t word;
    uint64_t hash = godwit__mix (seed + (uint64_t) (size + 1) * UINT64_C (0x9e3779b97f4a7c15));
    for (; size >= sizeof word; bytes += sizeof word, size -= sizeof word) {
        memcpy (&word, bytes, sizeof word);
        hash = godwit__mix ((hash ^ word) + seed);
    }
    return size > 0 ? godwit__mix ((hash ^ godwit__hash_few (bytes, size)) + seed) : hash;
}

static inline uint64_t
godwit__hash_text (uint64_t seed, const char *text)
{
    return godwit__hash (seed, text, strlen (text));
}

#endif
