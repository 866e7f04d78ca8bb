/* SPDX-License-Identifier: Apache-2.0 */
/* The private folder: which, checked how, and the sockets in it. */
#include "src/folder/folder_connect.h"
#include "src/folder/folder_listen.h"
#include "src/folder/folder_lock.h"
#include "src/folder/folder_sweep.h"
#include "src/folder/folder_uid.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOBODY 65534
#define BACKLOG 16
#define AN_HOUR 3600

TestSuite (folder, .timeout = 20);

/* A new folder for the test, where nothing is yet. */
static const char *
place (void)
{
    static char path[128];
    snprintf (path, sizeof path, "/tmp/godwit-folder-test-XXXXXX");
    cr_assert (mkdtemp (path));
    return path;
}

static const char *
below (const char *parent, const char *name)
{
    static char path[256];
    snprintf (path, sizeof path, "%s/%s", parent, name);
    return path;
}

static void
clean (const char *path)
{
    char command[300];
    snprintf (command, sizeof command, "rm -rf '%s'", path);
    cr_assert_eq (system (command), 0);
}

static godwit__folders_t
folders_at (const char *path)
{
    godwit__folders_t folders;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit__folders_init (&folders, path, &error), GODWIT_OK, "%s",
                  godwit_error_message (error));
    return folders;
}

static godwit__folders_t
open_at (const char *path)
{
    godwit__folders_t folders = folders_at (path);
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit__folder_open (&folders.list[0], &error), GODWIT_OK, "%s",
                  godwit_error_message (error));
    return folders;
}

/* It cannot be used, and the text says why. */
static void
assert_refused (const char *path, const char *why)
{
    godwit__folders_t folders = folders_at (path);
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit__folder_open (&folders.list[0], &error), GODWIT_ERR_SYSTEM);
    cr_assert (strstr (godwit_error_message (error), why), "%s", godwit_error_message (error));
    cr_assert (strstr (godwit_error_message (error), "GODWIT_DIR"), "%s", godwit_error_message (error));
    cr_assert_eq (folders.list[0].fd, -1);
    godwit_error_destroy (&error);
    godwit__folders_close (&folders);
}

static int
listen_in (const godwit__folder_t *folder, const char *wanted, godwit__folder_name_t *name)
{
    int fd = -1;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit__folder_listen (folder, wanted, BACKLOG, name, &fd, NULL, &error), GODWIT_OK, "%s",
                  godwit_error_message (error));
    return fd;
}

static void
make_old (const godwit__folder_t *folder, const char *name)
{
    const struct timespec old = {time (NULL) - AN_HOUR, 0};
    const struct timespec times[2] = {old, old};
    cr_assert_eq (utimensat (folder->fd, name, times, AT_SYMLINK_NOFOLLOW), 0);
}

static bool
is_there (const godwit__folder_t *folder, const char *name)
{
    return faccessat (folder->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Runs it in a child of this process, or of another user; false: there is no right to become one. */
static bool
run_as (uid_t uid, bool (*run) (void *), void *arg)
{
    int status = 0;
    if (uid && geteuid () != 0)
        return false;
    const pid_t child = fork ();
    cr_assert_geq (child, 0);
    if (child == 0) {
        if (uid && (setgroups (0, NULL) || setgid (uid) || setuid (uid)))
            _exit (2);
        _exit (run (arg) ? 0 : 1);
    }
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0, "status %x", (unsigned) status);
    return true;
}

/* ---- which ---- */

Test (folder, the_variable_names_it)
{
    godwit__folders_t folders;
    setenv ("GODWIT_DIR", "/tmp/here//", 1);
    cr_assert_eq (godwit__folders_init (&folders, NULL, NULL), GODWIT_OK);
    cr_assert_eq (folders.count, 1);
    cr_assert_str_eq (folders.list[0].path, "/tmp/here");
    cr_assert_eq (godwit__folders_init (&folders, "/tmp/there", NULL), GODWIT_OK);
    cr_assert_str_eq (folders.list[0].path, "/tmp/there");
    setenv ("GODWIT_DIR", "", 1);
    cr_assert_eq (godwit__folders_init (&folders, NULL, NULL), GODWIT_OK);
    cr_assert_eq (folders.count, 2);
}

Test (folder, without_it_there_are_two)
{
    godwit__folders_t folders;
    char expected[64];
    unsetenv ("GODWIT_DIR");
    setenv ("XDG_RUNTIME_DIR", "/tmp/elsewhere", 1);
    cr_assert_eq (godwit__folders_init (&folders, NULL, NULL), GODWIT_OK);
    cr_assert_eq (folders.count, 2);
    snprintf (expected, sizeof expected, "/run/user/%u/godwit", (unsigned) geteuid ());
    cr_assert_str_eq (folders.list[0].path, expected);
    snprintf (expected, sizeof expected, "/tmp/godwit-%u", (unsigned) geteuid ());
    cr_assert_str_eq (folders.list[1].path, expected);
}

Test (folder, names_that_cannot_be_used)
{
    static const char *const names[] = {"",         "relative/one",  "/",        "/tmp/..", "/tmp/",
                                        "/tmp/a b", "/tmp/\xc3\xa4", "/tmp/a\nb"};
    char longer[400];
    godwit__folders_t folders;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        godwit_error_t *error = NULL;
        const bool is_usable = !strcmp (names[i], "/tmp/");
        const godwit_status_t status = godwit__folders_init (&folders, names[i], &error);
        cr_assert_eq (status, is_usable ? GODWIT_OK : GODWIT_ERR_INVALID_ARGUMENT, "%s", names[i]);
        cr_assert (is_usable || strstr (godwit_error_message (error), "Option runtime_dir: expected"));
        godwit_error_destroy (&error);
    }
    memset (longer, 'x', sizeof longer);
    longer[0] = '/';
    longer[200] = '\0';
    cr_assert_eq (godwit__folders_init (&folders, longer, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    longer[GODWIT__FOLDER_PATH_SIZE - 1] = '\0';
    cr_assert_eq (godwit__folders_init (&folders, longer, NULL), GODWIT_OK);
}

Test (folder, two_names_of_its_parent_are_one)
{
    const char *const top = place ();
    char real[256], alias[256];
    snprintf (real, sizeof real, "%s/real", top);
    snprintf (alias, sizeof alias, "%s/alias", top);
    cr_assert_eq (mkdir (real, 0755), 0);
    cr_assert_eq (symlink ("real", alias), 0);
    godwit__folders_t folders = folders_at (below (alias, "dir"));
    cr_assert_str_eq (folders.list[0].path, below (real, "dir"));
    clean (top);
}

/* ---- checked ---- */

Test (folder, is_made_with_its_mode)
{
    struct stat status;
    const char *const top = place ();
    umask (0);
    godwit__folders_t folders = open_at (below (top, "dir"));
    cr_assert_eq (lstat (folders.list[0].path, &status), 0);
    cr_assert_eq (status.st_mode & 07777, 0700);
    cr_assert_eq (fcntl (folders.list[0].fd, F_GETFD), FD_CLOEXEC);
    godwit__folders_close (&folders);
    clean (top);
}

Test (folder, another_mode_is_refused)
{
    const char *const top = place ();
    const char *const dir = below (top, "dir");
    cr_assert_eq (mkdir (dir, 0700), 0);
    static const mode_t modes[] = {0755, 0710, 0701, 0770, 0500, 01777};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        cr_assert_eq (chmod (dir, modes[i]), 0);
        assert_refused (dir, "expected 0700, so that no other user can connect: chmod 700");
    }
    cr_assert_eq (chmod (dir, 02700), 0); /* inherited from a parent with setgid */
    godwit__folders_t folders = open_at (dir);
    godwit__folders_close (&folders);
    clean (top);
}

Test (folder, another_owner_is_refused)
{
    if (geteuid () != 0)
        cr_skip_test ("only root can give a folder away");
    const char *const top = place ();
    const char *const dir = below (top, "dir");
    cr_assert_eq (mkdir (dir, 0700), 0);
    cr_assert_eq (chown (dir, NOBODY, NOBODY), 0);
    assert_refused (dir, "owned by uid 65534; expected uid 0");
    clean (top);
}

Test (folder, a_link_or_a_file_is_refused)
{
    const char *const top = place ();
    cr_assert_eq (mkdir (below (top, "real"), 0700), 0);
    cr_assert_eq (symlink ("real", below (top, "dir")), 0);
    assert_refused (below (top, "dir"), "a symbolic link; expected a folder");
    cr_assert_eq (unlink (below (top, "dir")), 0);
    const int fd = open (below (top, "dir"), O_CREAT | O_RDWR | O_CLOEXEC, 0700);
    cr_assert_geq (fd, 0);
    close (fd);
    assert_refused (below (top, "dir"), "no folder; expected a folder");
    clean (top);
}

Test (folder, a_parent_where_others_write_needs_the_sticky_bit)
{
    const char *const top = place ();
    cr_assert_eq (chmod (top, 0777), 0);
    assert_refused (below (top, "dir"), "lets others replace what is in it");
    cr_assert_eq (chmod (top, 0720), 0);
    assert_refused (below (top, "dir"), "lets others replace what is in it");
    cr_assert_eq (chmod (top, 01777), 0);
    godwit__folders_t folders = open_at (below (top, "dir"));
    godwit__folders_close (&folders);
    if (geteuid () == 0) {
        cr_assert_eq (chown (top, NOBODY, NOBODY), 0);
        assert_refused (below (top, "dir"), "expected root or uid 0");
    }
    clean (top);
}

Test (folder, a_missing_parent_is_said)
{
    const char *const top = place ();
    assert_refused (below (top, "no/dir"), "No such file or directory");
    clean (top);
}

/* Everybody's folder above /run/user is there while somebody of the user is logged in. */
Test (folder, absent_is_no_fault)
{
    godwit__folder_t folder = {.fd = -1, .path = "/run/user/4294967294/godwit"};
    cr_assert (godwit__folder_is_absent (&folder));
    snprintf (folder.path, sizeof folder.path, "/tmp/godwit-%u", (unsigned) geteuid ());
    cr_assert_not (godwit__folder_is_absent (&folder));
}

Test (folder, the_first_usable_one_is_taken)
{
    const char *const top = place ();
    godwit__folder_t *first = NULL;
    godwit_error_t *error = NULL;
    godwit__folders_t folders = {.count = 2, .list = {{.fd = -1}, {.fd = -1}}};
    snprintf (folders.list[0].path, sizeof folders.list[0].path, "/run/user/4294967294/godwit");
    snprintf (folders.list[1].path, sizeof folders.list[1].path, "%s/b", top);
    cr_assert_eq (godwit__folders_first (&folders, &first, &error), GODWIT_OK);
    cr_assert_eq (first, &folders.list[1]);
    snprintf (folders.list[0].path, sizeof folders.list[0].path, "%s/a", top);
    cr_assert_eq (godwit__folders_first (&folders, &first, &error), GODWIT_OK);
    cr_assert_eq (first, &folders.list[0]);
    cr_assert_eq (chmod (folders.list[0].path, 0755), 0);
    cr_assert_eq (godwit__folders_first (&folders, &first, &error), GODWIT_OK);
    cr_assert_eq (first, &folders.list[1]);
    cr_assert_eq (chmod (folders.list[1].path, 0711), 0);
    cr_assert_eq (godwit__folders_first (&folders, &first, &error), GODWIT_ERR_SYSTEM);
    cr_assert (strstr (godwit_error_message (error), "mode 0755"), "%s", godwit_error_message (error));
    cr_assert (strstr (godwit_error_message (error), "mode 0711"), "%s", godwit_error_message (error));
    godwit_error_destroy (&error);
    godwit__folders_close (&folders);
    clean (top);
}

Test (folder, one_that_was_removed_is_made_again)
{
    const char *const top = place ();
    godwit__folders_t folders = open_at (below (top, "dir"));
    const int fd = folders.list[0].fd;
    godwit__folder_name_t name;
    const int listener = listen_in (&folders.list[0], NULL, &name);
    cr_assert (godwit__folder_has (&folders.list[0], &name));
    clean (folders.list[0].path);
    cr_assert_eq (godwit__folder_open (&folders.list[0], NULL), GODWIT_OK);
    cr_assert_eq (folders.list[0].fd, fd);
    cr_assert_not (godwit__folder_has (&folders.list[0], &name));
    godwit__folder_name_t again;
    const int other = listen_in (&folders.list[0], name.name, &again);
    cr_assert_str_eq (again.address, name.address);
    cr_assert (godwit__folder_has (&folders.list[0], &again));
    godwit__folder_remove (&folders.list[0], &name); /* which is another socket's now */
    cr_assert (godwit__folder_has (&folders.list[0], &again));
    close (listener);
    close (other);
    godwit__folders_close (&folders);
    clean (top);
}

/* ---- sockets ---- */

Test (folder, a_socket_is_found_by_its_address)
{
    const char *const top = place ();
    char path[GODWIT__FOLDER_PATH_SIZE];
    /* Longer than a socket's address can be. */
    snprintf (path, sizeof path, "%s/%0120d", top, 0);
    umask (0777);
    godwit__folders_t folders;
    cr_assert_eq (mkdir (path, 0), 0);
    cr_assert_eq (chmod (path, 0700), 0);
    folders = open_at (path);
    godwit__folder_name_t name;
    const int listener = listen_in (&folders.list[0], NULL, &name);
    struct stat status;
    cr_assert_eq (fstatat (folders.list[0].fd, name.name, &status, AT_SYMLINK_NOFOLLOW), 0);
    cr_assert_eq (status.st_mode & 0777, 0600, "whatever the umask says: connecting needs it");
    cr_assert_eq (strncmp (name.address, "ipc:///tmp/", 11), 0);
    cr_assert_eq (fcntl (listener, F_GETFD), FD_CLOEXEC);
    int fd = -1;
    godwit_error_t *error = NULL;
    cr_assert (godwit__folders_speak (&folders, name.address));
    cr_assert_eq (godwit__folders_connect (&folders, name.address, &fd, NULL, &error), GODWIT_OK, "%s",
                  godwit_error_message (error));
    cr_assert (godwit__peer_is_own_user (fd));
    cr_assert_eq (fcntl (fd, F_GETFD), FD_CLOEXEC);
    close (fd);
    close (listener);
    int failure = 0;
    cr_assert_eq (godwit__folders_connect (&folders, name.address, &fd, &failure, NULL), GODWIT_ERR_SYSTEM);
    cr_assert_eq (failure, ECONNREFUSED);
    godwit__folder_remove (&folders.list[0], &name);
    cr_assert_eq (godwit__folders_connect (&folders, name.address, &fd, &failure, NULL), GODWIT_ERR_SYSTEM);
    cr_assert_eq (failure, ENOENT);
    godwit__folders_close (&folders);
    clean (top);
}

Test (folder, an_address_of_another_folder_is_not_dialled)
{
    const char *const top = place ();
    godwit__folders_t folders = folders_at (below (top, "dir"));
    static const struct {
        const char *scheme, *path, *rest; /* path NULL: the folder's */
    } addresses[] = {{"ipc://", "/etc", "/x"},      {"ipc://", NULL, ""},          {"ipc://", NULL, "/"},
                     {"ipc://", NULL, "/a/b"},      {"ipc://", NULL, "/.."},       {"ipc://", NULL, "x/a"},
                     {"tcp://", "127.0.0.1", ":1"}, {"ipc://", NULL, "/../dir/a"}, {"inproc://", NULL, "/a"}};
    char address[300];
    int fd = -1;
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        snprintf (address, sizeof address, "%s%s%s", addresses[i].scheme,
                  addresses[i].path ? addresses[i].path : folders.list[0].path, addresses[i].rest);
        cr_assert_not (godwit__folders_speak (&folders, address), "%s", address);
        cr_assert_eq (godwit__folders_connect (&folders, address, &fd, NULL, NULL), GODWIT_ERR_SYSTEM, "%s",
                      address);
    }
    clean (top);
}

Test (folder, an_abstract_name_of_others_is_dialled)
{
    godwit__folders_t folders = folders_at ("/tmp/godwit-nothing-is-made-here");
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char address[128];
    const int length = snprintf (at.sun_path + 1, sizeof at.sun_path - 1, "godwit-test-%d", (int) getpid ());
    const int listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq (bind (listener, (struct sockaddr *) &at,
                        (socklen_t) (offsetof (struct sockaddr_un, sun_path) + 1 + (size_t) length)),
                  0);
    cr_assert_eq (listen (listener, 1), 0);
    snprintf (address, sizeof address, "ipc://@%s", at.sun_path + 1);
    int fd = -1;
    cr_assert_eq (godwit__folders_connect (&folders, address, &fd, NULL, NULL), GODWIT_OK);
    close (fd);
    close (listener);
}

Test (folder, one_name_has_one_socket)
{
    const char *const top = place ();
    godwit__folders_t folders = open_at (below (top, "dir"));
    godwit__folder_name_t name, other;
    godwit_error_t *error = NULL;
    bool is_taken = false;
    int fd = -1;
    const int listener = listen_in (&folders.list[0], "meet-9573", &name);
    cr_assert_eq (
        godwit__folder_listen (&folders.list[0], "meet-9573", BACKLOG, &other, &fd, &is_taken, &error),
        GODWIT_ERR_SYSTEM);
    cr_assert (is_taken);
    cr_assert (strstr (godwit_error_message (error), "Address already in use"));
    godwit_error_destroy (&error);
    close (listener); /* as if the process had died */
    fd = listen_in (&folders.list[0], "meet-9573", &other);
    godwit__folder_remove (&folders.list[0], &name); /* the first one's, late */
    cr_assert (godwit__folder_has (&folders.list[0], &other));
    godwit__folder_remove (&folders.list[0], &other);
    cr_assert_not (is_there (&folders.list[0], "meet-9573"));
    close (fd);
    godwit__folders_close (&folders);
    clean (top);
}

/* Many at once, and again and again: each time exactly one has it. */
Test (folder, of_many_processes_one_gets_the_name)
{
    enum { CHILDREN = 8, ROUNDS = 25 };
    const char *const top = place ();
    godwit__folders_t folders = open_at (below (top, "dir"));
    for (int round = 0; round < ROUNDS; round++) {
        int go[2], won[2], hold[2];
        pid_t children[CHILDREN];
        cr_assert_eq (pipe2 (go, O_CLOEXEC) | pipe2 (won, O_CLOEXEC) | pipe2 (hold, O_CLOEXEC), 0);
        for (int i = 0; i < CHILDREN; i++) {
            children[i] = fork ();
            if (children[i])
                continue;
            char byte = 'n';
            godwit__folder_name_t name;
            int fd = -1;
            close (go[1]);
            close (hold[1]);
            bool is_taken = true;
            if (read (go[0], &byte, 1) != 0)
                _exit (1);
            do
                byte =
                    godwit__folder_listen (&folders.list[0], "meet-1", BACKLOG, &name, &fd, &is_taken, NULL)
                        ? 'n'
                        : 'y';
            while (byte == 'n' && !godwit__folder_is_alive (&folders.list[0], "meet-1"));
            if (write (won[1], &byte, 1) != 1 || read (hold[0], &byte, 1) != 0)
                _exit (1);
            _exit (0); /* without removing the name */
        }
        close (go[1]);
        int winners = 0;
        for (int i = 0; i < CHILDREN; i++) {
            char byte = 0;
            cr_assert_eq (read (won[0], &byte, 1), 1);
            winners += byte == 'y';
        }
        close (hold[1]);
        for (int i = 0; i < CHILDREN; i++)
            waitpid (children[i], NULL, 0);
        close (go[0]), close (won[0]), close (won[1]), close (hold[0]);
        cr_assert_eq (winners, 1, "round %d: %d", round, winners);
    }
    godwit__folders_close (&folders);
    clean (top);
}

static bool
can_lock (void *arg)
{
    const int lock = godwit__folder_lock (arg, NULL, NULL);
    if (lock >= 0)
        godwit__folder_unlock (lock);
    return lock >= 0;
}

static bool
cannot_lock (void *arg)
{
    bool is_busy = false;
    return godwit__folder_lock (arg, &is_busy, NULL) < 0 && is_busy;
}

Test (folder, a_forked_child_does_not_keep_the_lock)
{
    const char *const top = place ();
    godwit__folders_t folders = open_at (below (top, "dir"));
    const int lock = godwit__folder_lock (&folders.list[0], NULL, NULL);
    cr_assert_geq (lock, 0);
    cr_assert_eq (fcntl (lock, F_GETFD), FD_CLOEXEC);
    int hold[2];
    cr_assert_eq (pipe2 (hold, O_CLOEXEC), 0);
    const pid_t child = fork (); /* it lives on, with all descriptors */
    if (child == 0) {
        char byte;
        close (hold[1]);
        _exit (read (hold[0], &byte, 1) != 0);
    }
    run_as (0, cannot_lock, &folders.list[0]);
    godwit__folder_unlock (lock);
    run_as (0, can_lock, &folders.list[0]);
    close (hold[1]);
    waitpid (child, NULL, 0);
    godwit__folders_close (&folders);
    clean (top);
}

Test (folder, a_removed_lock_file_locks_nobody_out)
{
    const char *const top = place ();
    godwit__folders_t folders = open_at (below (top, "dir"));
    const int lock = godwit__folder_lock (&folders.list[0], NULL, NULL);
    cr_assert_eq (unlinkat (folders.list[0].fd, ".lock", 0), 0);
    run_as (0, can_lock, &folders.list[0]);
    godwit__folder_unlock (lock);
    godwit__folders_close (&folders);
    clean (top);
}

/* ---- what dead processes leave ---- */

Test (folder, leftovers_are_swept_and_the_living_stay)
{
    const char *const top = place ();
    godwit__folders_t folders = open_at (below (top, "dir"));
    godwit__folder_t *const folder = &folders.list[0];
    godwit__folder_name_t living, dead, young, meet;
    const int listener = listen_in (folder, NULL, &living);
    close (listen_in (folder, NULL, &dead));
    close (listen_in (folder, NULL, &young));
    close (listen_in (folder, "meet-9573", &meet));
    const int other = openat (folder->fd, "socket-of-somebody", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    close (other);
    make_old (folder, living.name);
    make_old (folder, dead.name);
    make_old (folder, meet.name);
    make_old (folder, "socket-of-somebody");
    cr_assert_eq (godwit__folder_sweep (folder), 2);
    cr_assert (is_there (folder, living.name));
    cr_assert (is_there (folder, young.name), "it may be one that is being made");
    cr_assert_not (is_there (folder, dead.name));
    cr_assert_not (is_there (folder, meet.name));
    cr_assert (is_there (folder, "socket-of-somebody"), "it is no socket");
    close (listener);
    godwit__folders_close (&folders);
    clean (top);
}

Test (folder, a_sweep_is_bounded_and_the_next_goes_on)
{
    enum { LEFT = 700, LIVING = 300, SWEEPS = 8 };
    const char *const top = place ();
    godwit__folders_t folders = open_at (below (top, "dir"));
    godwit__folder_t *const folder = &folders.list[0];
    godwit__folder_name_t name;
    const struct rlimit files = {LIVING + 100, LIVING + 100};
    int listeners[LIVING];
    size_t removed = 0;
    cr_assert_eq (setrlimit (RLIMIT_NOFILE, &files), 0);
    for (int i = 0; i < LEFT; i++) {
        close (listen_in (folder, NULL, &name));
        make_old (folder, name.name);
        if (i < LIVING) {
            listeners[i] = listen_in (folder, NULL, &name);
            make_old (folder, name.name);
        }
    }
    for (int i = 0; i < SWEEPS; i++) {
        const size_t now = godwit__folder_sweep (folder);
        cr_assert_leq (now, 256);
        removed += now;
    }
    cr_assert_eq (removed, LEFT, "%zu", removed);
    for (int i = 0; i < LIVING; i++)
        close (listeners[i]);
    godwit__folders_close (&folders);
    clean (top);
}

Test (folder, nobody_sweeps_while_another_does)
{
    const char *const top = place ();
    godwit__folders_t folders = open_at (below (top, "dir"));
    godwit__folder_name_t dead;
    close (listen_in (&folders.list[0], NULL, &dead));
    make_old (&folders.list[0], dead.name);
    const int lock = godwit__folder_lock (&folders.list[0], NULL, NULL);
    const pid_t child = fork ();
    if (child == 0)
        _exit (godwit__folder_sweep (&folders.list[0]) != 0);
    int status = 1;
    waitpid (child, &status, 0);
    cr_assert_eq (status, 0);
    cr_assert (is_there (&folders.list[0], dead.name));
    godwit__folder_unlock (lock);
    cr_assert_eq (godwit__folder_sweep (&folders.list[0]), 1);
    godwit__folders_close (&folders);
    clean (top);
}

/* ---- other users ---- */

static bool
is_locked_out (void *arg)
{
    const char *const path = arg;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf (at.sun_path, sizeof at.sun_path, "%s", path);
    if (connect (fd, (struct sockaddr *) &at, sizeof at) == 0 || errno != EACCES)
        return false;
    snprintf (at.sun_path, sizeof at.sun_path, "%s-own", path); /* answering in its place */
    return bind (fd, (struct sockaddr *) &at, sizeof at) != 0 && errno == EACCES;
}

Test (folder, another_user_can_neither_connect_nor_answer)
{
    const char *const top = place ();
    cr_assert_eq (chmod (top, 0755), 0);
    godwit__folders_t folders = open_at (below (top, "dir"));
    godwit__folder_name_t name;
    const int listener = listen_in (&folders.list[0], "meet-9573", &name);
    if (!run_as (NOBODY, is_locked_out, name.address + strlen ("ipc://")))
        cr_skip_test ("only root can become another user");
    close (listener);
    godwit__folders_close (&folders);
    clean (top);
}

static bool
connects (void *arg)
{
    const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect (fd, arg, sizeof (struct sockaddr_un)) == 0;
}

/* Where the folder does not keep others out, the check of the uid does. */
Test (folder, the_uid_of_the_other_end_is_checked)
{
    const char *const top = place ();
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    cr_assert_eq (chmod (top, 0755), 0);
    snprintf (at.sun_path, sizeof at.sun_path, "%s/open", top);
    const int listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq (bind (listener, (struct sockaddr *) &at, sizeof at), 0);
    cr_assert_eq (chmod (at.sun_path, 0777), 0);
    cr_assert_eq (listen (listener, 4), 0);
    if (!run_as (NOBODY, connects, &at))
        cr_skip_test ("only root can become another user");
    int fd = accept4 (listener, NULL, NULL, SOCK_CLOEXEC);
    cr_assert_geq (fd, 0);
    cr_assert_not (godwit__peer_is_own_user (fd));
    close (fd);
    run_as (0, connects, &at);
    fd = accept4 (listener, NULL, NULL, SOCK_CLOEXEC);
    cr_assert (godwit__peer_is_own_user (fd));
    close (fd);
    close (listener);
    clean (top);
}

static bool
refuses_an_abstract_name (void *arg)
{
    godwit__folders_t folders;
    int fd = -1, failure = 0;
    return godwit__folders_init (&folders, "/tmp/godwit-nothing-is-made-here", NULL) == GODWIT_OK &&
           godwit__folders_connect (&folders, arg, &fd, &failure, NULL) == GODWIT_ERR_SYSTEM &&
           failure == EPERM;
}

Test (folder, another_user_does_not_answer_under_an_abstract_name)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char address[128];
    const int length = snprintf (at.sun_path + 1, sizeof at.sun_path - 1, "godwit-test-%d", (int) getpid ());
    const int listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq (bind (listener, (struct sockaddr *) &at,
                        (socklen_t) (offsetof (struct sockaddr_un, sun_path) + 1 + (size_t) length)),
                  0);
    cr_assert_eq (listen (listener, 1), 0);
    snprintf (address, sizeof address, "ipc://@%s", at.sun_path + 1);
    if (!run_as (NOBODY, refuses_an_abstract_name, address))
        cr_skip_test ("only root can become another user");
    close (listener);
}

/* Whoever listens last is the process at the other end. */
static bool
listens (void *arg)
{
    return listen (*(const int *) arg, 4) == 0;
}

/* A name that leads out of the folder, or a socket that its maker has passed on. */
Test (folder, another_user_does_not_answer_in_the_folder)
{
    const char *const top = place ();
    godwit__folders_t folders = open_at (below (top, "dir"));
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char address[300];
    int fd = -1, failure = 0;
    int listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf (at.sun_path, sizeof at.sun_path, "%s/dir/x", top);
    snprintf (address, sizeof address, "ipc://%s", at.sun_path);
    cr_assert_eq (bind (listener, (struct sockaddr *) &at, sizeof at), 0);
    if (!run_as (NOBODY, listens, &listener))
        cr_skip_test ("only root can become another user");
    cr_assert_eq (godwit__folders_connect (&folders, address, &fd, &failure, NULL), GODWIT_ERR_SYSTEM);
    cr_assert_eq (failure, EPERM);
    close (listener);
    godwit__folders_close (&folders);
    clean (top);
}
