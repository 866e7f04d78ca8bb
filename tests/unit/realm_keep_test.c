/* SPDX-License-Identifier: Apache-2.0 */
/* Bulletins that others tell outlive the processes: where they are written, and by whom. */
#include "src/realm/realm_inside.h"
#include "tests/support/realm_host.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

TestSuite (realm_keep, .timeout = 60);

static godwit__test_realm_t *files;
static realm_host_t host, peer;
static char state_folder[] = "/tmp/godwit-keep-XXXXXX", state_file[64];
static const char *member; /* of both: two processes of one host */
static char beside[4096];

static void
make_realm (void)
{
    files = godwit__test_realm_new (1);
    host.files = peer.files = files;
    host.now = peer.now = REALM_HOST_NOW;
    member = realm_host_issue (files, "host");
    snprintf (beside, sizeof beside, "%s/host.bulletin", godwit__test_realm_folder (files));
    cr_assert (mkdtemp (state_folder));
    snprintf (state_file, sizeof state_file, "%s/host.bulletin", state_folder);
}

static void
remove_realm (void)
{
    godwit__realm_close (&host.realm);
    godwit__realm_close (&peer.realm);
    godwit__test_realm_destroy (&files);
    unlink (state_file);
    cr_assert_eq (rmdir (state_folder), 0);
}

#define KeepTest(name_) Test (realm_keep, name_, .init = make_realm, .fini = remove_realm)

static void
open_at (realm_host_t *process, const char *path, const char *state)
{
    const godwit__realm_options_t options = {.path = path,
                                             .keeps_bulletins = true,
                                             .state_folder = state,
                                             .now_s = realm_host_now,
                                             .now_user = process,
                                             .note = realm_host_note,
                                             .note_user = process};
    godwit__realm_close (&process->realm);
    process->notes[0] = '\0';
    MUST (godwit__realm_open (&process->realm, &options, &error));
}

static void
look (realm_host_t *process)
{
    MUST (godwit__realm_look (process->realm, false, &error));
}

/* A bulletin with the next number comes from another process. */
static void
tell_next (realm_host_t *process)
{
    godwit__test_realm_revoke_serial (files, 5);
    const godwit__bulletin_t *const bulletin = godwit__test_realm_bulletin (files);
    MUST (godwit__realm_take_bulletin (process->realm, bulletin->sealed, bulletin->sealed_size, &error));
}

/* The number of the bulletin in a file; 0: there is no file. */
static uint64_t
number_in (const char *path)
{
    uint8_t bytes[GODWIT__BULLETIN_SEALED_MAX], key[1][GODWIT__PUBLIC_SIZE];
    godwit__bulletin_t *bulletin = NULL;
    const int fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    const ssize_t size = read (fd, bytes, sizeof bytes);
    close (fd);
    memcpy (key[0], godwit__test_realm_key (files), sizeof key[0]);
    MUST (godwit__bulletin_open (&bulletin, bytes, (size_t) size,
                                 (const uint8_t (*)[GODWIT__PUBLIC_SIZE]) key, 1, &error));
    const uint64_t number = bulletin->number;
    godwit__bulletin_unref (&bulletin);
    return number;
}

/* Nothing is left beside it under a name of its own. */
static size_t
count_files (const char *folder)
{
    size_t count = 0;
    DIR *const entries = opendir (folder);
    for (const struct dirent *entry; (entry = readdir (entries));)
        count += entry->d_name[0] != '.';
    closedir (entries);
    return count;
}

KeepTest (what_a_peer_tells_outlives_the_process)
{
    struct stat state;
    open_at (&host, member, NULL);
    look (&host);
    cr_assert_eq (number_in (beside), 0); /* there is none yet */
    tell_next (&host);
    cr_assert_eq (number_in (beside), 0); /* not on the thread of a connection */
    look (&host);
    cr_assert_eq (number_in (beside), 1);
    cr_assert_eq (stat (beside, &state), 0);
    cr_assert_eq (state.st_mode & 07777, 0644);
    cr_assert_eq (count_files (godwit__test_realm_folder (files)), 2);
    open_at (&host, member, NULL);
    cr_assert_eq (godwit__realm_bulletin_number (host.realm), 1);
    cr_assert_str_eq (host.notes, "");
}

KeepTest (it_is_written_once)
{
    struct stat before, after;
    open_at (&host, member, state_folder);
    open_at (&peer, member, state_folder);
    tell_next (&host);
    look (&host);
    cr_assert_eq (stat (beside, &before), 0);
    look (&peer); /* reads it */
    cr_assert_eq (godwit__realm_bulletin_number (peer.realm), 1);
    for (int i = 0; i < 3; i++) {
        look (&host);
        look (&peer);
    }
    cr_assert_eq (stat (beside, &after), 0);
    cr_assert_eq (before.st_ino, after.st_ino);
    cr_assert_eq (number_in (state_file), 0);
    cr_assert_eq (godwit__realm_bulletin_number (host.realm), 1);
}

/* Two processes have looked at the same time, and the one with the older bulletin has written last. */
KeepTest (an_older_one_that_has_won_a_race_is_replaced)
{
    open_at (&host, member, NULL);
    tell_next (&host);
    look (&host);
    look (&host);
    godwit__bulletin_t *first = godwit__realm_bulletin (host.realm);
    tell_next (&host);
    look (&host);
    cr_assert_eq (number_in (beside), 2);
    godwit__test_write_file (beside, first->sealed, first->sealed_size, 0644);
    look (&host);
    cr_assert_eq (number_in (beside), 2);
    cr_assert_eq (unlink (beside), 0); /* and one that is gone */
    look (&host);
    cr_assert_eq (number_in (beside), 2);
    cr_assert_eq (godwit__realm_bulletin_number (host.realm), 2);
    cr_assert_not (realm_host_said (&host, "warning"), "%s", host.notes);
    godwit__bulletin_unref (&first);
}

KeepTest (a_newer_one_that_is_there_stays)
{
    open_at (&host, member, NULL);
    tell_next (&host);
    godwit__test_realm_revoke_serial (files, 6);
    godwit__test_realm_put_bulletin (files, "host");
    look (&host);
    cr_assert_eq (number_in (beside), 2);
    cr_assert_eq (godwit__realm_bulletin_number (host.realm), 2);
}

/* Left by a realm key that was dropped: once; a process that still trusts it does not take turns with us. */
KeepTest (one_of_a_strange_realm_key_is_replaced_once)
{
    godwit__test_realm_t *foreign = godwit__test_realm_foreign (files, 2);
    godwit__test_realm_revoke_serial (foreign, 5);
    const godwit__bulletin_t *const strange = godwit__test_realm_bulletin (foreign);
    godwit__test_write_file (beside, strange->sealed, strange->sealed_size, 0644);
    open_at (&host, member, NULL);
    look (&host);
    tell_next (&host);
    look (&host);
    cr_assert_eq (number_in (beside), 1);
    godwit__test_write_file (beside, strange->sealed, strange->sealed_size, 0644);
    for (int i = 0; i < 3; i++)
        look (&host);
    cr_assert_eq (host.realm->bulletins[GODWIT__BULLETIN_BESIDE].number, 0);
    tell_next (&host);
    look (&host);
    cr_assert_eq (number_in (beside), 2);
    godwit__test_realm_destroy (&foreign);
}

/* ---- power cuts, and kills ---- */

static bool dies_in_sync;
static uint64_t synced; /* the number in the file `beside` when its folder was synced last */

/* Instead of the system's. */
int
fsync (int fd)
{
    struct stat status, folder;
    if (dies_in_sync)
        _exit (1);
    if (fstat (fd, &status) == 0 && stat (godwit__test_realm_folder (files), &folder) == 0 &&
        status.st_ino == folder.st_ino)
        synced = number_in (beside);
    return (int) syscall (SYS_fsync, fd);
}

KeepTest (a_new_name_outlives_a_power_cut)
{
    open_at (&host, member, NULL);
    for (uint64_t number = 1; number <= 2; number++) {
        tell_next (&host);
        look (&host);
        cr_assert_eq (synced, number);
    }
}

static void
leave (const char *name, int64_t age_s)
{
    char path[4096];
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time (NULL) - age_s}};
    snprintf (path, sizeof path, "%s/%s", godwit__test_realm_folder (files), name);
    godwit__test_write_file (path, "x", 1, 0600);
    cr_assert_eq (utimensat (AT_FDCWD, path, times, 0), 0);
}

static bool
is_there (const char *name)
{
    char path[4096];
    snprintf (path, sizeof path, "%s/%s", godwit__test_realm_folder (files), name);
    return access (path, F_OK) == 0;
}

KeepTest (what_a_killed_process_has_left_is_removed)
{
    static const char *const strange[] = {"host.bulletin.backup", "other.bulletin.new-aBc123",
                                          "host.member.new-aBc123", "a-host.bulletin.new-aBc123"};
    open_at (&host, member, NULL);
    leave ("host.bulletin.new-aBc123", 3700);
    leave ("host.bulletin.new-aBc124", 3500); /* somebody may write it just now */
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++)
        leave (strange[i], 3700);
    tell_next (&host);
    look (&host);
    cr_assert_eq (number_in (beside), 1);
    cr_assert_not (is_there ("host.bulletin.new-aBc123"));
    cr_assert (is_there ("host.bulletin.new-aBc124"));
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++)
        cr_assert (is_there (strange[i]), "%s", strange[i]);
}

/* It has the name that is removed. */
KeepTest (a_process_that_is_killed_leaves_that)
{
    DIR *entries;
    bool is_left = false;
    open_at (&host, member, NULL);
    tell_next (&host);
    const pid_t child = fork ();
    cr_assert_geq (child, 0);
    if (child == 0) {
        dies_in_sync = true;
        look (&host);
        _exit (0);
    }
    cr_assert_eq (waitpid (child, NULL, 0), child);
    entries = opendir (godwit__test_realm_folder (files));
    for (const struct dirent *entry; (entry = readdir (entries));)
        is_left |= strncmp (entry->d_name, "host.bulletin.new-", 18) == 0 && strlen (entry->d_name) == 24;
    closedir (entries);
    cr_assert (is_left);
}

/* ---- where no file can be made beside the member file, not even by root ---- */

static int closed_folder;
static char closed[64];

static void
open_closed (realm_host_t *process, const char *state)
{
    closed_folder = open (member, O_RDONLY | O_CLOEXEC);
    cr_assert_geq (closed_folder, 0);
    snprintf (closed, sizeof closed, "/proc/self/fd/%d", closed_folder);
    snprintf (state_file, sizeof state_file, "%s/%d.bulletin", state_folder, closed_folder);
    open_at (process, closed, state);
}

KeepTest (otherwise_it_is_in_the_state_folder)
{
    open_closed (&host, state_folder);
    tell_next (&host);
    look (&host);
    cr_assert_eq (number_in (state_file), 1);
    cr_assert_eq (count_files (state_folder), 1);
    cr_assert_not (realm_host_said (&host, "cannot write"), "%s", host.notes);
    open_at (&host, closed, state_folder);
    cr_assert_eq (godwit__realm_bulletin_number (host.realm), 1);
    close (closed_folder);
}

KeepTest (or_it_is_said_once_that_there_is_no_place)
{
    open_closed (&host, NULL);
    look (&host);
    cr_assert_str_eq (host.notes, ""); /* nothing has to be written yet */
    tell_next (&host);
    look (&host);
    cr_assert (realm_host_said (&host, ".bulletin: cannot write it: "), "%s", host.notes);
    cr_assert (
        realm_host_said (&host, "; bulletins are not kept here, and a process that starts has to be told"),
        "%s", host.notes);
    cr_assert_not (realm_host_said (&host, "warning"), "%s", host.notes);
    host.notes[0] = '\0';
    look (&host);
    tell_next (&host);
    look (&host);
    cr_assert_not (realm_host_said (&host, "cannot write"), "%s", host.notes);
    MUST (godwit__realm_look (host.realm, true, &error)); /* nor is it an error of a reload */
    close (closed_folder);
}

KeepTest (of_two_files_the_higher_number_holds)
{
    open_at (&host, member, state_folder);
    tell_next (&host);
    const godwit__bulletin_t *bulletin = godwit__test_realm_bulletin (files);
    godwit__test_write_file (beside, bulletin->sealed, bulletin->sealed_size, 0644);
    tell_next (&host);
    bulletin = godwit__test_realm_bulletin (files);
    godwit__test_write_file (state_file, bulletin->sealed, bulletin->sealed_size, 0644);
    open_at (&host, member, state_folder);
    cr_assert_eq (godwit__realm_bulletin_number (host.realm), 2);
    cr_assert_eq (unlink (state_file), 0);
    open_at (&host, member, state_folder);
    cr_assert_eq (godwit__realm_bulletin_number (host.realm), 1);
}

/* A simulated cluster touches no file. */
KeepTest (who_is_not_told_to_keep_them_writes_nothing)
{
    realm_host_open (&host, member);
    tell_next (&host);
    look (&host);
    cr_assert_eq (number_in (beside), 0);
    cr_assert_not (realm_host_said (&host, "not kept"), "%s", host.notes);
}
