/* SPDX-License-Identifier: Apache-2.0 */
/* A box is what libsodium calls crypto_secretbox: the stream of XSalsa20, whose first bytes are the key of
 * the authenticator Poly1305, and whose rest covers what is in the box. It is made of the same functions of
 * libsodium that crypto_secretbox is made of, because that one asks for the stream in pieces that do not fit:
 * a block by itself takes nearly as long as four or eight of them together. */
#include "drivers/zmtp/box.h"

#include "drivers/zmtp/nonce.h"

#include "src/realm/secret.h"

/* Where things stand in a frame's body. */
#define AT_NONCE 8
#define AT_MAC 16
#define AT_FLAGS GODWIT__ZMTP_BOX_HEAD
#define AT_PAYLOAD GODWIT__ZMTP_BOX_OVERHEAD

#define FLAGS (GODWIT__ZMTP_BOX_MORE | GODWIT__ZMTP_BOX_COMMAND)

/* What libsodium makes at once. The beginning of a stream is that much of it, and has the authenticator's key
 * in front. */
#define BLOCK 64
#define BLOCKS ((size_t) 4 * BLOCK)
#define MAC_KEY crypto_onetimeauth_KEYBYTES
#define BEGINNING (BLOCKS - MAC_KEY)

static const uint8_t name[AT_NONCE] = {7, 'M', 'E', 'S', 'S', 'A', 'G', 'E'};

/* ---- the stream of one box ---- */

typedef struct stream {
    uint8_t key[crypto_stream_salsa20_KEYBYTES];
    const uint8_t *number; /* the part of the nonce that travels */
    uint8_t beginning[BLOCKS];
} stream_t;

static void
begin_stream (stream_t *stream, const godwit__zmtp_box_t *box, bool from_accepting, const uint8_t *number)
{
    const char *const text = from_accepting ? "CurveZMQMESSAGES" : "CurveZMQMESSAGEC";
    stream->number = number;
    crypto_core_hsalsa20 (stream->key, (const uint8_t *) text, box->key, NULL);
    crypto_stream_salsa20 (stream->beginning, sizeof stream->beginning, number, stream->key);
}

static void
end_stream (stream_t *stream)
{
    sodium_memzero (stream, sizeof *stream);
}

/* XORs what lies behind the beginning; it is a multiple of BLOCKS, or the last piece. */
static void
cover_piece (const stream_t *stream, uint8_t *data, size_t size, uint64_t block)
{
    uint8_t last[BLOCKS];
    const bool fits = size % BLOCKS <= BLOCK;
    const size_t whole = fits ? size : size - size % BLOCKS;
    if (whole)
        crypto_stream_salsa20_xor_ic (data, data, whole, stream->number, block, stream->key);
    if (fits)
        return;
    memcpy (last, data + whole, size - whole);
    crypto_stream_salsa20_xor_ic (last, last, sizeof last, stream->number, block + whole / BLOCK,
                                  stream->key);
    memcpy (data + whole, last, size - whole);
}

/* XORs with the stream: covers, and uncovers. */
static void
cover (const stream_t *stream, uint8_t *data, size_t size)
{
    const size_t first = size < BEGINNING ? size : BEGINNING;
    for (size_t i = 0; i < first; i++)
        data[i] ^= stream->beginning[MAC_KEY + i];
    if (size > first)
        cover_piece (stream, data + first, size - first, BLOCKS / BLOCK);
}

/* ---- boxes ---- */

static void
seal (godwit__zmtp_box_t *box, uint8_t *body, size_t payload_size, uint8_t flags)
{
    stream_t stream;
    uint8_t *const data = body + AT_FLAGS;
    const size_t size = 1 + payload_size;
    memcpy (body, name, AT_NONCE);
    godwit__zmtp_nonce_write (body + AT_NONCE, ++box->sent);
    data[0] = flags;
    begin_stream (&stream, box, box->accepts, body + AT_NONCE);
    cover (&stream, data, size);
    crypto_onetimeauth (body + AT_MAC, data, size, stream.beginning);
    end_stream (&stream);
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

/* The authenticator first: what is not the peer's is not looked at. */
static bool
uncover (const godwit__zmtp_box_t *box, uint8_t *body, size_t size)
{
    stream_t stream;
    uint8_t *const data = body + AT_FLAGS;
    begin_stream (&stream, box, !box->accepts, body + AT_NONCE);
    const bool is_authentic =
        crypto_onetimeauth_verify (body + AT_MAC, data, size - AT_FLAGS, stream.beginning) == 0;
    if (is_authentic)
        cover (&stream, data, size - AT_FLAGS);
    end_stream (&stream);
    return is_authentic;
}

const char *
godwit__zmtp_box_open (godwit__zmtp_box_t *box, uint8_t *body, size_t size, uint8_t *flags)
{
    if (size < AT_PAYLOAD || memcmp (body, name, AT_NONCE) != 0)
        return "it sent a frame that is not in a box";
    const uint64_t number = godwit__zmtp_nonce_read (body + AT_NONCE);
    if (!is_next (box, number))
        return "it sent a box out of turn: one came twice, or is missing";
    if (!uncover (box, body, size))
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
