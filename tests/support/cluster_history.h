/* SPDX-License-Identifier: Apache-2.0 */
/* The history of a simulated cluster: what became of each piece of work, and a check of what must not
 * happen. */
#ifndef GODWIT_TESTS_SUPPORT_CLUSTER_HISTORY_H
#define GODWIT_TESTS_SUPPORT_CLUSTER_HISTORY_H

#include "tests/support/cluster_world.h"

#define HISTORY_PAUSES_MAX 32
#define HISTORY_VOIDS_MAX 64
/* A connection to a node that is silent goes down after this. */
#define HISTORY_HEARTBEAT_TIMEOUT_MS 600
/* How much longer the news of it, or a request that was still under way, may take. */
#define HISTORY_NEWS_MS 450
/* After its new certificate a node may be without connections for so long: those of the old one end half a
 * second after each of the others has heard that it is void. */
#define HISTORY_READMISSION_MS 700

typedef enum history_kind { HISTORY_CALL, HISTORY_CAST, HISTORY_FANOUT, HISTORY_FANOUT_CALL } history_kind_t;

typedef struct history history_t;

/* One piece of work, as its client and all servers saw it. */
typedef struct history_entry {
    history_t *history;
    history_kind_t kind;
    unsigned client; /* the node */
    int64_t started_ms, timeout_ms, ended_ms;
    int64_t blocked_ms; /* how long the client's thread was busy with something else */
    unsigned ends, runs;
    bool accepted;
    bool named;      /* it was for one server only */
    bool may_repeat; /* its client is idempotent */
    bool client_died;
    godwit_status_t status;
    godwit_outcome_t outcome;
    unsigned reached, missing;    /* of a fanout */
    int server;                   /* where it ran; -1: nowhere */
    unsigned server_life;         /* in which of its lives */
    int64_t lost_ms;              /* when that server was lost while the work was pending; -1: it was not */
    unsigned long long ran_at[2]; /* the servers where a fanout ran, a bit each */
} history_entry_t;

typedef struct history_pause {
    unsigned node;
    int64_t begin_ms, end_ms; /* end -1: not yet */
} history_pause_t;

/* A node whose certificate is void. */
typedef struct history_void {
    unsigned node;
    int64_t begin_ms, end_ms; /* end -1: not yet */
} history_void_t;

struct history {
    uint64_t seed;
    history_entry_t *entries;
    unsigned count, limit;
    history_pause_t pauses[HISTORY_PAUSES_MAX];
    unsigned pause_count;
    history_void_t voids[HISTORY_VOIDS_MAX];
    unsigned void_count;
    const world_options_t *options;
    world_result_t *result;
};

/* Notes what is wrong in result->wrong, unless there is a text already. Returns false. */
bool history_wrong (history_t *history, const char *format, ...) __attribute__ ((format (printf, 2, 3)));
/* A handler runs the work with this id. */
void history_ran (history_t *history, int64_t id, unsigned server, unsigned life);
/* Notes the row of a fanout call for one server. */
void history_row (history_entry_t *entry, unsigned server, const godwit_fanout_row_t *row);
/* The server is lost: calls that are pending on it must end soon. */
void history_lost (history_t *history, unsigned server, int64_t now_ms);
/* The node's certificate is void from now on; over: it has another one. */
void history_void_begins (history_t *history, unsigned node, int64_t now_ms);
void history_void_ends (history_t *history, unsigned node, int64_t now_ms);
/* Whether it was void, or not yet let in again, at any time from from_ms to until_ms. */
bool history_was_void (const history_t *history, unsigned node, int64_t from_ms, int64_t until_ms);
/* For how long the node was paused in this time. */
int64_t history_paused_ms (const history_t *history, unsigned node, int64_t from_ms, int64_t until_ms);
void history_ended (history_entry_t *entry, int64_t now_ms, godwit_status_t status,
                    const godwit_error_t *error);
/* False: no call may fail in this history, but those of clients that were void. */
bool history_may_fail (const history_t *history);
/* Checks the history, when all work has had its time. */
void history_check (history_t *history);

#endif
