/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to a fleet under load, and what must hold then. */
#ifndef GODWIT_TESTS_HOSTS_SCENARIO_H
#define GODWIT_TESTS_HOSTS_SCENARIO_H

#include "tests/faults/check.h"
#include "tests/hosts/fleet.h"

/* One fault of a plan. */
typedef struct strike {
    int target; /* an index of a server, of a rendezvous; what the scenario makes of it */
    unsigned gap_ms;
    unsigned hold_ms;
    uint64_t fault; /* in the history */
} strike_t;

typedef void scenario_fn (fleet_t *fleet, strike_t *strike);

typedef struct scenario {
    const char *name;  /* for the command line */
    const char *title; /* for the table */
    scenario_fn *begin;
    scenario_fn *end; /* NULL: nothing to undo */
    unsigned hold_ms[2];
    unsigned gap_ms[2];
    unsigned most; /* faults; 0: as many as there is time for */
    int servers;
    int port;
    unsigned detection_limit_ms; /* a call that the fault hits ends within this; 0: not decided */
    unsigned back_limit_ms; /* all servers are called again within this; 0: within 15 s, without a margin */
    bool may_pause;         /* so many calls may wait for the host that is hit that clients make no more */
    bool is_secured;        /* the fleet is in a realm */
    bool must_not_fail;     /* no call fails but those whose method does; clients are patient */
} scenario_t;

extern const scenario_t scenarios[];
extern const size_t scenario_count;

typedef struct scenario_options {
    const char *build;
    const char *folder;
    uint64_t seed;
    double rate;
    unsigned seconds;   /* of load */
    unsigned margin_ms; /* that detection and recovery may take longer than their limits */
    unsigned late_ms;   /* how long after its deadline a call may end, beside stalls of the machine */
} scenario_options_t;

typedef struct scenario_result {
    check_summary_t summary;
    unsigned strikes;
    int64_t back_ms; /* the worst time until all servers were called again after a fault; -1: they were not */
    int64_t pause_ms; /* the longest time in which no call of a client succeeded that waits for none; -1: none
                         did */
    unsigned broken;  /* what did not hold; said on stdout */
} scenario_result_t;

/* Runs it on hosts that it makes and removes. */
void scenario_run (const scenario_t *scenario, const scenario_options_t *options, scenario_result_t *result);

#endif
