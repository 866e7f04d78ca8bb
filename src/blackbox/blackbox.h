/* SPDX-License-Identifier: Apache-2.0 */
/* The black box of a transport: what became of its recent calls, on both sides (layout.h has the drawing).
 *
 * Writing a record takes no lock and no system call. Everything else is rare (failures, the slowest, new
 * names and peers) and takes the box's lock, a leaf. The box lives as long as the last one who writes:
 * requests that were kept may outlive their transport, so it is counted.
 */
#ifndef GODWIT_SRC_BLACKBOX_BLACKBOX_H
#define GODWIT_SRC_BLACKBOX_BLACKBOX_H

#include <godwit/error.h>

#include "src/base/trace.h"
#include "src/blackbox/layout.h"

#include <pthread.h>
#include <stdbool.h>

struct godwit__box_file;

typedef struct godwit__box {
    atomic_uint refs;
    godwit__box_places_t at;
    void *memory;
    struct godwit__box_file *file; /* NULL: the memory is the process's alone */
    uint64_t mask;                 /* of the ring of records: their number is a power of two */
    atomic_uint_fast64_t next;     /* the number of the next record */
    /* A record that ended with success is looked at, whether it is among the slowest, if it took longer. */
    atomic_int_fast64_t slow_ns;
    pthread_mutex_t lock; /* guards what follows, and writing it */
    uint64_t failures, notes, peers;
    uint64_t slow_span; /* the span of time that is filled now */
    size_t slow_count;  /* records of it */
    int64_t slowest[GODWIT__SLOW_EACH];
    bool has_failed; /* a call of a client failed: somebody may want to know why, later */
} godwit__box_t;

/* size: bytes of the ring of records, rounded down to a power of two; 0: there is no box, and *box is NULL.
 * runtime_dir as in folder.h. The box is in a file in the private folder; if that is not possible, because
 * there is no folder or no room, in memory alone, and *why (may be NULL) says why, on the heap.
 * OUT_OF_MEMORY.
 */
typedef struct godwit__box_options {
    size_t size;
    bool in_memory; /* no file is wanted */
    const char *runtime_dir;
    uint8_t instance[16];
    int64_t now_ns; /* the transport's clock */
} godwit__box_options_t;

godwit_status_t godwit__box_new (godwit__box_t **box, const godwit__box_options_t *options, char **why,
                                 godwit_error_t **error);
godwit__box_t *godwit__box_ref (godwit__box_t *box);
void godwit__box_unref (godwit__box_t **box);
/* The transport lives. From time to time: the age of its file is told by this. box may be NULL. */
void godwit__box_tick (godwit__box_t *box);
/* The transport has ended in order: its file goes, unless a call of a client has failed. */
void godwit__box_end (godwit__box_t *box);

/* ---- names and peers ---- */

/* Names that a record refers to by a number. NULL: unset. */
typedef struct godwit__box_name {
    const char *exchange, *topic, *name_space, *version, *server, *method;
} godwit__box_name_t;

/* The number of these names; 0: there is no box, or no room. Each call of this takes room: whoever asks
 * remembers it. */
uint32_t godwit__box_add_name (godwit__box_t *box, const godwit__box_name_t *name);
/* The number of another process, which a connection to or from it remembers. 0: there is no box. */
uint32_t godwit__box_add_peer (godwit__box_t *box, const uint8_t instance[16], const char *address,
                               int64_t now_ns);

/* ---- notes ---- */

typedef struct godwit__noted {
    uint64_t span;
    godwit__box_side_t side;
    int64_t at_ns;
    uint32_t attempt;
    const char *server, *address, *text; /* NULL: "". Cut to their places */
} godwit__noted_t;

void godwit__box_note (godwit__box_t *box, const godwit__noted_t *noted);

#endif
