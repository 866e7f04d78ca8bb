/* SPDX-License-Identifier: Apache-2.0 */
/* A process of another user of this machine, which waits for its turn. It is made while this one has a single
 * thread: what another thread holds at a fork is held in the child for ever. Needs root. */
#ifndef GODWIT_TESTS_SUPPORT_OTHER_USER_H
#define GODWIT_TESTS_SUPPORT_OTHER_USER_H

#include <stdbool.h>
#include <sys/types.h>

#define OTHER_USER_NOBODY 65534

typedef struct other_user {
    pid_t child;
    int turn; /* a byte, or its end, lets the child run */
} other_user_t;

/* uid 0: of the same user. The child knows what is set by now. */
other_user_t other_user_prepare (uid_t uid, bool (*run) (void));
/* Returns whether all was well there, when it has ended. */
bool other_user_run (const other_user_t *other);
/* Lets it run, and waits for its end later. */
void other_user_begin (const other_user_t *other);
bool other_user_end (const other_user_t *other);

#endif
