/* SPDX-License-Identifier: Apache-2.0 */
/* The lock file is deleted between the moments when it is opened and locked. */
#include "tests/spool/spool_world.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

TestSuite (lock, .timeout = 30);

static char path[256], lock[300];
static int deletions; /* that are left; each comes before a lock of the system is taken */

/* In place of the C library's, for the whole program. */
int
fcntl (int fd, int command, ...)
{
    va_list arguments;
    va_start (arguments, command);
    void *const argument = va_arg (arguments, void *);
    va_end (arguments);
    if (command == F_SETLK && deletions > 0 && access (lock, F_OK) == 0) {
        deletions--;
        unlink (lock);
    }
    return (int) syscall (SYS_fcntl, fd, command, argument);
}

static void
begin (void)
{
    strcpy (path, world_path (world_folder (), "spool"));
    snprintf (lock, sizeof lock, "%s-lock", path);
}

static void
end (void)
{
    *strrchr (path, '/') = '\0';
    world_remove (path);
}

/* Whoever comes next sees the owner. */
Test (lock, of_a_deleted_file_is_none)
{
    begin ();
    deletions = 3;
    godwit_spool_t *spool = world_open (path, NULL);
    cr_assert_eq (deletions, 0);
    cr_assert_eq (access (lock, F_OK), 0);
    cr_assert (godwit_sqlite_spool_owner (path, NULL, 0));
    world_open_fails (path, NULL, GODWIT_ERR_SYSTEM, "open in this process");
    godwit_sqlite_spool_close (&spool);
    end ();
}

Test (lock, is_not_tried_for_ever)
{
    begin ();
    deletions = 1000;
    world_open_fails (path, NULL, GODWIT_ERR_SYSTEM, "is deleted again and again");
    deletions = 0;
    godwit_spool_t *spool = world_open (path, NULL);
    godwit_sqlite_spool_close (&spool);
    end ();
}
