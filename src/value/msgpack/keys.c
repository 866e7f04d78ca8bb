/* SPDX-License-Identifier: Apache-2.0 */
/* Finds a key that is there twice. */
#include "src/value/msgpack/codec.h"

enum { FEW = 32 }; /* up to here comparing all pairs is quickest */

static int
compare (const godwit__key_t *a, const godwit__key_t *b)
{
    if (a->size != b->size)
        return a->size < b->size ? -1 : 1;
    return a->size ? memcmp (a->data, b->data, a->size) : 0;
}

static void
sift_down (godwit__key_t *keys, size_t root, size_t count)
{
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= count)
            return;
        if (child + 1 < count && compare (&keys[child], &keys[child + 1]) < 0)
            child++;
        if (compare (&keys[root], &keys[child]) >= 0)
            return;
        const godwit__key_t key = keys[root];
        keys[root] = keys[child];
        keys[child] = key;
        root = child;
    }
}

/* A heap sort: it needs no memory, and no input makes it slow; these keys are untrusted. */
static void
sort (godwit__key_t *keys, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sift_down (keys, i, count);
    for (size_t i = count; i-- > 1;) {
        const godwit__key_t key = keys[0];
        keys[0] = keys[i];
        keys[i] = key;
        sift_down (keys, 0, i);
    }
}

const godwit__key_t *
godwit__key_repeated (godwit__key_t *keys, size_t count)
{
    if (count > FEW) {
        sort (keys, count);
        for (size_t i = 1; i < count; i++)
            if (compare (&keys[i - 1], &keys[i]) == 0)
                return &keys[i];
        return NULL;
    }
    for (size_t i = 1; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (compare (&keys[i], &keys[j]) == 0)
                return &keys[i];
    return NULL;
}
