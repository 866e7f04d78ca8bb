/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of durable casts share. All is guarded by durable->lock, but what its own thread alone has.
 */
#ifndef GODWIT_SRC_CLIENT_DURABLE_INSIDE_H
#define GODWIT_SRC_CLIENT_DURABLE_INSIDE_H

#include "src/client/durable.h"
#include "src/delivery/span.h"

/* Casts of a topic that are sent for the first time at a time. */
#define GODWIT__DURABLE_WINDOW 64
/* Casts of a topic that no server took, and that wait to be sent again: so many, and so many bytes of them,
 * hold up nothing. When there are more, no others are read. */
#define GODWIT__DURABLE_DELAYED_MAX 4096
#define GODWIT__DURABLE_DELAYED_SIZE ((size_t) 16 << 20)

/* A cast on its way. */
typedef struct godwit__job {
    godwit__list_node_t in_queue; /* of those that wait, are sent, or have ended */
    struct godwit__queue *queue;
    uint64_t number;
    godwit_client_t *client; /* prepared for its namespace, version and server; NULL: not sent yet */
    godwit_value_t *body;
    bool may_have_run;
    unsigned failures; /* in a row */
    int64_t due_ns;
    /* What became of the last attempt. */
    bool has_run;
    size_t size;
    char server[]; /* with its NUL; behind it the encoded body, `size` bytes */
} godwit__job_t;

/* The casts of a topic. */
typedef struct godwit__queue {
    godwit__list_node_t in_durable;
    godwit__durable_t *durable;
    char *stream;            /* its name in the spool */
    godwit_client_t *sender; /* of the topic; its jobs' clients are prepared from it */
    uint64_t last_number;
    uint64_t read_from;
    uint64_t doubtful;      /* those up to this number may have run before this process began */
    bool is_stored;         /* the spool knows the pool */
    size_t count;           /* jobs that were read, and were not tried in vain yet */
    size_t delayed;         /* those that were, and have not run ... */
    size_t delayed_size;    /* ... and their bytes */
    int64_t tell_ns;        /* the log has heard that those behind these wait: not before */
    godwit__list_t waiting; /* jobs, the first that is due first */
    godwit__list_t sent;
    godwit__list_t ended;
    godwit__spans_t done; /* what the spool has to hear */
} godwit__queue_t;

struct godwit__durable {
    godwit_transport_t *transport;
    godwit_spool_t *spool;
    pthread_mutex_t lock;
    godwit__change_t changed;
    godwit__list_t queues;
    int64_t again_ns; /* the spool has failed: not before */
    bool closed;
    bool has_thread;
    pthread_t thread;
};

/* What follows the server's name. */
static inline const uint8_t *
godwit__job_body (const godwit__job_t *job)
{
    return (const uint8_t *) job->server + strlen (job->server) + 1;
}

/* Makes a job of an item of the spool. NULL: memory is short, or the item is malformed (*is_malformed). */
godwit__job_t *godwit__job_new (godwit__queue_t *queue, uint64_t number, const void *data, size_t size,
                                bool *is_malformed);
void godwit__job_free (godwit__job_t *job);
/* Sends it; it is in queue->sent. When it has ended it is in queue->ended, and the thread is woken. False: it
 * could not be sent. The thread of durable casts, without the lock. */
bool godwit__job_send (godwit__job_t *job);

/* What the thread runs. */
void *godwit__durable_main (void *durable);
/* Tells the spool what has run. With the lock, which is released meanwhile. False: it has failed, or there
 * was nothing. */
bool godwit__durable_tell (godwit__queue_t *queue);
/* Takes the jobs that have ended: notes which have run, and lets the others wait. The same. */
bool godwit__durable_collect (godwit__queue_t *queue);

#endif
