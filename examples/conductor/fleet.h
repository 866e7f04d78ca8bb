/* SPDX-License-Identifier: Apache-2.0 */
/* The monitors: one process for each VIM, started, replaced and ended. Any thread. */
#ifndef CONDUCTOR_FLEET_H
#define CONDUCTOR_FLEET_H

#include <godwit/value.h>

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#define VIM_MAX 64
#define NAME_SIZE 64

typedef struct vim {
    char id[NAME_SIZE]; /* "": the place is free */
    char address[NAME_SIZE];
    char status[NAME_SIZE]; /* "": not reported yet */
    pid_t pid;
    int64_t last_report; /* of that process: casts have no order */
    unsigned replaced;
    bool is_stopping; /* its monitor is not replaced any more */
} vim_t;

typedef struct fleet {
    const char *monitor; /* the program */
    const char *config;  /* its configuration; NULL: none */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    vim_t vims[VIM_MAX];
} fleet_t;

void fleet_open (fleet_t *fleet, const char *monitor, const char *config);
/* Starts a monitor. NULL, or why not. */
const char *fleet_add (fleet_t *fleet, const char *id, const char *address);
/* Waits for the first report of its monitor and copies it. False: there was none in time. */
bool fleet_wait_report (fleet_t *fleet, const char *id, char status[NAME_SIZE]);
/* What a monitor says. */
void fleet_report (fleet_t *fleet, const char *id, pid_t pid, int64_t report, const char *status);
/* The monitor is about to be ended: it will not be replaced. 0: there is none of that name. */
pid_t fleet_let_end (fleet_t *fleet, const char *id);
/* Waits until it has ended. */
bool fleet_wait_end (fleet_t *fleet, const char *id);
/* Any VIM that is left, for the end. False: none is. */
bool fleet_any (fleet_t *fleet, char id[NAME_SIZE]);
/* Looks after processes that have ended: replaces those that should not have. */
void fleet_reap (fleet_t *fleet);
/* A list of maps. The caller's; NULL when memory is short. */
godwit_value_t *fleet_list (fleet_t *fleet);

#endif
