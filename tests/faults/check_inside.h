/* SPDX-License-Identifier: Apache-2.0 */
/* What the checker knows of a run. */
#ifndef GODWIT_TESTS_FAULTS_CHECK_INSIDE_H
#define GODWIT_TESTS_FAULTS_CHECK_INSIDE_H

#include "tests/faults/check.h"

#include <godwit/error.h>

#define CHECK_NEVER UINT64_MAX
#define CHECK_MS UINT64_C (1000000)
/* What was accepted may still be in a socket's buffer, or in a queue, and go with its server. */
#define CHECK_ON_ITS_WAY_NS (1000 * CHECK_MS)

/* A span of time, ends included. */
typedef struct check_span {
    uint64_t from_ns;
    uint64_t to_ns;
} check_span_t;

typedef struct check_call {
    uint64_t begin_ns; /* 0: never */
    uint64_t end_ns;
    uint64_t allowed_ns;
    uint64_t run_ns; /* of the handler that began last */
    uint64_t run_end_ns;
    uint32_t run_node; /* 0: none */
    uint32_t peer;     /* who answered; 0: it does not say */
    uint32_t reached;
    uint32_t missing;
    uint32_t target; /* of its name; 0: any server */
    uint16_t begins;
    uint16_t ends;
    uint16_t runs;
    uint16_t run_ends;
    uint16_t status;
    uint16_t outcome;
    uint8_t kind;
} check_call_t;

/* A server from its start to its stop. */
typedef struct check_life {
    uint32_t life;
    uint64_t up_ns;
    uint64_t down_ns; /* CHECK_NEVER: it has not stopped */
    char name[HISTORY_TEXT_SIZE];
} check_life_t;

typedef struct check_node {
    char *path;
    history_header_t *header; /* a mapping; NULL: the file is no history */
    size_t mapped_size;
    history_record_t *records; /* read only */
    uint64_t record_count;
    uint32_t number;
    uint64_t ended_ns;  /* 0: not by itself */
    uint64_t killed_ns; /* 0: not by the runner */
    uint64_t last_ns;   /* of its stamps */
    uint64_t torn;
    uint64_t gaps;
    check_call_t *calls; /* by their counters, from 1 on */
    uint64_t call_count;
    check_life_t *lives;
    size_t life_count;
    check_span_t *stalls;
    size_t stall_count;
    size_t notifier; /* indexes of check.notices, SIZE_MAX: it is none */
    size_t listener;
} check_node_t;

typedef struct check_fault {
    uint64_t id;
    uint32_t node; /* 0: everybody */
    history_fault_t fault;
    uint64_t begin_ns;
    uint64_t end_ns; /* CHECK_NEVER */
    char what[HISTORY_TEXT_SIZE];
} check_fault_t;

/* That a server ran a fanout, or what a fanout call says of it. */
typedef struct check_part {
    uint64_t call;
    uint32_t node; /* who ran it; 0: this is a row */
    uint32_t life;
    uint64_t stamp_ns;
    history_row_t row;
    uint16_t outcome;
    uint32_t peer;
    uint64_t instance;
    char name[HISTORY_ROW_NAME_SIZE];
} check_part_t;

/* Which process an instance is. */
typedef struct check_instance {
    uint64_t instance;
    uint32_t node;
} check_instance_t;

typedef struct check {
    const check_options_t *options;
    check_summary_t *summary;
    check_node_t *nodes;
    size_t node_count;
    check_node_t **by_number; /* HISTORY_NODE_MAX + 1 */
    check_fault_t *faults;
    size_t fault_count;
    check_part_t *parts; /* sorted by call, then rows first */
    size_t part_count;
    size_t part_capacity;
    uint64_t *shown; /* calls whose events are to be printed */
    char **messages;
    size_t shown_count;
    uint64_t latest;             /* the call that ended latest after its deadline */
    uint64_t worst_hit;          /* that whose end took longest after a fault's begin */
    uint64_t worst_fault;        /* that fault */
    check_instance_t *instances; /* that are known of rows which say who replied */
    size_t instance_count;
    notices_t notices;
    char pools[NOTICES_POOLS][HISTORY_TEXT_SIZE];
    uint32_t pool_count;
    bool is_short; /* of memory */
} check_t;

/* check_files.c: opens the folder's files, and reads them. */
bool check_open (check_t *check, const char *folder);
void check_read (check_t *check);
void check_close (check_t *check);
/* An array that has room for one more; NULL if memory is short (the array stays as it was). */
void *check_room (check_t *check, void *items, size_t count, size_t size);

/* check_calls.c, check_fanouts.c: the rules. */
void check_processes (check_t *check);
void check_calls (check_t *check);
void check_fanouts (check_t *check);
void check_detection (check_t *check);

/* check_notices.c: notifications. A record about one, or about who sends and gets them: before, and after,
 * all that was sent is known; and the rules. */
void check_notice_first (check_t *check, check_node_t *node, const history_record_t *record);
void check_notice_sent (check_t *check);
void check_notice_second (check_t *check, const check_node_t *node, const history_record_t *record);
void check_notices (check_t *check);

/* check_around.c: what else happened at the time. */
check_call_t *check_find (const check_t *check, uint64_t id);
/* How long the node could not run within the span. */
uint64_t check_stalled (const check_node_t *node, check_span_t span);
/* Frozen, killed or cut off, it is a server that others wait for. */
bool check_hits_servers (const check_t *check, const check_fault_t *fault);
/* A fault that can lose something hit the node, or (0) anybody, within the span. */
bool check_is_disturbed (const check_t *check, uint32_t node, check_span_t span);
/* One that hit this node and not everybody. */
bool check_has_fault (const check_t *check, uint32_t node, check_span_t span);
const check_life_t *check_life_of (const check_node_t *node, uint32_t life);
/* When it ended, however it did; CHECK_NEVER: it had not when the process ended its history. */
uint64_t check_life_end (const check_node_t *node, const check_life_t *life);

/* check_print.c. call 0: about no call. */
void check_broke (check_t *check, check_rule_t rule, uint64_t call, const char *format, ...)
    __attribute__ ((format (printf, 4, 5)));
const char *check_row_text (history_row_t row);
/* Has the call's events printed although nothing was broken. */
void check_explain (check_t *check, uint64_t call, const char *what);
/* Prints what was broken, with the calls' events. */
void check_show (const check_t *check);

#endif
