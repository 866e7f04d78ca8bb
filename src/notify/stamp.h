/* SPDX-License-Identifier: Apache-2.0 */
/* What makes a notification unlike any other: a random UUID, and the time. */
#ifndef GODWIT_SRC_NOTIFY_STAMP_H
#define GODWIT_SRC_NOTIFY_STAMP_H

#include "src/runtime/transport.h"
#include "src/wire/notification.h"

typedef struct godwit__stamp {
    char message_id[GODWIT__MESSAGE_ID_SIZE + 1]; /* a UUID of version 4, in lower case */
    char timestamp[GODWIT__TIMESTAMP_SIZE + 1];   /* "2026-11-29 17:05:01.123456", UTC */
} godwit__stamp_t;

/* Any thread, without a lock: each thread has random bytes and the text of the current second of its own. */
void godwit__stamp_make (godwit__stamp_t *stamp, godwit_transport_t *transport);

#endif
