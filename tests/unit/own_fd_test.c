/* SPDX-License-Identifier: Apache-2.0 */
/* While threads open and close sockets, no child of a fork() gets one, and each keeps all that is not theirs.
 */
#include "src/base/own_fd.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FORKS 100
#define SEEN 128 /* descriptors that are looked at */

static atomic_bool over;
static atomic_uint rounds;

static int
open_own (void)
{
    godwit__own_fd_lock ();
    const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    godwit__own_fd_add (fd);
    godwit__own_fd_unlock ();
    return fd;
}

/* What it opens besides gets the numbers of sockets that were closed. */
static void *
churn (void *user)
{
    (void) user;
    while (!atomic_load (&over)) {
        int fds[8];
        for (int i = 0; i < 8; i++)
            fds[i] = open_own ();
        for (int i = 0; i < 8; i++)
            godwit__own_fd_close (fds[i]);
        const int other = open ("/dev/null", O_RDONLY | O_CLOEXEC);
        close (other);
        atomic_fetch_add (&rounds, 1);
    }
    return NULL;
}

static bool
is_socket (int fd)
{
    struct stat status;
    return fstat (fd, &status) == 0 && S_ISSOCK (status.st_mode);
}

/* 0, or what is wrong. */
static int
look (const bool before[SEEN], int kept)
{
    for (int fd = 0; fd < SEEN; fd++)
        if (is_socket (fd) && !before[fd])
            return 1;
    return fcntl (kept, F_GETFD) < 0 ? 2 : 0;
}

Test (own_fd, no_child_has_a_socket_of_its_parent, .timeout = 60)
{
    pthread_t threads[2];
    bool before[SEEN];
    int kept[2];
    for (int fd = 0; fd < SEEN; fd++)
        before[fd] = is_socket (fd); /* the runner's */
    const int own = open_own ();
    cr_assert_eq (pipe (kept), 0);
    for (int i = 0; i < 2; i++)
        cr_assert_eq (pthread_create (&threads[i], NULL, churn, NULL), 0);
    for (int i = 0; i < FORKS; i++) {
        int status;
        const unsigned round = atomic_load (&rounds);
        while (atomic_load (&rounds) == round)
            sched_yield ();
        const pid_t child = fork ();
        if (child == 0)
            _exit (look (before, kept[0]));
        cr_assert_eq (waitpid (child, &status, 0), child);
        cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0, "%x", (unsigned) status);
    }
    atomic_store (&over, true);
    for (int i = 0; i < 2; i++)
        pthread_join (threads[i], NULL);
    cr_assert (is_socket (own), "the parent keeps it");
    godwit__own_fd_close (own);
    cr_assert_not (is_socket (own));
}

/* A descriptor with a high number, and none at all. */
Test (own_fd, takes_any_number)
{
    struct rlimit limit;
    int status;
    cr_assert_eq (getrlimit (RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < 17001)
        cr_skip_test ("this user may not have so many descriptors");
    limit.rlim_cur = limit.rlim_max;
    cr_assert_eq (setrlimit (RLIMIT_NOFILE, &limit), 0);
    const int low = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    godwit__own_fd_lock ();
    const int high = fcntl (low, F_DUPFD_CLOEXEC, 17000);
    godwit__own_fd_add (high);
    godwit__own_fd_add (-1);
    godwit__own_fd_unlock ();
    cr_assert_geq (high, 17000);
    const pid_t child = fork ();
    if (child == 0)
        _exit (!is_socket (low) || is_socket (high));
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0, "%x", (unsigned) status);
    godwit__own_fd_close (high);
    godwit__own_fd_close (-1);
    close (low);
}
