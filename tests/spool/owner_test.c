/* SPDX-License-Identifier: Apache-2.0 */
/* Who owns a spool: one process at a time, another one at once when it dies, no child of a fork; and what a
 * process that is killed had appended is there, at both levels. */
#include "tests/spool/spool_world.h"
#include "tests/support/must.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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
        /* By _exit a sanitizer would tell of threads of the parent, which have ended and are not joined. */
        syscall (SYS_exit_group, 0);
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

/* ---- files that lose their names ---- */

typedef struct there {
    uint64_t first, last, count;
} there_t;

static bool
count_one (void *user, uint64_t number, const void *data, size_t size)
{
    there_t *const there = user;
    (void) data;
    (void) size;
    there->last = number;
    there->count++;
    return true;
}

static const char *
with_suffix (const char *suffix)
{
    static char name[300];
    snprintf (name, sizeof name, "%s%s", path, suffix);
    return name;
}

/* The files are not looked at by each append. Returns how many were accepted. */
static uint64_t
append_until_it_fails (godwit_spool_t *spool, const char *text)
{
    uint64_t accepted = 0;
    godwit_error_t *failure = NULL;
    godwit_status_t status;
    for (;; accepted++) {
        godwit_spool_item_t item = {.stream = "info", .data = "x", .size = 1};
        status = spool->ops->append (spool, &item, 1, NULL, NULL, &failure);
        if (status)
            break;
    }
    cr_assert_eq (status, GODWIT_ERR_SYSTEM);
    cr_assert (strstr (godwit_error_message (failure), text), "no \"%s\" in: %s", text,
               godwit_error_message (failure));
    godwit_error_destroy (&failure);
    cr_assert_eq (spool->ops->set_pool (spool, "info", "dash", 0, 0, NULL), GODWIT_ERR_SYSTEM);
    return accepted;
}

/* What is appended to a file without a name is lost: it is not accepted. */
Test (owner, a_spool_that_was_deleted_accepts_nothing)
{
    for (int i = 0; i < 2; i++) {
        begin ();
        godwit_spool_t *spool = world_open (
            path, GODWIT_SQLITE_SPOOL_OPTIONS (.level = i ? GODWIT_SPOOL_PROCESS : GODWIT_SPOOL_POWER));
        world_append (spool, "info", "one");
        cr_assert_eq (unlink (path), 0);
        append_until_it_fails (spool, "/spool was deleted or replaced");
        cr_assert_eq (unlink (with_suffix ("-wal")), 0);
        cr_assert_eq (append_until_it_fails (spool, "/spool was deleted or replaced"), 0);
        cr_assert_eq (strncmp (world_read (spool, "info", NULL), "1:one", 5), 0);
        godwit_sqlite_spool_close (&spool);
        cr_assert_neq (access (path, F_OK), 0);
        end ();
    }
}

Test (owner, one_that_was_moved_accepts_nothing_until_it_is_back)
{
    char other[300];
    begin ();
    snprintf (other, sizeof other, "%s-other", path);
    godwit_spool_t *spool = world_open (path, NULL);
    world_append (spool, "info", "one");
    cr_assert_eq (rename (path, other), 0);
    const uint64_t last = 1 + append_until_it_fails (spool, "/spool was deleted or replaced");
    FILE *const file = fopen (path, "w");
    cr_assert (file);
    fclose (file);
    cr_assert_eq (append_until_it_fails (spool, "/spool was deleted or replaced"), 0);
    cr_assert_eq (rename (other, path), 0);
    cr_assert_eq (world_append (spool, "info", "more"), last + 1);
    cr_assert_eq (rename (path, other), 0);
    godwit_sqlite_spool_close (&spool); /* its WAL belongs to it, wherever it is */
    cr_assert_eq (rename (other, path), 0);
    spool = world_open (path, NULL);
    there_t there = {0};
    MUST (spool->ops->read (spool, "info", NULL, 0, 0, 0, count_one, &there, &error));
    cr_assert_eq (there.count, last + 1);
    cr_assert_eq (there.last, last + 1);
    godwit_sqlite_spool_close (&spool);
    end ();
}

Test (owner, what_is_beside_it_must_stay_there)
{
    static const char *const suffixes[] = {"-wal", "-shm", "-lock"};
    char text[64];
    for (size_t i = 0; i < 3; i++) {
        begin ();
        godwit_spool_t *spool = world_open (path, NULL);
        world_append (spool, "info", "one");
        cr_assert_eq (unlink (with_suffix (suffixes[i])), 0);
        snprintf (text, sizeof text, "/spool%s was deleted or replaced", suffixes[i]);
        const uint64_t last = 1 + append_until_it_fails (spool, text);
        godwit_sqlite_spool_close (&spool);
        spool = world_open (path, NULL);
        there_t there = {0};
        MUST (spool->ops->read (spool, "info", NULL, 0, 0, 0, count_one, &there, &error));
        cr_assert_eq (there.count, last);
        cr_assert_eq (world_append (spool, "info", "more"), last + 1);
        godwit_sqlite_spool_close (&spool);
        end ();
    }
}

/* Each name would have a lock and a WAL of its own. */
Test (owner, a_file_with_two_names_is_not_opened)
{
    char other[300];
    godwit_sqlite_spool_repair_t report;
    begin ();
    snprintf (other, sizeof other, "%s-other", path);
    godwit_spool_t *spool = world_open (path, NULL);
    world_append (spool, "info", "one");
    cr_assert_eq (link (path, other), 0);
    world_open_fails (other, NULL, GODWIT_ERR_SYSTEM, "its file has 2 names (hard links)");
    world_open_fails (other, GODWIT_SQLITE_SPOOL_OPTIONS (.read_only = true), GODWIT_ERR_SYSTEM, other);
    cr_assert_eq (world_append (spool, "info", "two"), 2); /* who has it keeps it */
    godwit_sqlite_spool_close (&spool);
    world_open_fails (path, NULL, GODWIT_ERR_SYSTEM, "delete those that nobody uses");
    cr_assert_eq (godwit_sqlite_spool_repair (path, &report, sizeof report, NULL), GODWIT_ERR_SYSTEM);
    cr_assert_eq (unlink (other), 0);
    spool = world_open (path, NULL);
    MUST_BE (world_read (spool, "info", NULL), "1:one 2:two");
    godwit_sqlite_spool_close (&spool);
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
    demand (ops->remove_pool (of_the_parent, "info", "audit", UINT64_MAX, NULL) == GODWIT_ERR_FORKED, 23);
    demand (ops->flush (of_the_parent, NULL) == GODWIT_ERR_FORKED, 24);
    demand (ops->streams (of_the_parent, see_none, NULL, NULL) == GODWIT_ERR_FORKED, 25);
    demand (godwit_sqlite_spool_open (&spool, path, NULL, NULL) == GODWIT_ERR_FORKED, 26);
    godwit_sqlite_spool_close (&of_the_parent); /* leaves it alone */
    demand (!of_the_parent, 27);
}

Test (owner, a_child_of_a_fork_does_not_use_it)
{
    int output;
    begin ();
    of_the_parent = world_open (path, NULL);
    world_set_pool (of_the_parent, "info", "audit", 0);
    world_append (of_the_parent, "info", "one");
    const pid_t user = start (use_in_child, &output);
    wait_for_success (user, output);
    MUST_BE (world_read (of_the_parent, "info", "audit"), "1:one");
    godwit_sqlite_spool_close (&of_the_parent);
    end ();
}

/* SQLite counts the parent's locks of the file as those of the child, which has none: whoever looks at the
 * file beside it would delete its WAL. So it may not open it, also when the parent has closed it. */
static void
open_when_told (int output)
{
    char byte;
    godwit_spool_t *spool = NULL;
    godwit_error_t *error = NULL;
    demand (write (output, "o", 1) == 1, 30);
    demand (read (STDIN_FILENO, &byte, 1) == 1, 31);
    demand (godwit_sqlite_spool_open (&spool, path, NULL, &error) == GODWIT_ERR_FORKED, 32);
    demand (strstr (godwit_error_message (error), "exec a program that opens it"), 33);
    demand (godwit_sqlite_spool_open (&spool, path, GODWIT_SQLITE_SPOOL_OPTIONS (.read_only = true), NULL) ==
                GODWIT_ERR_FORKED,
            34);
    godwit_sqlite_spool_close (&of_the_parent);
    demand (godwit_sqlite_spool_open (&spool, path, NULL, NULL) == GODWIT_ERR_FORKED, 35);
    godwit_error_destroy (&error);
}

/* Not so the program that a child executes. */
static void
execute_when_told (int output)
{
    char byte, program[PATH_MAX];
    demand (write (output, "o", 1) == 1, 36);
    demand (read (STDIN_FILENO, &byte, 1) == 1, 37);
    const ssize_t size = readlink ("/proc/self/exe", program, sizeof program - sizeof "example");
    demand (size > 0, 38);
    program[size] = '\0';
    strcpy (strrchr (program, '/') + 1, "example");
    demand (dup2 (output, STDOUT_FILENO) == STDOUT_FILENO, 39);
    execl (program, program, path, (char *) NULL);
    _exit (127);
}

static void
begin_before_the_fork (const godwit_sqlite_spool_options_t *options, void run (int output), pid_t *pid,
                       int *output)
{
    int ends[2];
    of_the_parent = world_open (path, options);
    cr_assert_eq (pipe (ends), 0);
    cr_assert_eq (dup2 (ends[0], STDIN_FILENO), STDIN_FILENO);
    *pid = start (run, output);
    expect_byte (*output, 'o');
    godwit_sqlite_spool_close (&of_the_parent);
    cr_assert_eq (write (ends[1], "g", 1), 1);
    close (ends[0]);
    close (ends[1]);
}

Test (owner, what_was_open_at_the_fork_is_not_opened_in_the_child)
{
    pid_t pid;
    int output;
    begin ();
    begin_before_the_fork (NULL, open_when_told, &pid, &output);
    wait_for_success (pid, output);
    begin_before_the_fork (GODWIT_SQLITE_SPOOL_OPTIONS (.read_only = true), open_when_told, &pid, &output);
    wait_for_success (pid, output);
    begin_before_the_fork (NULL, execute_when_told, &pid, &output);
    expect_byte (output, 'r'); /* "ready" */
    kill_and_wait (pid, output);
    end ();
}

/* A child that outlives the one that owned it. */
static void
outlive (int output)
{
    int ends[2];
    char byte;
    godwit_spool_t *spool = NULL;
    demand (pipe (ends) == 0, 30);
    demand (godwit_sqlite_spool_open (&of_the_parent, path, NULL, NULL) == GODWIT_OK, 31);
    if (fork ())
        _exit (0);
    close (ends[1]);
    demand (read (ends[0], &byte, 1) == 0, 32); /* the end of its parent */
    const godwit_status_t status = godwit_sqlite_spool_open (&spool, path, NULL, NULL);
    demand (write (output, status == GODWIT_ERR_FORKED ? "f" : "?", 1) == 1, 33);
}

Test (owner, nor_when_the_parent_is_dead)
{
    int output;
    const char *const sanitizer = getenv ("GODWIT_SANITIZE");
    if (sanitizer && strstr (sanitizer, "thread"))
        cr_skip_test ("ThreadSanitizer lets no child of a process with threads start one");
    begin ();
    const pid_t pid = start (outlive, &output);
    expect_byte (output, 'f');
    wait_for_success (pid, output);
    godwit_spool_t *spool = world_open (path, NULL); /* anybody else may */
    godwit_sqlite_spool_close (&spool);
    end ();
}

/* ---- fork beside other threads ---- */

static atomic_bool has_forked;
static atomic_int asker;

/* Holds up whoever opens PATH-lock, which is a pipe here, until the fork is over. That it waits for those who
 * open it is right, too. */
static void *
let_go (void *user)
{
    for (int i = 0; i < 100 && !atomic_load (&has_forked); i++)
        usleep (5000);
    const int fd = open (user, O_WRONLY | O_CLOEXEC);
    cr_assert_geq (fd, 0);
    close (fd);
    return NULL;
}

static void *
ask_for_the_owner (void *user)
{
    atomic_store ((atomic_int *) user, gettid ());
    cr_assert_not (godwit_sqlite_spool_owner (path, NULL, 0));
    return NULL;
}

static void
ask_in_child (int output)
{
    (void) output;
    alarm (10);
    strcat (path, "-other");
    demand (!godwit_sqlite_spool_owner (path, NULL, 0), 50);
}

static bool
is_asleep (pid_t thread)
{
    char name[64], state = '?';
    snprintf (name, sizeof name, "/proc/self/task/%ld/stat", (long) thread);
    FILE *const file = fopen (name, "r");
    const bool is_read = file && fscanf (file, "%*d (%*[^)]) %c", &state) == 1;
    if (file)
        fclose (file);
    return is_read && state == 'S';
}

static void
make_file (const char *suffix)
{
    char name[300];
    snprintf (name, sizeof name, "%s%s", path, suffix);
    FILE *const file = fopen (name, "w");
    cr_assert (file);
    fclose (file);
}

Test (owner, a_child_does_not_wait_for_a_thread_of_its_parent)
{
    pthread_t asking, letting_go;
    char lock[300];
    int output;
    begin ();
    snprintf (lock, sizeof lock, "%s-lock", path);
    cr_assert_eq (mkfifo (lock, 0600), 0);
    make_file ("");
    make_file ("-other");
    make_file ("-other-lock");
    cr_assert_eq (pthread_create (&asking, NULL, ask_for_the_owner, &asker), 0);
    while (!atomic_load (&asker) || !is_asleep (atomic_load (&asker)))
        sched_yield ();
    cr_assert_eq (pthread_create (&letting_go, NULL, let_go, lock), 0);
    const pid_t pid = start (ask_in_child, &output);
    atomic_store (&has_forked, true);
    wait_for_success (pid, output);
    pthread_join (asking, NULL);
    pthread_join (letting_go, NULL);
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
