/* SPDX-License-Identifier: Apache-2.0 */
/* What a black box is made of: pieces of memory, mapped to a file, that the process writes and others may
 * read at the same time, also when it is dead.
 *
 *     | head | records: a ring | failures: a ring | slow: per span of time | notes: a ring | peers: a ring |
 * names |
 *
 * A record is a call, cast or fanout on one side. It lies in two cache lines: what is known at its beginning
 * is in the first, what its end adds in the second. Records of failures, and of the slowest, are copied, so
 * that the many that succeed do not push them out. A note is what has to be said in words: why an attempt was
 * not the last, and why a call failed.
 *
 * All of it is 64-bit words in the byte order of the machine, which are read and written as atomics: a reader
 * looks at the mark of a piece before and after it has copied the rest. The format is that of one release: a
 * reader refuses any other version. */
#ifndef GODWIT_SRC_BLACKBOX_LAYOUT_H
#define GODWIT_SRC_BLACKBOX_LAYOUT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef atomic_uint_fast64_t godwit__box_word_t;

_Static_assert(sizeof (godwit__box_word_t) == 8, "a word has 8 bytes");

/* ---- a record ---- */

enum { GODWIT__BOX_WORDS = 16 };

typedef struct godwit__box_record {
    godwit__box_word_t word[GODWIT__BOX_WORDS];
} godwit__box_record_t;

/* The words of a record. */
enum {
    GODWIT__BOX_MARK, /* number << 8 | kind << 4 | side << 2 | state; 0: nothing was ever here */
    GODWIT__BOX_AT,   /* the first station; the monotonic clock, in ns. Other times: ns after it */
    GODWIT__BOX_TRACE_HIGH,
    GODWIT__BOX_TRACE_LOW,
    GODWIT__BOX_SPAN,     /* the id of the call */
    GODWIT__BOX_PARENT,   /* client: the span that it is a part of; 0: none */
    GODWIT__BOX_WIRE_ID,  /* on its connection; 0: none yet */
    GODWIT__BOX_NAME,     /* name << 32 | peer */
    GODWIT__BOX_SENT,     /* client: handed over the last time. Server: the handler began. 1 more; 0: never */
    GODWIT__BOX_ENDED,    /* client: the caller has it back. Server: the handler has ended */
    GODWIT__BOX_REPLIED,  /* server: the reply to one that was kept was sent. 1 more; 0: never */
    GODWIT__BOX_END,      /* status << 56 | outcome << 48 | attempts << 32 | flags */
    GODWIT__BOX_LOAD,     /* server, when it came: queued << 32 | running */
    GODWIT__BOX_SIZES,    /* of the frames: request << 32 | reply */
    GODWIT__BOX_SERVER_ID /* who has it, or had it last; 0: nobody */
};

typedef enum godwit__box_state {
    GODWIT__BOX_FREE,
    GODWIT__BOX_BUSY, /* being written: not to be read */
    GODWIT__BOX_RUNNING,
    GODWIT__BOX_DONE
} godwit__box_state_t;

typedef enum godwit__box_side { GODWIT__BOX_CLIENT, GODWIT__BOX_SERVER } godwit__box_side_t;

typedef enum godwit__box_kind { GODWIT__BOX_CALL, GODWIT__BOX_CAST, GODWIT__BOX_FANOUT } godwit__box_kind_t;

/* The flags of GODWIT__BOX_END. */
enum {
    GODWIT__BOX_QUEUED = 1,  /* server: it waited in the queue */
    GODWIT__BOX_KEPT = 2,    /* server: its handler kept it */
    GODWIT__BOX_REFUSED = 4, /* server: it did not run */
    GODWIT__BOX_LOST = 8     /* client: its connection was lost while it waited */
};

/* ---- the others ---- */

enum {
    GODWIT__NOTE_TEXT = 200,
    GODWIT__NOTE_SERVER = 48,
    GODWIT__NOTE_ADDRESS = 96,
    GODWIT__PEER_ADDRESS = 80
};

/* Texts are cut to their places, and end with '\0'. */
typedef struct godwit__box_note {
    uint64_t mark; /* its number, from 1 on; 0: being written */
    uint64_t span; /* of the call */
    int64_t at_ns; /* the monotonic clock */
    uint64_t side; /* of the call */
    uint64_t attempt;
    char server[GODWIT__NOTE_SERVER];
    char address[GODWIT__NOTE_ADDRESS];
    char text[GODWIT__NOTE_TEXT];
} godwit__box_note_t;

typedef struct godwit__box_peer {
    uint64_t mark; /* its number, from 1 on; 0: being written */
    int64_t at_ns; /* connected */
    uint8_t instance[16];
    char address[GODWIT__PEER_ADDRESS]; /* "": not known */
} godwit__box_peer_t;

enum {
    GODWIT__NOTE_WORDS = sizeof (godwit__box_note_t) / 8,
    GODWIT__PEER_WORDS = sizeof (godwit__box_peer_t) / 8,
    /* The slowest of so many spans of time, so many of each. */
    GODWIT__SLOW_SPANS = 10,
    GODWIT__SLOW_EACH = 16,
    GODWIT__SLOW_SPAN_S = 30
};

_Static_assert(sizeof (godwit__box_note_t) == GODWIT__NOTE_WORDS * 8 && GODWIT__NOTE_WORDS == 48,
               "384 bytes");
_Static_assert(sizeof (godwit__box_peer_t) == GODWIT__PEER_WORDS * 8 && GODWIT__PEER_WORDS == 14,
               "112 bytes");

/* ---- the head ---- */

#define GODWIT__BOX_MAGIC UINT64_C (0x676f647769742d31) /* "godwit-1" */

typedef struct godwit__box_head {
    uint64_t magic;
    uint64_t size; /* of all, in bytes */
    uint64_t record_count, failure_count, note_count, peer_count, name_size;
    int64_t monotonic_ns, wall_ns; /* the two clocks at the same moment */
    int64_t pid;
    uint64_t started; /* the process, in ticks since the machine was: tells it from a later one of this pid */
    uint8_t instance[16];
    char program[64], host[64], library[32];
    godwit__box_word_t seen_ns;  /* the wall clock, told every second or so while the transport lives */
    godwit__box_word_t ended_ns; /* the wall clock when the transport ended; 0: it has not, or died */
    uint64_t reserved[6];
} godwit__box_head_t;

/* Where the pieces lie. */
typedef struct godwit__box_places {
    godwit__box_head_t *head;
    godwit__box_record_t *records, *failures, *slow;
    godwit__box_word_t *notes, *peers;
    godwit__box_word_t *names; /* word 0: how many bytes are used, itself included */
} godwit__box_places_t;

/* Puts the places in memory that has a head; returns the size of all, in bytes. memory NULL: only the size.
 */
uint64_t godwit__box_lay_out (godwit__box_places_t *places, void *memory, const godwit__box_head_t *head);

static inline void
godwit__box_put (godwit__box_word_t *to, const void *from, size_t words)
{
    const uint64_t *const word = from;
    for (size_t i = 0; i < words; i++)
        atomic_store_explicit (&to[i], word[i], memory_order_relaxed);
}

static inline void
godwit__box_get (void *to, const godwit__box_word_t *from, size_t words)
{
    uint64_t *const word = to;
    for (size_t i = 0; i < words; i++)
        word[i] = atomic_load_explicit (&from[i], memory_order_relaxed);
}

#endif
