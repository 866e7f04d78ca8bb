/* SPDX-License-Identifier: Apache-2.0 */
/* The boxes of both ends of a connection, without a handshake. What cannot be ends the process. */
#ifndef GODWIT_TESTS_SUPPORT_ZMTP_BOXES_H
#define GODWIT_TESTS_SUPPORT_ZMTP_BOXES_H

#include "drivers/zmtp/box.h"
#include "tests/support/zmtp_ends.h"

typedef struct zmtp_boxes {
    godwit__zmtp_box_t connecting;
    godwit__zmtp_box_t accepting;
} zmtp_boxes_t;

/* With a random key; both ends want each nonce. */
void zmtp_boxes_make (zmtp_boxes_t *boxes);
void zmtp_boxes_end (zmtp_boxes_t *boxes);

/* A whole frame with what `box` has sealed. */
zmtp_bytes_t zmtp_boxed (godwit__zmtp_box_t *box, const void *payload, size_t size, bool is_command);
/* The same with a part of a message. */
zmtp_bytes_t zmtp_boxed_part (godwit__zmtp_box_t *box, const void *payload, size_t size);

#endif
