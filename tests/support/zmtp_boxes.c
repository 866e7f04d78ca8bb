/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/zmtp_boxes.h"

#include "drivers/zmtp/frame.h"
#include "src/realm/secret.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

void
zmtp_boxes_make (zmtp_boxes_t *boxes)
{
    *boxes = (zmtp_boxes_t){.connecting = {.key = godwit__secret_new (), .is_exact = true},
                            .accepting = {.key = godwit__secret_new (), .is_exact = true, .accepts = true}};
    if (!boxes->connecting.key || !boxes->accepting.key)
        abort ();
    randombytes_buf (boxes->connecting.key, crypto_box_BEFORENMBYTES);
    memcpy (boxes->accepting.key, boxes->connecting.key, crypto_box_BEFORENMBYTES);
}

void
zmtp_boxes_end (zmtp_boxes_t *boxes)
{
    godwit__zmtp_box_end (&boxes->connecting);
    godwit__zmtp_box_end (&boxes->accepting);
}

/* A frame whose body is not sealed yet. *body: where it is. */
static zmtp_bytes_t
frame_around (const void *payload, size_t size, uint8_t **body)
{
    uint8_t head[GODWIT__ZMTP_LONG_HEAD];
    const size_t body_size = GODWIT__ZMTP_BOX_OVERHEAD + size;
    const size_t head_size = godwit__zmtp_head_write (head, 0, body_size);
    uint8_t *const frame = malloc (head_size + body_size);
    if (!frame)
        abort ();
    memcpy (frame, head, head_size);
    *body = frame + head_size;
    if (size)
        memcpy (*body + GODWIT__ZMTP_BOX_OVERHEAD, payload, size);
    return (zmtp_bytes_t){frame, head_size + body_size};
}

zmtp_bytes_t
zmtp_boxed (godwit__zmtp_box_t *box, const void *payload, size_t size, bool is_command)
{
    uint8_t *body;
    const zmtp_bytes_t frame = frame_around (payload, size, &body);
    godwit__zmtp_box_seal (box, body, size, is_command);
    return frame;
}

zmtp_bytes_t
zmtp_boxed_part (godwit__zmtp_box_t *box, const void *payload, size_t size)
{
    uint8_t *body;
    const zmtp_bytes_t frame = frame_around (payload, size, &body);
    godwit__zmtp_box_seal_part (box, body, size);
    return frame;
}
