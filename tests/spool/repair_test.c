/* SPDX-License-Identifier: Apache-2.0 */
/* A repair that fails, or is killed, at any of its steps: nothing is lost, and the next one ends it. */
#include "tests/spool/spool_world.h"
#include "tests/support/must.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite (repair, .timeout = 110);

#define IN_FILE 60 /* items in the file, one of which is damaged */
#define IN_WAL 5

static char path[200];

/* ---- renaming that fails ---- */

enum { NEVER = 1000 };

static int steps;                /* links and renames, since the repair began */
static int fail_once_at = NEVER; /* this one fails */
static int fail_at = NEVER;      /* this one, and all after it, fail */
static int kill_at = NEVER;      /* the process dies at this one */
static bool kill_is_after;       /* when it was done */

/* The spool's calls come here: the linker prefers the program's functions to those of libc. */
static int
step (bool is_link, const char *from, const char *to)
{
    const int now = ++steps;
    if (now == kill_at && !kill_is_after)
        kill (getpid (), SIGKILL);
    if (now >= fail_at || now == fail_once_at) {
        errno = EROFS;
        return -1;
    }
    const int result = (int) (is_link ? syscall (SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0)
                                      : syscall (SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
    if (now == kill_at)
        kill (getpid (), SIGKILL);
    return result;
}

int rename (const char *from, const char *to);
int
rename (const char *from, const char *to)
{
    return step (false, from, to);
}

int link (const char *from, const char *to);
int
link (const char *from, const char *to)
{
    return step (true, from, to);
}

/* ---- a damaged spool, with a WAL ---- */

static bool
exists (const char *suffix)
{
    char name[300];
    snprintf (name, sizeof name, "%s%s", path, suffix);
    return access (name, F_OK) == 0;
}

/* Of the process that has the last items, nothing is left but its files. */
static void
append_and_die (void)
{
    const pid_t pid = fork ();
    cr_assert_geq (pid, 0);
    if (pid == 0) {
        godwit_spool_t *spool = NULL;
        if (godwit_sqlite_spool_open (&spool, path, NULL, NULL))
            _exit (1);
        for (int i = 1; i <= IN_WAL; i++) {
            godwit_spool_item_t item = {.stream = "info", .data = "of the WAL", .size = 10};
            if (spool->ops->append (spool, &item, 1, NULL, NULL, NULL))
                _exit (2);
        }
        kill (getpid (), SIGKILL);
    }
    int status;
    cr_assert_eq (waitpid (pid, &status, 0), pid);
    cr_assert (WIFSIGNALED (status), "status %x", (unsigned) status);
    cr_assert (exists ("-wal"));
}

/* Writes over a text wherever it is in the file: also in what is left of pages that were split. */
static void
damage (const char *text)
{
    static char bytes[1 << 20];
    const int fd = open (path, O_RDWR | O_CLOEXEC);
    const ssize_t size = read (fd, bytes, sizeof bytes);
    const char *at = bytes;
    int count = 0;
    for (; (at = memmem (at, (size_t) (bytes + size - at), text, strlen (text))); at++, count++)
        cr_assert_eq (pwrite (fd, "XXX", 3, at - bytes), 3);
    cr_assert_gt (count, 0);
    close (fd);
}

static void
begin (void)
{
    char text[300];
    strcpy (path, world_path (world_folder (), "spool"));
    godwit_spool_t *spool = world_open (path, NULL);
    for (int i = 1; i <= IN_FILE; i++) {
        snprintf (text, sizeof text, "item %d %0200d", i, 0);
        world_append (spool, "info", text);
    }
    godwit_sqlite_spool_close (&spool);
    append_and_die ();
    damage ("item 2 ");
}

static void
end (void)
{
    *strrchr (path, '/') = '\0';
    world_remove (path);
}

/* What a repair in a process of its own ends with. */
static int
repair_in_child (void)
{
    const pid_t pid = fork ();
    cr_assert_geq (pid, 0);
    if (pid == 0) {
        godwit_sqlite_spool_repair_t report;
        steps = 0;
        _exit ((int) godwit_sqlite_spool_repair (path, &report, sizeof report, NULL));
    }
    int status;
    cr_assert_eq (waitpid (pid, &status, 0), pid);
    kill_at = fail_at = fail_once_at = NEVER;
    return status;
}

/* Whatever was broken off before: all but the damaged item is there, and is told. */
static void
assert_repaired (const char *when, int at)
{
    godwit_sqlite_spool_repair_t report;
    MUST (godwit_sqlite_spool_repair (path, &report, sizeof report, &error));
    cr_assert (report.is_damaged, "%s %d", when, at);
    cr_assert_eq (report.kept, IN_FILE + IN_WAL - 1, "%s %d: %" PRIu64 " are kept", when, at, report.kept);
    cr_assert_eq (report.lost, 1, "%s %d: %" PRIu64 " are lost", when, at, report.lost);
    cr_assert (strstr (report.damaged, "/spool-damaged-1"), "%s", report.damaged);
    cr_assert (exists ("-damaged-1") && exists ("-damaged-1-wal"), "%s %d", when, at);
    cr_assert (!exists ("-damaged-2") && !exists ("-saved") && !exists ("-saved-copy"), "%s %d", when, at);
    godwit_spool_t *spool = world_open (path, NULL);
    cr_assert_eq (world_append (spool, "info", "next"), IN_FILE + IN_WAL + 1, "%s %d", when, at);
    godwit_sqlite_spool_close (&spool);
}

/* How many steps a repair has that nothing stops. */
static int
count_steps (void)
{
    godwit_sqlite_spool_repair_t report;
    begin ();
    steps = 0;
    MUST (godwit_sqlite_spool_repair (path, &report, sizeof report, &error));
    end ();
    return steps;
}

/* ---- tests ---- */

Test (repair, that_fails_at_a_step_has_changed_nothing)
{
    const int count = count_steps ();
    cr_assert_geq (count, 3);
    for (int at = 1; at <= count; at++) {
        godwit_sqlite_spool_repair_t report;
        godwit_error_t *failure = NULL;
        begin ();
        steps = 0;
        fail_once_at = at;
        cr_assert_eq (godwit_sqlite_spool_repair (path, &report, sizeof report, &failure), GODWIT_ERR_SYSTEM);
        fail_once_at = NEVER;
        cr_assert (strstr (godwit_error_message (failure), "Read-only file system; nothing was changed"),
                   "%s", godwit_error_message (failure));
        godwit_error_destroy (&failure);
        cr_assert (exists ("-wal") && !exists ("-damaged-1") && !exists ("-damaged-1-wal"), "step %d", at);
        assert_repaired ("a failure of step", at);
        end ();
    }
}

/* What was begun cannot be undone at once either: the text does not say that nothing was changed. */
Test (repair, of_a_disk_that_turns_read_only_is_undone_by_the_next_one)
{
    const int count = count_steps ();
    for (int at = 2; at <= count; at++) {
        godwit_sqlite_spool_repair_t report;
        godwit_error_t *failure = NULL;
        begin ();
        steps = 0;
        fail_at = at;
        cr_assert_eq (godwit_sqlite_spool_repair (path, &report, sizeof report, &failure), GODWIT_ERR_SYSTEM);
        fail_at = NEVER;
        if (at == count)
            cr_assert (strstr (godwit_error_message (failure), "the next repair undoes what was begun"), "%s",
                       godwit_error_message (failure));
        godwit_error_destroy (&failure);
        assert_repaired ("no renaming from step", at);
        end ();
    }
}

Test (repair, that_is_killed_at_a_step_loses_nothing)
{
    const int count = count_steps ();
    for (int at = 1; at < 2 * count; at++) { /* when the last one was done, all is done */
        begin ();
        kill_at = (at + 1) / 2;
        kill_is_after = at % 2 == 0;
        const int status = repair_in_child ();
        cr_assert (WIFSIGNALED (status), "%d: %x", at, (unsigned) status);
        assert_repaired ("a kill at step", at);
        end ();
    }
}

/* The program's next start: it finds what it had, and is told that it is damaged. */
Test (repair, that_is_killed_leaves_what_a_program_opens_as_before)
{
    const int count = count_steps ();
    for (int at = 1; at < 2 * count; at++) {
        begin ();
        kill_at = (at + 1) / 2;
        kill_is_after = at % 2 == 0;
        cr_assert (WIFSIGNALED (repair_in_child ()));
        godwit_spool_t *spool = world_open (path, NULL);
        cr_assert_eq (world_append (spool, "info", "next"), IN_FILE + IN_WAL + 1, "step %d", at);
        godwit_sqlite_spool_close (&spool);
        cr_assert (!exists ("-damaged-1"), "step %d", at);
        end ();
    }
}

/* Undoing takes steps, too. */
Test (repair, that_is_killed_while_it_undoes_one_loses_nothing)
{
    const int count = count_steps ();
    for (int at = 1; at <= 2; at++) {
        begin ();
        kill_at = count;
        cr_assert (WIFSIGNALED (repair_in_child ()));
        kill_at = 1;
        kill_is_after = at == 2;
        cr_assert (WIFSIGNALED (repair_in_child ()));
        kill_is_after = false;
        assert_repaired ("a kill at step", at);
        end ();
    }
}

/* Who only looks changes nothing, and would see a file without its WAL. */
Test (repair, that_is_broken_off_is_told_to_those_who_look)
{
    kill_at = count_steps ();
    begin ();
    cr_assert (WIFSIGNALED (repair_in_child ()));
    world_open_fails (path, GODWIT_SQLITE_SPOOL_OPTIONS (.read_only = true), GODWIT_ERR_SYSTEM,
                      "a repair of it is under way, or was broken off");
    assert_repaired ("a look", 0);
    end ();
}

/* ---- whose the files are ---- */

#define NOBODY 65534

static struct stat
look_at (const char *suffix)
{
    char name[300];
    struct stat file;
    snprintf (name, sizeof name, "%s%s", path, suffix);
    cr_assert_eq (stat (name, &file), 0, "%s", name);
    return file;
}

Test (repair, keeps_the_mode)
{
    begin ();
    cr_assert_eq (chmod (path, 0640), 0);
    assert_repaired ("a mode", 0);
    cr_assert_eq (look_at ("").st_mode & 07777, 0640, "%o", look_at ("").st_mode);
    end ();
}

/* Or the service could not open its spool afterwards. */
Test (repair, by_root_keeps_the_owner)
{
    char lock[300];
    godwit_sqlite_spool_repair_t report;
    if (geteuid () != 0)
        cr_skip_test ("only root gives files away");
    begin ();
    cr_assert_eq (chown (path, NOBODY, NOBODY), 0);
    snprintf (lock, sizeof lock, "%s-lock", path);
    unlink (lock);
    MUST (godwit_sqlite_spool_repair (path, &report, sizeof report, &error));
    cr_assert (report.is_damaged);
    static const char *const suffixes[] = {"", "-lock", "-damaged-1"};
    for (int i = 0; i < 3; i++) {
        const struct stat file = look_at (suffixes[i]);
        cr_assert (file.st_uid == NOBODY && file.st_gid == NOBODY, "%s: %u", suffixes[i], file.st_uid);
        cr_assert_eq (file.st_mode & 0777, 0600);
    }
    end ();
}

/* A lock that is there already may be anybody's. */
Test (repair, by_root_gives_no_file_away_that_was_there)
{
    char lock[300];
    godwit_sqlite_spool_repair_t report;
    if (geteuid () != 0)
        cr_skip_test ("only root gives files away");
    begin ();
    cr_assert_eq (chown (path, NOBODY, NOBODY), 0);
    snprintf (lock, sizeof lock, "%s-lock", path);
    cr_assert_eq (chown (lock, 0, 0), 0);
    MUST (godwit_sqlite_spool_repair (path, &report, sizeof report, &error));
    cr_assert_eq (look_at ("-lock").st_uid, 0);
    end ();
}

/* ---- a file without a byte ---- */

static uint64_t
size_of (const char *suffix)
{
    char name[300];
    struct stat file;
    snprintf (name, sizeof name, "%s%s", path, suffix);
    return stat (name, &file) == 0 ? (uint64_t) file.st_size : 0;
}

/* As some file systems leave it after a crash, or a command that began with "> spool". */
Test (repair, of_a_file_that_was_emptied_reads_its_wal)
{
    godwit_sqlite_spool_repair_t report;
    strcpy (path, world_path (world_folder (), "spool"));
    append_and_die ();
    const uint64_t size = size_of ("-wal");
    cr_assert_eq (truncate (path, 0), 0);
    world_open_fails (path, NULL, GODWIT_ERR_MALFORMED, "it is empty, and ");
    world_open_fails (path, GODWIT_SQLITE_SPOOL_OPTIONS (.read_only = true), GODWIT_ERR_MALFORMED,
                      "spool-wal has ");
    cr_assert_eq (size_of (""), 0);
    cr_assert_eq (size_of ("-wal"), size);
    MUST (godwit_sqlite_spool_repair (path, &report, sizeof report, &error));
    cr_assert (report.is_damaged);
    cr_assert_eq (report.kept, IN_WAL, "kept %" PRIu64, report.kept);
    cr_assert_eq (size_of ("-damaged-1-wal"), size);
    end ();
}

/* The WAL has the pages that were written last; without those that lead to them nothing is found. */
Test (repair, of_a_file_that_was_emptied_leaves_what_it_cannot_read)
{
    godwit_sqlite_spool_repair_t report;
    begin ();
    const uint64_t size = size_of ("-wal");
    cr_assert_eq (truncate (path, 0), 0);
    cr_assert_eq (godwit_sqlite_spool_repair (path, &report, sizeof report, NULL), GODWIT_ERR_MALFORMED);
    cr_assert_eq (size_of (""), 0);
    cr_assert_eq (size_of ("-wal"), size);
    cr_assert (!exists ("-damaged-1") && !exists ("-saved") && !exists ("-saved-copy"));
    end ();
}

/* ---- a damaged WAL ---- */

/* It cannot be told from one whose end was never written: it ends where the damage is. What is before it is
 * right, and nothing is read of what is behind it. */
Test (repair, of_a_damaged_wal_keeps_what_is_before_the_damage)
{
    godwit_sqlite_spool_repair_t report;
    char name[300];
    strcpy (path, world_path (world_folder (), "spool"));
    append_and_die ();
    snprintf (name, sizeof name, "%s-wal", path);
    const int fd = open (name, O_RDWR | O_CLOEXEC);
    cr_assert_eq (pwrite (fd, "X", 1, (off_t) size_of ("-wal") - 4120 - 10), 1); /* the last frame but one */
    close (fd);
    godwit_spool_t *spool = world_open (path, NULL);
    const char *const found = world_read (spool, "info", NULL);
    cr_assert_eq (strncmp (found, "1:of the WAL 2:of the WAL", 25), 0, "%s", found);
    cr_assert (!strstr (found, "4:") && !strstr (found, "5:"), "%s", found);
    godwit_sqlite_spool_close (&spool);
    MUST (godwit_sqlite_spool_repair (path, &report, sizeof report, &error));
    cr_assert (!report.is_damaged, "%s", report.found);
    end ();
}

/* WALs that are left of a damaged file whose name was deleted are nobody's. */
Test (repair, takes_a_name_that_has_no_wal_either)
{
    godwit_sqlite_spool_repair_t report;
    char name[300];
    begin ();
    snprintf (name, sizeof name, "%s-damaged-1-wal", path);
    FILE *const old = fopen (name, "w");
    cr_assert (old);
    fputs ("old", old);
    fclose (old);
    MUST (godwit_sqlite_spool_repair (path, &report, sizeof report, &error));
    cr_assert (strstr (report.damaged, "/spool-damaged-2"), "%s", report.damaged);
    cr_assert_eq (report.lost, 1);
    end ();
}
