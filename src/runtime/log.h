/* SPDX-License-Identifier: Apache-2.0 */
/* Where log lines go: to the function that the program gave, and to what the operator named in the
 * environment (GODWIT_LOG).
 */
#ifndef GODWIT_SRC_RUNTIME_LOG_H
#define GODWIT_SRC_RUNTIME_LOG_H

#include <godwit/transport.h>

/* Above all levels: nothing is logged. */
#define GODWIT__LOG_NOTHING (GODWIT_LOG_ERROR + 1)

/* What GODWIT_LOG says: "debug", "info", "warning" or "error", and optionally ":" and a file. */
typedef struct godwit__log_variable {
    int level; /* lines below it are not written; GODWIT__LOG_NOTHING: the variable is not set */
    int fd;
} godwit__log_variable_t;

/* Reads the variable, and opens its file, once in a process. What is wrong with it is said on stderr, in one
 * line: an unknown level means that it is not set; instead of a file that cannot be opened, stderr is used.
 * Ignored in programs that have more rights than their user (setuid). Any thread. */
const godwit__log_variable_t *godwit__log_variable (void);

/* Writes a line with time, level, process and thread, in one system call, so that lines of several threads
 * and processes do not mix. Any thread; errno stays as it is. */
void godwit__log_write (int fd, godwit_log_level_t level, const char *text);

#endif
