/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: ZMTP 3.1 over sockets of its own, without a thread of its own. Links, ports and publishers, as
 * DEALER, ROUTER and SUB, and XPUB of libzmq. */
#ifndef GODWIT_DRIVERS_ZMTP_ZMTP_DRIVER_H
#define GODWIT_DRIVERS_ZMTP_ZMTP_DRIVER_H

#include "drivers/zmtp/chunk.h"
#include "drivers/zmtp/ends.h"
#include "drivers/zmtp/out_queue.h"
#include "drivers/zmtp/refusals.h"

#include "src/base/list.h"
#include "src/folder/folder.h"
#include "src/interface/driver.h"

#include <pthread.h>

/* Reasons of links that failed: so many different ones, then so many without their names and numbers, and
 * always the words of realms. */
#define GODWIT__ZMTP_TEXTS 128
#define GODWIT__ZMTP_SHORTER_TEXTS 64
#define GODWIT__ZMTP_TEXTS_MAX (GODWIT__ZMTP_TEXTS + GODWIT__ZMTP_SHORTER_TEXTS + GODWIT__NO_ENTRY_NO_MEMORY)

/* anteroom.h; the reactor's thread */
typedef struct godwit__zmtp_anteroom {
    godwit__list_t guests; /* the one that came first is the first */
    size_t count;
    godwit__timer_t timer; /* while there are any */
} godwit__zmtp_anteroom_t;

typedef struct godwit__zmtp {
    godwit__driver_t base;
    godwit__driver_options_t options;
    godwit__zmtp_out_limits_t limits;
    char *host;                     /* NULL: this host only */
    godwit__folders_t folders;      /* of sockets of this host; reactor's thread */
    godwit__light_lock_t text_lock; /* the next two: intern.h */
    char *texts[GODWIT__ZMTP_TEXTS_MAX];
    size_t text_count;
    godwit__zmtp_ends_t ends;
    /* The realm; the reactor's thread. */
    struct godwit__zmtp_parties *parties; /* NULL: there is none */
    godwit__zmtp_refusals_t refusals;
    godwit__zmtp_anteroom_t anteroom;
    unsigned first_door; /* knock.h */
    struct godwit__lookup_thread
        *lookups; /* of names of hosts; NULL: there were none yet. Reactor's thread */
    godwit__driver_counters_t counters;
    godwit__zmtp_pool_t pool; /* of the reactor's thread */
    /* A chunk that no link reads into now; taken and given back by the leaders of links. */
    _Atomic (godwit__zmtp_chunk_t *) spare_chunk;

    pthread_mutex_t lock;   /* the next two */
    godwit__list_t streams; /* after their handshake: for heartbeats */
    size_t stream_count;
    struct godwit__zmtp_heart *heart;

    /* The reactor's thread: streams that their owner has let go of. */
    godwit__list_t closing; /* they still write */
    godwit__timer_t closing_timer;
    godwit__task_t closing_task;
    godwit__list_t telling; /* they tell a peer why it was refused, the oldest first */
    size_t telling_count;
} godwit__zmtp_t;

static inline void
godwit__zmtp_count (atomic_uint_fast64_t *counter)
{
    atomic_fetch_add_explicit (counter, 1, memory_order_relaxed);
}

/* link.c */
godwit_status_t godwit__zmtp_open_link (godwit__driver_t *driver, const char *address,
                                        const godwit__link_events_t *events, void *user,
                                        godwit__channel_t **link, godwit_error_t **error);

/* port.c */
godwit_status_t godwit__zmtp_open_port (godwit__driver_t *driver, const char *at, godwit__channel_t **port,
                                        godwit__port_addresses_t *addresses, godwit_error_t **error);
godwit_status_t godwit__zmtp_add_host (godwit__channel_t *port, const char *host,
                                       godwit__port_addresses_t *addresses, godwit_error_t **error);
godwit_status_t godwit__zmtp_watch_port (godwit__channel_t *port, godwit__task_t *lost,
                                         godwit_error_t **error);
godwit_status_t godwit__zmtp_subscribe (godwit__channel_t *port, const uint8_t key[GODWIT__KEY_SIZE],
                                        godwit_error_t **error);
void godwit__zmtp_unsubscribe (godwit__channel_t *port, const uint8_t key[GODWIT__KEY_SIZE]);

/* publisher.c */
godwit_status_t godwit__zmtp_open_publisher (godwit__driver_t *driver, godwit__channel_t **publisher,
                                             godwit_error_t **error);
godwit_status_t godwit__zmtp_publisher_connect (godwit__channel_t *publisher, const char *fanout_address,
                                                godwit_error_t **error);
void godwit__zmtp_publisher_disconnect (godwit__channel_t *publisher, const char *fanout_address);
godwit__io_t godwit__zmtp_publish (godwit__channel_t *publisher, const godwit__message_t *message);

/* topics.c */
godwit_status_t godwit__zmtp_name_topic (godwit__channel_t *publisher, const uint8_t key[GODWIT__KEY_SIZE],
                                         const char *exchange, const char *topic);

#endif
