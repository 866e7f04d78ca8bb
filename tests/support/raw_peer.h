/* SPDX-License-Identifier: Apache-2.0 */
/* A raw peer: it sends the frames that a test gives it over a driver's link, without a real client, for tests
 * of the server's side. */
#ifndef GODWIT_TESTS_RAW_PEER_H
#define GODWIT_TESTS_RAW_PEER_H

#include "src/interface/driver.h"
#include "src/wire/batch.h"
#include "src/wire/header.h"
#include "src/wire/wire.h"
#include "tests/support/driver_loop.h"

/* How long a test waits for a frame that must come. */
#define RAW_WAIT_LIMIT_NS (INT64_C (10000) * GODWIT__NS_PER_MS)

typedef struct raw_peer {
    godwit__reactor_t *reactor;
    godwit__driver_t *driver;
    godwit__channel_t *link;
    driver_loop_t control; /* runs the reactor between open and close */
    atomic_bool up;
    atomic_bool down;
    godwit__batch_reader_t batch; /* a BATCH that came, with frames not taken yet */
} raw_peer_t;

typedef struct raw_answer {
    bool came;
    godwit__header_t header;
    size_t size;          /* of the frame */
    godwit_value_t *body; /* NULL: none, or it cannot be decoded */
} raw_answer_t;

/* Connects. False: the link went down. The struct must not be moved afterwards. */
bool raw_open (raw_peer_t *peer, const godwit__driver_ops_t *driver, const char *address,
               const char *virtual_host);
/* The same while `turn` runs the other side, which has no thread of its own. */
bool raw_open_with (raw_peer_t *peer, const godwit__driver_ops_t *driver, const char *address,
                    const char *virtual_host, void (*turn) (void *user), void *user);
void raw_close (raw_peer_t *peer);
/* Runs the function on the thread of the peer's driver, and waits until it has returned. */
void raw_run (raw_peer_t *peer, void (*run) (void *user), void *user);
/* Sends bytes as they are. */
void raw_send (raw_peer_t *peer, const void *data, size_t size);
/* HELLO; expect and virtual_host may be NULL. */
void raw_hello (raw_peer_t *peer, const uint8_t *expect, const char *virtual_host);
/* REQUEST: [{}, method, {"x": x}]. */
void raw_request (raw_peer_t *peer, const godwit__header_t *header, const char *method, int64_t x);
/* The same into data, of which there are capacity bytes. Returns its size. */
size_t raw_write_request (uint8_t *data, size_t capacity, const godwit__header_t *header, const char *method,
                          int64_t x);
/* REQUEST with one value as its body. */
void raw_request_value (raw_peer_t *peer, const godwit__header_t *header, const godwit_value_t *body);
void raw_header (raw_peer_t *peer, const godwit__header_t *header);
/* The next frame that comes. With wait_limit 0: the next one that is there already. */
raw_answer_t raw_receive (raw_peer_t *peer, int64_t wait_limit_ns);
void raw_answer_release (raw_answer_t *answer);

/* Receive, check and release. */
bool raw_expect (raw_peer_t *peer, godwit__frame_type_t type, uint64_t id);
bool raw_expect_nack (raw_peer_t *peer, uint64_t id, godwit__nack_t reason);
bool raw_expect_reply_int (raw_peer_t *peer, uint64_t id, int64_t value);
/* FAILURE with this type, as "NoSuchMethod". */
bool raw_expect_failure (raw_peer_t *peer, uint64_t id, const char *type);

#endif
