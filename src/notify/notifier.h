/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a notifier: what it was made with, and its drivers.
 *
 * A notifier that godwit_notifier_new made, and all that were prepared from it, share a root, which lives as
 * long as one of them. What is not atomic does not change once a notifier is made, so a notification takes no
 * lock here.
 */
#ifndef GODWIT_SRC_NOTIFY_NOTIFIER_H
#define GODWIT_SRC_NOTIFY_NOTIFIER_H

#include <godwit/notify.h>

#include "src/delivery/outbox.h"
#include "src/notify/driver.h"
#include "src/runtime/transport.h"

#include <stdatomic.h>

/* "notify:TOPIC.critical" is the topic of a record, which has at most 255 bytes. */
#define GODWIT__NOTIFY_TOPIC_MAX 239

typedef struct godwit__notifier_root {
    atomic_uint refs; /* one for each notifier */
    atomic_bool is_closed;
    godwit_transport_t *transport; /* a reference */
    char *exchange;
    char **topics;
    size_t topic_count;

    godwit__notify_driver_t drivers[GODWIT_REPORT_DRIVER_MAX];
    size_t driver_count;
    const godwit_routing_t *routing; /* NULL: there is no driver `routing` */
    void *rules;

    const godwit_serializer_t *serializer; /* borrowed; NULL: none */
    godwit_serializer_t *own_serializer;   /* destroyed with the root; NULL: none */
    godwit_serializer_t redaction;         /* its serialize_context gives redacted copies; NULL: none */
    char **context_keys;
    size_t context_key_count;
    godwit_value_t *no_context; /* {} */

    godwit__outbox_t *outbox; /* NULL: no driver needs one */
    /* One for each topic and priority (godwit__notifier_stream); NULL: not asked for yet. */
    _Atomic (godwit__stream_t *) *streams;
} godwit__notifier_root_t;

struct godwit_notifier {
    godwit__notifier_root_t *root; /* a reference */
    bool is_prepared;
    int64_t retry; /* -1: for ever */
    size_t publisher_id_size;
    char publisher_id[];
};

/* FORKED, CLOSED: of the transport; or the notifier that it was prepared from is destroyed. */
godwit_status_t godwit__notifier_check (const godwit_notifier_t *notifier, godwit_error_t **error);

/* The stream of a topic and a priority; NULL: out of memory. */
static inline godwit__stream_t *
godwit__notifier_stream (godwit__notifier_root_t *root, size_t topic, godwit_priority_t priority)
{
    _Atomic (godwit__stream_t *) *const place =
        &root->streams[topic * GODWIT_PRIORITY_COUNT + (size_t) priority];
    godwit__stream_t *stream = atomic_load_explicit (place, memory_order_acquire);
    if (!stream) {
        stream = godwit__outbox_stream (root->outbox, root->exchange, root->topics[topic], priority);
        atomic_store_explicit (place, stream, memory_order_release); /* each thread is given the same */
    }
    return stream;
}

#endif
