/* SPDX-License-Identifier: Apache-2.0 */
/* Processes of the hosts: started in a network namespace, told lines, heard lines, killed for certain.
 *
 * None outlives the program: each is killed when it ends, however it ends. */
#ifndef GODWIT_TESTS_HOSTS_CHILD_H
#define GODWIT_TESTS_HOSTS_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { CHILD_TEXT_SIZE = 4096, CHILD_NAME_SIZE = 32, CHILD_ARGUMENTS = 40 };

typedef struct child {
    struct child *next; /* all that were started and not ended */
    char name[CHILD_NAME_SIZE];
    pid_t pid; /* 0: does not run */
    int pidfd;
    int input;
    int output;
    char text[CHILD_TEXT_SIZE]; /* what it said and nobody has read */
    size_t size;
} child_t;

/* How to start one. */
typedef struct child_options {
    const char *name;
    const char *net;    /* the name of its network namespace, NULL: ours */
    const char *errors; /* a file that gets what it says on stderr, behind what is there; NULL: our stderr */
    const char *arguments[CHILD_ARGUMENTS]; /* the program first, NULL last */
} child_options_t;

void child_start (child_t *child, const child_options_t *options);
void child_tell (const child_t *child, const char *format, ...) __attribute__ ((format (printf, 2, 3)));
/* The next line, without its end. False: none within the time, or its output ended. */
bool child_line (child_t *child, char *line, size_t size, int64_t wait_limit_ms);
/* Fails unless the next line begins like this. */
void child_expect (child_t *child, const char *start, int64_t wait_limit_ms);
void child_signal (const child_t *child, int number);
/* Closes its input and waits; kills it after that long. Its exit status, or minus the signal that ended it.
 */
int child_end (child_t *child, int64_t wait_limit_ms);
/* SIGKILL, and waits. */
void child_kill (child_t *child);
bool child_is_running (const child_t *child);
void child_kill_all (void);

/* Runs a program to its end, within 20 s. Its exit status, as child_end's. */
int child_run (const child_options_t *options);

#endif
