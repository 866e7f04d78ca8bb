/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/other_user.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

other_user_t
other_user_prepare (uid_t uid, bool (*run) (void))
{
    int turn[2];
    char byte;
    cr_assert_eq (pipe2 (turn, O_CLOEXEC), 0);
    const pid_t child = fork ();
    cr_assert_geq (child, 0);
    if (child == 0) {
        close (turn[1]);
        if (read (turn[0], &byte, 1) != 1)
            _exit (3);
        alarm (60);
        if (uid && (setgroups (0, NULL) || setgid (uid) || setuid (uid)))
            _exit (2);
        _exit (run () ? 0 : 1);
    }
    close (turn[0]);
    return (other_user_t){child, turn[1]};
}

void
other_user_begin (const other_user_t *other)
{
    cr_assert_eq (write (other->turn, "r", 1), 1);
    close (other->turn);
}

bool
other_user_end (const other_user_t *other)
{
    int status = 0;
    cr_assert_eq (waitpid (other->child, &status, 0), other->child);
    return WIFEXITED (status) && WEXITSTATUS (status) == 0;
}

bool
other_user_run (const other_user_t *other)
{
    other_user_begin (other);
    return other_user_end (other);
}
