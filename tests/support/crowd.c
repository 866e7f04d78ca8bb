/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/crowd.h"

#include "tests/support/victim.h"
#include "tests/support/zmtp.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

crowd_t crowd;

/* ---- many connections ---- */

void
crowd_raise_limit (void)
{
    struct rlimit limit;
    getrlimit (RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit (RLIMIT_NOFILE, &limit);
}

int
crowd_add (int fd)
{
    cr_assert_lt (crowd.size, (size_t) CROWD_MAX);
    crowd.fds[crowd.size++] = fd;
    return fd;
}

int
crowd_join (const char *address)
{
    const int fd = zmtp_connect (address);
    cr_assert_geq (fd, 0, "%s: %s", address, strerror (errno));
    return crowd_add (fd);
}

void
crowd_disperse (void)
{
    while (crowd.size)
        close (crowd.fds[--crowd.size]);
}

static bool
is_hung_up (int fd)
{
    struct pollfd item = {fd, POLLRDHUP, 0};
    return poll (&item, 1, 0) == 1;
}

size_t
crowd_count_hung_up (void)
{
    size_t count = 0;
    for (size_t i = 0; i < crowd.size; i++)
        count += is_hung_up (crowd.fds[i]);
    return count;
}

void
crowd_wait_hung_up (void)
{
    for (size_t i = 0; i < crowd.size; i++) {
        struct pollfd item = {crowd.fds[i], POLLRDHUP, 0};
        cr_assert_eq (poll (&item, 1, VICTIM_WAIT_LIMIT_MS), 1, "%zu of %zu are hung up on",
                      crowd_count_hung_up (), crowd.size);
    }
}

/* ---- one that goes on ---- */

static void *
run (void *argument)
{
    attacker_t *attacker = argument;
    while (!atomic_load (&attacker->is_over)) {
        attacker->attack (attacker);
        sem_post (&attacker->goes_on);
    }
    return NULL;
}

void
attacker_begin (attacker_t *attacker, void (*attack) (attacker_t *attacker))
{
    attacker->attack = attack;
    cr_assert_eq (sem_init (&attacker->goes_on, 0, 0), 0);
    cr_assert_eq (pthread_create (&attacker->thread, NULL, run, attacker), 0);
}

void
attacker_wait (attacker_t *attacker, size_t count)
{
    struct timespec end;
    clock_gettime (CLOCK_MONOTONIC, &end);
    end.tv_sec += VICTIM_WAIT_LIMIT_MS / 1000;
    while (atomic_load (&attacker->count) < count)
        cr_assert_eq (sem_clockwait (&attacker->goes_on, CLOCK_MONOTONIC, &end), 0, "%zu of %zu",
                      atomic_load (&attacker->count), count);
}

void
attacker_end (attacker_t *attacker)
{
    atomic_store (&attacker->is_over, true);
    if (attacker->fd)
        shutdown (attacker->fd, SHUT_RDWR); /* if it waits for room */
    pthread_join (attacker->thread, NULL);
    sem_destroy (&attacker->goes_on);
}

void
attacker_be_slow (void)
{
    const struct timespec moment = {.tv_nsec = 100000000};
    nanosleep (&moment, NULL);
}
