/* SPDX-License-Identifier: Apache-2.0 */
/* Attackers over plain sockets: a crowd of connections, and one that does the same again and again on a
 * thread of its own. For Criterion programs; what does not hold fails the test. */
#ifndef GODWIT_TESTS_SUPPORT_CROWD_H
#define GODWIT_TESTS_SUPPORT_CROWD_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CROWD_MAX 5000

/* The sockets of a test's attackers. */
typedef struct crowd {
    int fds[CROWD_MAX];
    size_t size;
} crowd_t;

extern crowd_t crowd;

/* As many descriptors as this process may have. */
void crowd_raise_limit (void);
/* Connects to an address of zmtp.h. The socket is the crowd's. */
int crowd_join (const char *address);
/* The same for a socket that is connected already. */
int crowd_add (int fd);
void crowd_disperse (void);
size_t crowd_count_hung_up (void);
/* Waits until all of the crowd are hung up on. */
void crowd_wait_hung_up (void);

typedef struct attacker {
    pthread_t thread;
    atomic_bool is_over;
    void (*attack) (struct attacker *attacker);
    int fd;
    atomic_size_t count; /* attack adds to it */
    sem_t goes_on;       /* posted after each attack */
} attacker_t;

/* attacker: zero, but for what `attack` needs. */
void attacker_begin (attacker_t *attacker, void (*attack) (attacker_t *attacker));
/* Waits until it has done so much. */
void attacker_wait (attacker_t *attacker, size_t count);
void attacker_end (attacker_t *attacker);
/* A tenth of a second, on purpose: those are slow who say a byte at a time. */
void attacker_be_slow (void);

#endif
