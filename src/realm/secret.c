/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of memory for keys, cut from slabs. A slab is a page of sodium_malloc's, and holds what is known of
 * it, too, so that nothing else is allocated:
 *
 *     guard page | slab_t: pieces ... | guard page
 *
 * Slabs with room are in a list; full ones in none; empty ones are given back. The child of a fork() has its
 * own list: what it inherited is wiped when it gives it back, and stays unused. */
#include "src/realm/secret.h"

#include "src/base/list.h"
#include "src/base/shared_lock.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define PAGE 4096 /* the smallest that there is */
#define CANARY 16 /* what sodium_malloc puts in front */
#define PIECES 56

typedef struct piece {
    struct slab *slab;
    uint8_t bytes[GODWIT__SECRET_SIZE];
} piece_t;

typedef struct slab {
    godwit__list_node_t with_room;
    uint64_t used;   /* a bit for each piece */
    unsigned family; /* which process made it: see below */
    piece_t pieces[PIECES];
} slab_t;

static_assert (sizeof (slab_t) <= PAGE - CANARY, "a slab takes one page");

#define ALL_USED ((UINT64_C (1) << PIECES) - 1)

static godwit__shared_lock_t lock = GODWIT__SHARED_LOCK;
static godwit__list_t slabs; /* with room */
static unsigned family;      /* another number in each child of a fork() */

static void
enter (void)
{
    if (!godwit__shared_lock (&lock))
        return;
    godwit__list_init (&slabs);
    family++;
}

/* With the lock. */
static slab_t *
make_slab (void)
{
    slab_t *const slab = sodium_init () < 0 ? NULL : sodium_malloc (sizeof *slab);
    if (!slab)
        return NULL;
    memset (slab, 0, sizeof *slab);
    slab->family = family;
    for (size_t i = 0; i < PIECES; i++)
        slab->pieces[i].slab = slab;
    godwit__list_append (&slabs, &slab->with_room);
    return slab;
}

static slab_t *
slab_with_room (void)
{
    slab_t *const first = GODWIT__FIRST (&slabs, slab_t, with_room);
    return first ? first : make_slab ();
}

static uint8_t *
take_piece (slab_t *slab)
{
    const int index = __builtin_ctzll (~slab->used);
    slab->used |= UINT64_C (1) << index;
    if (slab->used == ALL_USED)
        godwit__list_remove (&slab->with_room);
    return slab->pieces[index].bytes;
}

uint8_t *
godwit__secret_new (void)
{
    enter ();
    slab_t *const slab = slab_with_room ();
    uint8_t *const secret = slab ? take_piece (slab) : NULL;
    godwit__shared_unlock (&lock);
    return secret;
}

/* With the lock. */
static void
return_piece (slab_t *slab, const piece_t *piece)
{
    if (slab->used == ALL_USED)
        godwit__list_append (&slabs, &slab->with_room);
    slab->used &= ~(UINT64_C (1) << (piece - slab->pieces));
    if (slab->used)
        return;
    godwit__list_remove (&slab->with_room);
    sodium_free (slab);
}

void
godwit__secret_free (uint8_t *secret)
{
    if (!secret)
        return;
    piece_t *const piece = GODWIT__CONTAINER (secret, piece_t, bytes);
    sodium_memzero (piece->bytes, sizeof piece->bytes);
    enter ();
    if (piece->slab->family == family)
        return_piece (piece->slab, piece);
    godwit__shared_unlock (&lock);
}
