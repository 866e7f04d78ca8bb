/* SPDX-License-Identifier: Apache-2.0 */
/* What a node is told (tests/faults/programs/node.c). */
#ifndef GODWIT_TESTS_FAULTS_NODE_OPTIONS_H
#define GODWIT_TESTS_FAULTS_NODE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* What a client does, in parts of their sum. */
typedef struct node_mix {
    uint32_t call;
    uint32_t cast;
    uint32_t fanout;
    uint32_t fanout_call;
    uint32_t idempotent;
    uint32_t async;
    uint32_t named; /* calls to one server, in turns */
} node_mix_t;

typedef struct node_options {
    uint32_t node;  /* --node N, of the run */
    uint32_t roles; /* --role server|client|both|rendezvous|notifier|listener|caster|worker */
    const char *name;
    const char *host;
    const char *named; /* --named NAME[,NAME...]: of the calls to one server */
    const char *url;
    const char *topic;
    const char *pool;  /* of the listener */
    const char *pools; /* --pools NAME[,NAME...]: that the notifier declares */
    const char *spool; /* --spool FILE, of the notifier */
    const char *log;
    uint64_t seed;
    uint64_t records;   /* --records N: the most that the history has; 0: the default */
    uint32_t threads;   /* of the client */
    double rate;        /* calls, or notifications, a second and thread; 0: as fast as they end */
    int64_t seconds;    /* 0: until a signal */
    uint64_t calls;     /* of all threads together; 0: no end */
    uint32_t servers;   /* that the client waits for before it says "ready" */
    int64_t timeout_ms; /* the longest that a call gets; they are between a tenth of it and all of it */
    int64_t slow_ms;    /* the longest that a slow handler takes */
    int concurrency;    /* of the server; 0: its default */
    int queue_limit;    /* of the server, of the notifier; 0: its default */
    int batch;          /* of the listener; 0: none */
    int credit;         /* of the listener; 0: its default */
    uint32_t work_us;   /* that the listener takes for each notification */
    uint32_t requeue_permille; /* that it requeues */
    node_mix_t mix;            /* --mix call=60,cast=10,... */
    bool is_patient; /* --patient: what has certainly not run is always tried again, and no call is monitored
                      */
    bool quick_only; /* --quick: only the method that answers at once */
} node_options_t;

/* False, and a text on stderr, if they are not acceptable. */
bool node_options_parse (node_options_t *options, int argc, char **argv);

#endif
