/* SPDX-License-Identifier: Apache-2.0 */
/* Who owns a spool: one process at a time, another one at once when it dies, no child of a fork; and what a
 * process that is killed had appended is there, at both levels. */
#include "tests/spool/spool_world.h"
#include "tests/support/must.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite (owner, .timeout = 60);

#define KILLS 8 /* at each level */
#define THREADS 3

static char path[256];

static void
begin (void)
{
    strcpy (path, world_path (world_folder (), "spool"));
}

static void
end (void)
{
    *strrchr (path, '/') = '\0';
    world_remove (path);
}

/* A child that runs this, and whose output comes through *output. It ends with 0. */
static pid_t
start (void run (int output), int *output)
{
    int ends[2];
    cr_assert_eq (pipe (ends), 0);
    const pid_t pid = fork ();
    cr_assert_geq (pid, 0);
    if (pid == 0) {
        prctl (PR_SET_PDEATHSIG, SIGKILL); /* it would outlive a test that failed */
        close (ends[0]);
        run (ends[1]);
        _exit (0);
    }
    close (ends[1]);
    *output = ends[0];
    return pid;
}

static void
expect_byte (int output, char byte)
{
    char got = '?';
    cr_assert_eq (read (output, &got, 1), 1);
    cr_assert_eq (got, byte, "got %c", got);
}

static void
kill_and_wait (pid_t pid, int output)
{
    int status;
    kill (pid, SIGKILL);
    cr_assert_eq (waitpid (pid, &status, 0), pid);
    cr_assert (WIFSIGNALED (status));
    close (output);
}

static void
wait_for_success (pid_t pid, int output)
{
    int status;
    cr_assert_eq (waitpid (pid, &status, 0), pid);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0, "status %x", (unsigned) status);
    close (output);
}

/* In a child: what fails is its status. */
static void
demand (bool good, int status)
{
    if (!good)
        _exit (status);
}

/* ---- two processes ---- */

static void
own (int output)
{
    godwit_spool_t *spool = NULL;
    demand (godwit_sqlite_spool_open (&spool, path, NULL, NULL) == GODWIT_OK, 10);
    godwit_spool_item_t item = {.stream = "info", .data = "of the first", .size = 12};
    demand (spool->ops->append (spool, &item, 1, NULL, NULL, NULL) == GODWIT_OK, 11);
    demand (write (output, "o", 1) == 1, 12);
    pause ();
}

Test (owner, a_second_process_is_told_who_owns_it_and_takes_over_when_it_dies)
{
    int output;
    char text[256], pid_text[32];
    begin ();
    const pid_t pid = start (own, &output);
    expect_byte (output, 'o');
    snprintf (pid_text, sizeof pid_text, "pid %ld ", (long) pid);
    world_open_fails (path, NULL, GODWIT_ERR_SYSTEM, pid_text);
    char host[128];
    cr_assert_eq (gethostname (host, sizeof host), 0);
    snprintf (text, sizeof text, " on %s since ", host);
    world_open_fails (path, NULL, GODWIT_ERR_SYSTEM, text);
    world_open_fails (path, NULL, GODWIT_ERR_SYSTEM, "end that process");
    cr_assert (godwit_sqlite_spool_owner (path, text, sizeof text));
    cr_assert (strstr (text, pid_text), "%s", text);

    kill_and_wait (pid, output);
    cr_assert_not (godwit_sqlite_spool_owner (path, text, sizeof text));
    godwit_spool_t *spool = world_open (path, NULL);
    MUST_BE (world_read (spool, "info", NULL), "1:of the first");
    cr_assert_eq (world_append (spool, "info", "of the second"), 2);
    godwit_sqlite_spool_stats_t stats;
    godwit_sqlite_spool_stats (spool, &stats, sizeof stats);
    cr_assert_eq (stats.owner_pid, getpid ());
    godwit_sqlite_spool_close (&spool);
    cr_assert_not (godwit_sqlite_spool_owner (path, NULL, 0));
    end ();
}

Test (owner, a_process_does_not_open_it_twice)
{
    char link[300];
    begin ();
    godwit_spool_t *spool = world_open (path, NULL);
    world_open_fails (path, NULL, GODWIT_ERR_SYSTEM, "open in this process");
    snprintf (link, sizeof link, "%s-by-another-name", path);
    cr_assert_eq (symlink (path, link), 0);
    world_open_fails (link, NULL, GODWIT_ERR_SYSTEM, "open in this process");
    int output;
    const pid_t pid = start (own, &output); /* the lock is still there */
    int status;
    cr_assert_eq (waitpid (pid, &status, 0), pid);
    cr_assert_eq (WEXITSTATUS (status), 10);
    close (output);
    godwit_sqlite_spool_close (&spool);
    spool = world_open (link, NULL);
    godwit_sqlite_spool_close (&spool);
    end ();
}

Test (owner, others_may_look_meanwhile)
{
    begin ();
    godwit_spool_t *spool = world_open (path, NULL);
    world_set_pool (spool, "info", "audit", 0);
    world_append (spool, "info", "one");
    godwit_spool_t *viewer = world_open (path, GODWIT_SQLITE_SPOOL_OPTIONS (.read_only = true));
    world_append (spool, "info", "two");
    world_settle (spool, "info", "audit", 1, 1);
    world_flush (spool);
    MUST_BE (world_read (viewer, "info", "audit"), "1:one"); /* as it was */
    cr_assert_eq (viewer->ops->settle (viewer, "info", "audit", 1, 1, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (viewer->ops->set_pool (viewer, "info", "x", 1, 1, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (viewer->ops->flush (viewer, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    godwit_sqlite_spool_stats_t stats;
    godwit_sqlite_spool_stats (viewer, &stats, sizeof stats);
    cr_assert_eq (stats.owner_pid, getpid ());
    cr_assert_eq (stats.items, 1);
    godwit_sqlite_spool_close (&viewer);
    viewer = world_open (path, GODWIT_SQLITE_SPOOL_OPTIONS (.read_only = true));
    MUST_BE (world_read (viewer, "info", "audit"), "2:two");
    godwit_sqlite_spool_close (&viewer);
    world_append (spool, "info", "three");
    MUST_BE (world_read (spool, "info", "audit"), "2:two 3:three");
    godwit_sqlite_spool_close (&spool);
    viewer = world_open (path, GODWIT_SQLITE_SPOOL_OPTIONS (.read_only = true)); /* nobody owns it */
    MUST_BE (world_read (viewer, "info", "audit"), "2:two 3:three");
    godwit_sqlite_spool_close (&viewer);
    end ();
}

Test (owner, a_spool_that_is_not_there_cannot_be_looked_at)
{
    begin ();
    world_open_fails (path, GODWIT_SQLITE_SPOOL_OPTIONS (.read_only = true), GODWIT_ERR_SYSTEM,
                      "No such file or directory");
    end ();
}

/* ---- fork ---- */

static godwit_spool_t *of_the_parent;

static bool
see_none (void *user, const char *name, uint64_t last_number, const godwit_spool_pool_t *pools,
          size_t pool_count)
{
    (void) user;
    (void) name;
    (void) last_number;
    (void) pools;
    return pool_count == SIZE_MAX;
}

static void
use_in_child (int output)
{
    const godwit_spool_ops_t *const ops = of_the_parent->ops;
    godwit_spool_item_t item = {.stream = "info", .data = "x", .size = 1};
    godwit_spool_t *spool = NULL;
    (void) output;
    demand (ops->append (of_the_parent, &item, 1, NULL, NULL, NULL) == GODWIT_ERR_FORKED, 20);
    demand (ops->settle (of_the_parent, "info", "audit", 1, 1, NULL) == GODWIT_ERR_FORKED, 21);
    demand (ops->set_pool (of_the_parent, "info", "x", 1, 1, NULL) == GODWIT_ERR_FORKED, 22);
    demand (ops->remove_pool (of_the_parent, "info", "audit", NULL) == GODWIT_ERR_FORKED, 23);
    demand (ops->flush (of_the_parent, NULL) == GODWIT_ERR_FORKED, 24);
    demand (ops->streams (of_the_parent, see_none, NULL, NULL) == GODWIT_ERR_FORKED, 25);
    demand (godwit_sqlite_spool_open (&spool, path, NULL, NULL) == GODWIT_ERR_SYSTEM,
            26);                                /* its parent has it */
    godwit_sqlite_spool_close (&of_the_parent); /* leaves it alone */
    demand (!of_the_parent, 27);
}

static void
survive_the_parent (int output)
{
    char byte;
    godwit_spool_t *spool = NULL;
    demand (write (output, "o", 1) == 1, 30);
    demand (read (STDIN_FILENO, &byte, 1) == 1, 31);
    demand (godwit_sqlite_spool_open (&spool, path, NULL, NULL) == GODWIT_OK, 32);
    godwit_spool_item_t item = {.stream = "info", .data = "x", .size = 1};
    demand (spool->ops->append (spool, &item, 1, NULL, NULL, NULL) == GODWIT_OK, 33);
    demand (item.number == 2, 34);
    godwit_sqlite_spool_close (&spool);
}

Test (owner, a_child_of_a_fork_does_not_use_it)
{
    int output, ends[2];
    begin ();
    of_the_parent = world_open (path, NULL);
    world_set_pool (of_the_parent, "info", "audit", 0);
    world_append (of_the_parent, "info", "one");
    const pid_t user = start (use_in_child, &output);
    wait_for_success (user, output);
    MUST_BE (world_read (of_the_parent, "info", "audit"), "1:one");
    /* A child that was there when the owner ended does not keep it, and may take it over. (ThreadSanitizer
     * lets no child of a process with threads start one.) */
    const char *const sanitizer = getenv ("GODWIT_SANITIZE");
    if (sanitizer && strstr (sanitizer, "thread")) {
        godwit_sqlite_spool_close (&of_the_parent);
        end ();
        return;
    }
    cr_assert_eq (pipe (ends), 0);
    cr_assert_eq (dup2 (ends[0], STDIN_FILENO), STDIN_FILENO);
    const pid_t pid = start (survive_the_parent, &output);
    expect_byte (output, 'o');
    godwit_sqlite_spool_close (&of_the_parent);
    cr_assert_eq (write (ends[1], "g", 1), 1);
    wait_for_success (pid, output);
    end ();
}

/* ---- kill -9 ---- */

static godwit_spool_level_t level;

/* Tells the number of each item once its append has returned. */
static void *
append_on (void *user)
{
    const int output = *(const int *) user;
    for (;;) {
        char text[64];
        godwit_spool_item_t item = {.stream = "info", .data = text, .size = sizeof text};
        memset (text, 'x', sizeof text);
        demand (of_the_parent->ops->append (of_the_parent, &item, 1, NULL, NULL, NULL) == GODWIT_OK, 40);
        demand (write (output, &item.number, sizeof item.number) == sizeof item.number, 41);
    }
    return NULL;
}

static void
append_until_killed (int output)
{
    pthread_t threads[THREADS];
    demand (godwit_sqlite_spool_open (&of_the_parent, path, GODWIT_SQLITE_SPOOL_OPTIONS (.level = level),
                                      NULL) == GODWIT_OK,
            42);
    for (int i = 0; i < THREADS; i++)
        demand (pthread_create (&threads[i], NULL, append_on, &output) == 0, 43);
    pause ();
}

typedef struct there {
    uint64_t first, last, count;
} there_t;

static bool
note (void *user, uint64_t number, const void *data, size_t size)
{
    there_t *const there = user;
    cr_assert (size == 64 && memcmp (data, "xxxxxxxx", 8) == 0);
    there->last = number;
    there->count++;
    return true;
}

static void
kill_one (int acknowledgements)
{
    int output;
    uint64_t number, most = 0;
    const pid_t pid = start (append_until_killed, &output);
    for (int i = 0; i < acknowledgements; i++) {
        cr_assert_eq (read (output, &number, sizeof number), sizeof number);
        most = number > most ? number : most;
    }
    kill (pid, SIGKILL);
    while (read (output, &number, sizeof number) == sizeof number) /* what it said before it died */
        most = number > most ? number : most;
    kill_and_wait (pid, output);
    godwit_spool_t *spool = world_open (path, NULL);
    there_t there = {0};
    MUST (spool->ops->read (spool, "info", NULL, 0, 0, 0, note, &there, &error));
    cr_assert_geq (there.last, most, "%" PRIu64 " was acknowledged, and the last one there is %" PRIu64, most,
                   there.last);
    cr_assert_eq (there.count, there.last);
    godwit_sqlite_spool_close (&spool);
}

static void
kill_at (godwit_spool_level_t of_level)
{
    level = of_level;
    begin ();
    for (int i = 0; i < KILLS; i++)
        kill_one (1 + 37 * i);
    end ();
}

Test (owner, kill_9_loses_nothing_at_the_level_of_power)
{
    kill_at (GODWIT_SPOOL_POWER);
}

Test (owner, kill_9_loses_nothing_at_the_level_of_the_process)
{
    kill_at (GODWIT_SPOOL_PROCESS);
}
