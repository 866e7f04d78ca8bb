/* SPDX-License-Identifier: Apache-2.0 */
/* The library's own threads: how they are started, which signals they take, and what they are called. */
#ifndef GODWIT_SRC_BASE_THREAD_H
#define GODWIT_SRC_BASE_THREAD_H

#include <pthread.h>

/* pthread_create for a thread of the library. It blocks the signals that come from outside: those are for the
 * program's threads. It does not block
 *  - what an instruction of the thread itself causes: SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS (of a
 *    seccomp filter), and SIGABRT. If such a signal is blocked, the kernel ends the process, and no handler
 *    of the program runs: no crash report, no exception of a JVM or of Go;
 *  - SIGPROF. A profiler sends it to the thread that uses the processor, and would not see a handler
 *    otherwise.
 * Returns 0, or an errno value. */
int godwit__thread_start (pthread_t *thread, void *(*run) (void *user), void *user);

/* Names the thread that calls it; at most 15 bytes, as Linux allows. The first thing that a thread does. From
 * now on it is not cancelled, whatever handlers and callbacks ask for (src/base/uncancelled.h). */
void godwit__thread_set_name (const char *name);

#endif
