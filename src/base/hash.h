/* The hash function of the library's tables. Where keys come from outside, a random seed keeps others from
 * choosing keys that collide. */
#ifndef GODWIT_SRC_BASE_HASH_H
#define GODWIT_SRC_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The end of splitmix64: each bit of x changes about half of the bits. */
static inline uint64_t
godwit__mix (uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C (0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* To hash several pieces, each hash is the next one's seed. */
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
    if (size > 0) {
        word = 0;
        memcpy (&word, bytes, size);
        hash = godwit__mix ((hash ^ word) + seed);
    }
    return hash;
}

static inline uint64_t
godwit__hash_text (uint64_t seed, const char *text)
{
    return godwit__hash (seed, text, strlen (text));
}

#endif
