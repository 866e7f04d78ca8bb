/* SPDX-License-Identifier: Apache-2.0 */
/* A receipt: one NOTIFY that came to a listener, and what becomes of each notification in it. When all are
 * settled, the notifier is answered (SETTLED).
 *
 * The receipts of a listener that are not answered yet are in its register, so that the listener's end can
 * answer for what was pulled. Any thread may settle. */
#ifndef GODWIT_SRC_LISTENER_RECEIPT_H
#define GODWIT_SRC_LISTENER_RECEIPT_H

#include <godwit/server.h>

#include "src/base/frame.h"
#include "src/base/list.h"
#include "src/listener/seen.h"
#include "src/wire/notify_frame.h"

#include <pthread.h>
#include <stdatomic.h>

/* A text that a register keeps. */
typedef struct godwit__kept_name {
    struct godwit__kept_name *next;
    char text[];
} godwit__kept_name_t;

/* Shared by a listener and its receipts: lives until the last of them is gone. */
typedef struct godwit__register {
    atomic_uint refs;
    pthread_mutex_t lock;
    godwit__list_t receipts;
    size_t held;  /* bytes of all that they hold */
    size_t limit; /* when so many are held, no more are taken; 0: what is held is limited elsewhere */
    godwit__seen_ids_t *seen; /* what was handled; NULL: duplicates are not dropped */
    godwit__kept_name_t *names;
} godwit__register_t;

/* drop_duplicates: so many message_ids are remembered; 0: none. NULL when memory is short. */
godwit__register_t *godwit__register_new (size_t drop_duplicates, size_t limit);
void godwit__register_unref (godwit__register_t **receipts);
/* A copy of a text, which lives as long as the register: a notification names its topic also after its
 * listener's end. NULL when memory is short. While the listener is made. */
const char *godwit__register_name (godwit__register_t *receipts, const char *text);
/* Answers all that are in it: what is not settled is LOST. */
void godwit__register_end (godwit__register_t *receipts);

typedef struct godwit__receipt {
    godwit__list_node_t in_register;
    godwit__register_t *receipts; /* a reference */
    godwit_request_t *request;    /* kept; NULL: it was answered. Guarded by receipts->lock */
    atomic_uint refs;   /* the reader's, one for each frame that points into it, one for each that is
                           not settled */
    uint32_t open;      /* not settled; guarded by receipts->lock */
    uint32_t unsettled; /* of the settled ones: those with a code */
    uint32_t count;
    uint32_t credit;       /* of the lane */
    size_t held;           /* bytes; guarded by receipts->lock */
    godwit__frame_t frame; /* what came; the notifications' values lie in it */
    uint8_t what[];        /* for each: 0, or a godwit__unsettled_t */
} godwit__receipt_t;

/* Takes the request's frame, with `count` items in it, and keeps the request. The caller has a reference to
 * the receipt. NULL when memory is short, or the register holds as much as it may; then nothing has
 * changed. */
godwit__receipt_t *godwit__receipt_new (godwit__register_t *receipts, godwit_request_t *request,
                                        uint32_t count, uint32_t credit);
void godwit__receipt_unref (godwit__receipt_t *receipt);
/* A frame of the bytes of an item; it has a reference. */
void godwit__receipt_frame (godwit__receipt_t *receipt, const godwit__item_t *item, godwit__frame_t *frame);
/* So many more bytes are held until it is answered. */
void godwit__receipt_hold (godwit__receipt_t *receipt, size_t size);
/* Settles a notification, once. what: 0, done with; or a godwit__unsettled_t. */
void godwit__receipt_settle (godwit__receipt_t *receipt, uint32_t index, unsigned what);

#endif
