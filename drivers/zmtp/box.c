/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/box.h"

#include "drivers/zmtp/nonce.h"

#include "src/realm/secret.h"

/* Where things stand in a frame's body. */
#define AT_NONCE 8
#define AT_MAC 16
#define AT_FLAGS GODWIT__ZMTP_BOX_HEAD
#define AT_PAYLOAD GODWIT__ZMTP_BOX_OVERHEAD

#define FLAGS (GODWIT__ZMTP_BOX_MORE | GODWIT__ZMTP_BOX_COMMAND)

static const uint8_t name[AT_NONCE] = {7, 'M', 'E', 'S', 'S', 'A', 'G', 'E'};

/* The text of the nonces of frames from one end. */
static const char *
text_of (bool from_accepting)
{
    return from_accepting ? "CurveZMQMESSAGES" : "CurveZMQMESSAGEC";
}

static void
seal (godwit__zmtp_box_t *box, uint8_t *body, size_t payload_size, uint8_t flags)
{
    uint8_t nonce[GODWIT__ZMTP_NONCE_SIZE];
    memcpy (body, name, AT_NONCE);
    godwit__zmtp_nonce_write (body + AT_NONCE, ++box->sent);
    godwit__zmtp_nonce_make (nonce, text_of (box->accepts), body + AT_NONCE);
    body[AT_FLAGS] = flags;
    crypto_box_detached_afternm (body + AT_FLAGS, body + AT_MAC, body + AT_FLAGS, 1 + payload_size, nonce,
                                 box->key);
}

void
godwit__zmtp_box_seal (godwit__zmtp_box_t *box, uint8_t *body, size_t payload_size, bool is_command)
{
    seal (box, body, payload_size, is_command ? GODWIT__ZMTP_BOX_COMMAND : 0);
}

void
godwit__zmtp_box_seal_part (godwit__zmtp_box_t *box, uint8_t *body, size_t payload_size)
{
    seal (box, body, payload_size, GODWIT__ZMTP_BOX_MORE);
}

/* Whether the number may follow the last one. */
static bool
is_next (const godwit__zmtp_box_t *box, uint64_t number)
{
    return number > box->received && (!box->is_exact || number - box->received == 1);
}

const char *
godwit__zmtp_box_open (godwit__zmtp_box_t *box, uint8_t *body, size_t size, uint8_t *flags)
{
    uint8_t nonce[GODWIT__ZMTP_NONCE_SIZE];
    if (size < AT_PAYLOAD || memcmp (body, name, AT_NONCE) != 0)
        return "it sent a frame that is not in a box";
    const uint64_t number = godwit__zmtp_nonce_read (body + AT_NONCE);
    if (!is_next (box, number))
        return "it sent a box out of turn: one came twice, or is missing";
    godwit__zmtp_nonce_make (nonce, text_of (!box->accepts), body + AT_NONCE);
    if (crypto_box_open_detached_afternm (body + AT_FLAGS, body + AT_FLAGS, body + AT_MAC, size - AT_FLAGS,
                                          nonce, box->key) != 0)
        return "it sent a box that does not open: it was changed on its way";
    if (body[AT_FLAGS] & ~FLAGS)
        return "it sent a box with flags that ZMTP does not know";
    box->received = number;
    *flags = body[AT_FLAGS];
    return NULL;
}

void
godwit__zmtp_box_end (godwit__zmtp_box_t *box)
{
    godwit__secret_free (box->key);
    *box = (godwit__zmtp_box_t){.key = NULL};
}
