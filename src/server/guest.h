/* SPDX-License-Identifier: Apache-2.0 */
/* Who calls this process: the processes that have said HELLO, and the last that have left, for those who ask.
 * A port's leader adds and removes them, with the sessions that they belong to; whoever asks reads them, and
 * holds up a leader only while he copies. */
#ifndef GODWIT_SRC_SERVER_GUEST_H
#define GODWIT_SRC_SERVER_GUEST_H

#include "src/loop/reactor.h"
#include "src/server/session.h"

#include <pthread.h>

#define GODWIT__GUESTS_LEFT_MAX 32

/* One at a moment, or as it was when it left. */
typedef struct godwit__guest_sight {
    uint8_t instance[GODWIT__INSTANCE_SIZE];
    char name[GODWIT__CERTIFICATE_NAME_MAX + 1]; /* of its certificate; "": there is no realm */
    const char *driver;                          /* static text */
    int64_t since_ns;                            /* HELLO */
    int64_t left_ns;                             /* 0: it is there */
    const char *reason;                          /* why it is not there any more; static text */
    uint64_t received, received_size;            /* requests and notifications, and bytes of them */
} godwit__guest_sight_t;

typedef struct godwit__guests {
    pthread_mutex_t lock;
    const godwit__clock_t *clock;
    godwit__list_t there;
    size_t count;        /* of them */
    uint64_t left_count; /* ever */
    godwit__guest_sight_t left[GODWIT__GUESTS_LEFT_MAX];
} godwit__guests_t;

/* clock: borrowed. */
void godwit__guests_init (godwit__guests_t *guests, const godwit__clock_t *clock);
/* When no session has a guest any more. */
void godwit__guests_release (godwit__guests_t *guests);

/* The session's client has said HELLO. If it said so before, and is the same, nothing changes. When memory is
 * short it is not shown. The leader. */
void godwit__guest_enter (godwit__guests_t *guests, godwit__session_t *session,
                          const uint8_t instance[GODWIT__INSTANCE_SIZE], const char *name,
                          const char *driver);

/* Copies up to `limit` that are there, then those that have left, the newest first. Returns them, to be
 * freed; *count of them. NULL: memory is short. Any thread. */
godwit__guest_sight_t *godwit__guests_look (godwit__guests_t *guests, size_t limit, size_t *count);
size_t godwit__guests_count (godwit__guests_t *guests);

#endif
