/* SPDX-License-Identifier: Apache-2.0 */
/* A made-up run, written as real ones are: a client (node 1), two servers (nodes 2 and 3) and a runner (node
 * 4), 100 s after they began. The client is a notifier, too, which has declared the pool "first"; the servers
 * are listeners of the pools "first", where duplicates are dropped, and "second". All times are milliseconds
 * of the story. */
#ifndef GODWIT_TESTS_FAULTS_STORY_H
#define GODWIT_TESTS_FAULTS_STORY_H

#include "tests/faults/check.h"

#include <godwit/error.h>

enum { STORY_CLIENT = 1, STORY_ONE, STORY_TWO, STORY_RUNNER, STORY_NODES };
#define STORY_END_MS 60000

typedef struct story {
    char folder[64];
    history_t *nodes[STORY_NODES];
    uint64_t zero_ns;
    bool has_no_end[STORY_NODES]; /* a process that does not say that it ended */
    bool has_not_stopped[STORY_NODES];
    bool has_left_some; /* the notifier ends before all is acknowledged */
} story_t;

void story_open (story_t *story);
/* The same, and the notifier has a spool. */
void story_open_with_spool (story_t *story);
/* Ends the processes at STORY_END_MS, and gives the histories back. The files stay. */
void story_close (story_t *story);
void story_remove (const story_t *story);
void story_path (const story_t *story, int node, char path[128]);

void story_put (story_t *story, int node, int64_t at_ms, history_record_t record);
uint64_t story_begin (story_t *story, history_kind_t kind, int64_t at_ms);
/* peer 0: it does not say. */
void story_end (story_t *story, uint64_t id, int64_t at_ms, godwit_status_t status, godwit_outcome_t outcome,
                uint32_t peer);
void story_end_fanout (story_t *story, uint64_t id, int64_t at_ms, uint32_t reached, uint32_t missing);
void story_row (story_t *story, uint64_t id, int64_t at_ms, const char *server, history_row_t row);
void story_run (story_t *story, uint64_t id, int server, int64_t at_ms);
/* Its handler begins, and does not end. */
void story_run_begin (story_t *story, uint64_t id, int server, int64_t at_ms);
/* end_ms 0: it does not end. */
void story_fault (story_t *story, history_fault_t fault, uint32_t node, int64_t at_ms, int64_t end_ms);

/* The client notifies, and is told so at once. */
uint64_t story_notify (story_t *story, int64_t at_ms, uint32_t stream);
/* The same, and it is told something else. */
uint64_t story_try_notify (story_t *story, int64_t at_ms, godwit_status_t status, bool dropped);
/* A server gets it, and is done with it 1 ms later. */
void story_take (story_t *story, uint64_t id, int server, int64_t at_ms, unsigned redeliveries,
                 bool requeued);

/* A run in which everything happens that may happen. */
void story_tell_good (story_t *story);

#endif
