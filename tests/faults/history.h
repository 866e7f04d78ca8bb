/* SPDX-License-Identifier: Apache-2.0 */
/* The history of a run: what each process tried, ran and was told, in a file of its own, as it happened.
 *
 * A file is a header of 4096 bytes and records of 64. It is a shared mapping, so what was written is kept
 * when the writer is killed; a record that was being written then has no mark and is not one. A call's begin
 * is written before the call is made, a handler's before anything else that it does.
 *
 *     process      writes                                        file
 *     client       PROCESS_BEGIN, CALL_BEGIN, CALL_END, ROW, PROCESS_END    DIR/NAME.NODE.history
 *     server       PROCESS_BEGIN, SERVER_UP, HANDLER_BEGIN, HANDLER_END, SERVER_DOWN, PROCESS_END
 *     notifier     NOTIFIER_UP, POOL, NOTICE_BEGIN, NOTICE_END, NOTIFIER_DOWN
 *     listener     LISTENER_UP, TAKEN, SETTLED, LISTENER_DOWN
 *     all          STALL: the machine did not let it run; TIMER
 *     the runner   FAULT_BEGIN, FAULT_END
 *
 * Stamps are CLOCK_MONOTONIC: the processes of a run are on one machine (network namespaces share it).
 * All numbers are in the byte order of the machine. tests/faults/check.h reads and examines it.
 */
#ifndef GODWIT_TESTS_FAULTS_HISTORY_H
#define GODWIT_TESTS_FAULTS_HISTORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTORY_MAGIC "GWHIST1\n"
#define HISTORY_SUFFIX ".history"
#define HISTORY_HEADER_SIZE 4096
#define HISTORY_NAME_SIZE 64
#define HISTORY_TEXT_SIZE 32
#define HISTORY_ROW_NAME_SIZE 20
#define HISTORY_NODE_MAX 32767u /* of nodes; each start of a process is a node of its own */
#define HISTORY_COUNTER_MAX ((UINT64_C (1) << 48) - 1)

typedef enum history_event {
    HISTORY_NOTHING,
    HISTORY_PROCESS_BEGIN,
    HISTORY_PROCESS_END, /* it ended by itself, and all that it had begun has ended before */
    HISTORY_SERVER_UP,   /* text: its name; life */
    HISTORY_SERVER_DOWN, /* it has stopped, and what it had accepted has run; name, life */
    HISTORY_CALL_BEGIN,  /* kind, allowed_ns; target: history_name of the server that it is for */
    HISTORY_CALL_END, /* kind, status, outcome; who answered: peer, life; of fanouts: reached, missing, epoch
                       */
    HISTORY_ROW,      /* of a fanout call, before its end: what it says of one server */
    HISTORY_HANDLER_BEGIN, /* kind; life */
    HISTORY_HANDLER_END,   /* kind; life, status */
    HISTORY_GAPS,          /* count: publications that were missed so far, as the transport counts them */
    HISTORY_STALL,         /* value: the process could not run for so many ns, until the stamp */
    HISTORY_FAULT_BEGIN,   /* call: the fault's number; node: whom it hits, 0: everybody; fault; text: what */
    HISTORY_FAULT_END,     /* call: the fault's number */
    HISTORY_TIMER,         /* lateness: how late the timer was that looks for stalls; at the end */
    HISTORY_NOTIFIER_UP,   /* once in a process; what: HISTORY_HAS_... */
    HISTORY_NOTIFIER_DOWN, /* status: 0, all that it had accepted is acknowledged */
    HISTORY_POOL,          /* text: a pool that the notifier has declared */
    HISTORY_LISTENER_UP,   /* once in a process; text: its pool; what: 1, it drops duplicates */
    HISTORY_LISTENER_DOWN,
    HISTORY_NOTICE_BEGIN, /* a notification; call: its number; stream */
    HISTORY_NOTICE_END,   /* status; what: 1, it was dropped */
    HISTORY_TAKEN,        /* a listener has got it; redeliveries */
    HISTORY_SETTLED,      /* and is done with it; what: 1, it is requeued */
    HISTORY_EVENT_COUNT
} history_event_t;

typedef enum history_kind {
    HISTORY_CALL,
    HISTORY_CAST,
    HISTORY_FANOUT,
    HISTORY_FANOUT_CALL,
    HISTORY_IDEMPOTENT, /* a call that may run again, also while it runs */
    HISTORY_KIND_COUNT
} history_kind_t;

typedef enum history_fault {
    HISTORY_FAULT_KILL = 1, /* SIGKILL: what the node had begun never ends */
    HISTORY_FAULT_FREEZE,   /* SIGSTOP */
    HISTORY_FAULT_STOP,     /* asked to end; not a disturbance: nothing may be lost by it */
    HISTORY_FAULT_NETWORK,  /* what the wire does */
    HISTORY_FAULT_NAMES,    /* a rendezvous is killed or frozen: nothing may be lost by it */
    HISTORY_FAULT_COUNT
} history_fault_t;

/* What a fanout call says of one server. */
typedef enum history_row {
    HISTORY_ROW_REPLIED = 1,
    HISTORY_ROW_FAILED,
    HISTORY_ROW_REFUSED,
    HISTORY_ROW_UNREACHABLE,
    HISTORY_ROW_TIMED_OUT,
    HISTORY_ROW_LEFT,
    HISTORY_ROW_COUNT
} history_row_t;

enum {
    HISTORY_CLIENT = 1,
    HISTORY_SERVER = 2,
    HISTORY_RUNNER = 4,
    HISTORY_RENDEZVOUS = 8,
    HISTORY_NOTIFIER = 16,
    HISTORY_LISTENER = 32,
    HISTORY_CASTER = 64,
    HISTORY_WORKER = 128
}; /* roles, added up */

enum { HISTORY_HAS_SPOOL = 1, HISTORY_HAS_NO_ORDER = 2 }; /* of a notifier, added up */

typedef struct history_header {
    char magic[8];
    uint32_t header_size;
    uint32_t record_size;
    uint64_t capacity; /* records */
    uint64_t seed;
    uint64_t began_ns;
    uint32_t node; /* 1 to HISTORY_NODE_MAX, another one for each file of the run */
    uint32_t pid;
    uint32_t roles;
    uint32_t unused;
    char name[HISTORY_NAME_SIZE];
    char host[HISTORY_NAME_SIZE];
    _Alignas(64) _Atomic uint64_t claimed; /* records; what is beyond the capacity was lost */
} history_header_t;

typedef struct history_call_part {
    uint64_t allowed_ns;
    uint32_t peer;
    uint32_t life;
    uint16_t status;  /* godwit_status_t */
    uint16_t outcome; /* godwit_outcome_t */
    uint32_t reached;
    uint32_t missing;
    uint32_t epoch;  /* its lower half */
    uint32_t target; /* 0: any server */
} history_call_part_t;

typedef struct history_note_part {
    uint32_t node;
    uint16_t status;
    uint16_t what; /* history_fault_t, or a life */
    char text[HISTORY_TEXT_SIZE];
} history_note_part_t;

typedef struct history_row_part {
    uint16_t row; /* history_row_t */
    uint16_t outcome;
    uint16_t status;
    uint16_t unused;
    uint64_t instance; /* the first bytes of it */
    uint32_t peer;     /* who answered; 0: it does not say */
    char name[HISTORY_ROW_NAME_SIZE];
} history_row_part_t;

typedef struct history_notice_part {
    uint32_t stream; /* topic and priority: within one, numbers rise in the order in which they were sent */
    uint32_t redeliveries;
    uint16_t status;
    uint16_t what;
} history_notice_part_t;

/* How often something was late, by less than 1 ms, 2 ms, 4 ms, ..., 256 ms; the last are all others. */
enum { HISTORY_LATENESS_STEPS = 10 };

typedef struct history_lateness {
    uint32_t counts[HISTORY_LATENESS_STEPS];
} history_lateness_t;

static inline unsigned
history_lateness_step (uint64_t late_ns)
{
    unsigned step = 0;
    while (step < HISTORY_LATENESS_STEPS - 1 && late_ns >= UINT64_C (1000000) << step)
        step++;
    return step;
}

typedef struct history_record {
    uint64_t stamp_ns;
    uint64_t call; /* history_id; 0: about no call */
    union {
        history_call_part_t of_call;
        history_note_part_t
            note; /* SERVER_UP, SERVER_DOWN, FAULT_BEGIN, FAULT_END, of notifiers and listeners */
        history_notice_part_t notice;
        history_row_part_t row;      /* ROW */
        uint64_t value;              /* STALL, GAPS */
        history_lateness_t lateness; /* TIMER */
    };
    uint16_t event;
    uint16_t kind;
    _Atomic uint32_t mark; /* written last */
} history_record_t;

_Static_assert(sizeof (history_record_t) == 64, "a record is 64 bytes");
_Static_assert(sizeof (history_header_t) <= HISTORY_HEADER_SIZE, "the header has its page");

static inline uint64_t
history_id (uint32_t node, uint64_t counter)
{
    return ((uint64_t) node << 48) | counter;
}

static inline uint32_t
history_node_of (uint64_t id)
{
    return (uint32_t) (id >> 48);
}

static inline uint64_t
history_counter_of (uint64_t id)
{
    return id & HISTORY_COUNTER_MAX;
}

/* The mark of the record with that number. */
static inline uint32_t
history_mark (uint64_t index)
{
    return UINT32_C (0x600dca11) ^ (uint32_t) index;
}

uint64_t history_now_ns (void);

/* ---- writing ---- */

typedef struct history history_t;

typedef struct history_options {
    uint32_t node;
    uint32_t roles;
    const char *name; /* cut at HISTORY_NAME_SIZE - 1 */
    const char *host;
    uint64_t seed;
    uint64_t capacity; /* records; 0: 4 million, 256 MB */
} history_options_t;

/* Makes the file, which must not be there yet, and writes PROCESS_BEGIN. NULL with errno. */
history_t *history_open (const char *path, const history_options_t *options);
/* Writes a record, with the present time if it has none. Any thread; costs about 50 ns. */
void history_put (history_t *history, history_record_t record);
/* Writes PROCESS_END and gives the file back. Accepts NULL. */
void history_close (history_t *history);
/* The same without PROCESS_END: as if it had been killed. */
void history_abandon (history_t *history);
/* A number that no other call of the run has. */
uint64_t history_next_id (history_t *history);

/* Notes stalls of the process from a thread of its own, until history_close: what the machine, a SIGSTOP or a
 * debugger took from it is no fault of the calls that ended late meanwhile. */
bool history_watch_stalls (history_t *history);

/* server: that it is for; NULL: any. */
void history_call_begin (history_t *history, uint64_t id, history_kind_t kind, int64_t timeout_ms,
                         const char *server);
/* A number for a server's name, never 0. */
uint32_t history_name (const char *name);
/* The runner's. node 0: everybody. Returns the fault's number, for the end and for further nodes. */
uint64_t history_fault_begin (history_t *history, history_fault_t fault, uint32_t node, const char *what);
void history_fault_also (history_t *history, uint64_t fault_id, history_fault_t fault, uint32_t node,
                         const char *what);
void history_fault_end (history_t *history, uint64_t fault_id);

#endif
