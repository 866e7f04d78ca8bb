/* SPDX-License-Identifier: Apache-2.0 */
/* Records what servers ran and what callers were told, and checks "at most once" by comparing the two. */
#ifndef GODWIT_TESTS_SUPPORT_RUN_LOG_H
#define GODWIT_TESTS_SUPPORT_RUN_LOG_H

#include <godwit/error.h>

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

typedef enum run_kind {
    RUN_CALL,
    RUN_CAST,
    RUN_FANOUT /* every server may run it once */
} run_kind_t;

/* A handler has begun. */
typedef struct run {
    run_kind_t kind;
    uint32_t client;
    uint32_t number; /* of the client's calls */
    uint32_t server;
} run_t;

/* What became of a call, as its caller was told. */
typedef struct result {
    run_kind_t kind;
    uint32_t client;
    uint32_t number;
    godwit_status_t status;
    godwit_outcome_t outcome; /* unless OK */
} call_result_t;

typedef struct run_log {
    pthread_mutex_t lock;
    run_t *runs;
    size_t run_count;
    size_t run_capacity;
    call_result_t *results;
    size_t result_count;
    size_t result_capacity;
} run_log_t;

void run_log_open (run_log_t *log);
void run_log_close (run_log_t *log);
/* Any thread. */
void run_log_run (run_log_t *log, run_t run);
void run_log_result (run_log_t *log, call_result_t result);

typedef struct run_faults {
    size_t twice;   /* ran more than once (a fanout: more than once on one server) */
    size_t missing; /* a call succeeded, but did not run */
    size_t denied;  /* it ran although its caller was told NOT_SENT or REJECTED */
    size_t unknown; /* a run that nobody had called for */
} run_faults_t;

/* Sorts the log. The first faults are printed. */
run_faults_t run_log_check (run_log_t *log);

#endif
