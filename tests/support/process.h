/* SPDX-License-Identifier: Apache-2.0 */
/* Real processes for end-to-end tests: a program reads lines from the test, and writes lines. If something
 * does not happen within PROCESS_WAIT_LIMIT_MS, the test fails. */
#ifndef GODWIT_TESTS_SUPPORT_PROCESS_H
#define GODWIT_TESTS_SUPPORT_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCESS_WAIT_LIMIT_MS 20000

typedef struct process {
    pid_t pid;
    int input;
    int output;
    char text[65536]; /* all that it said since it began, or since process_forget */
    size_t size;
    size_t seen; /* how much of it process_expect has seen */
    int port;    /* the test's own: where it listens */
} process_t;

/* second may be NULL. */
void process_start (process_t *process, const char *program, const char *first, const char *second);
void process_tell (const process_t *process, const char *line);
/* The next line that it says is this one. */
void process_expect (process_t *process, const char *line);
/* Reads on until the text has come so many times. */
void process_wait (process_t *process, unsigned times, const char *text);
unsigned process_count (const process_t *process, const char *text);
void process_forget (process_t *process);
/* SIGSTOP; returns when all its threads stand still, which is some time after kill() does. */
void process_stand_still (const process_t *process);
/* Signal 0: closes its input, and expects it to end with status 0. What it says until then is not kept. */
void process_finish (process_t *process, int signal_number);
/* The same, but returns the status of waitpid for the caller to check. */
int process_end (process_t *process, int signal_number);

/* A port that nobody listens on, below those that the kernel gives out itself. So nobody else gets it
 * meanwhile, and a socket that tries it while nobody listens is not connected to itself. Processes that run
 * at the same time look in different ranges. */
int free_port (void);

int64_t process_now_ms (void);

#endif
