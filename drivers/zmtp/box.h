/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes: what frames travel in behind a CURVE handshake, as libzmq has them (RFC 26).
 *
 *     frame     a *message* frame without MORE, whatever is in it: "\7MESSAGE"  nonce (8)  mac (16)  boxed:
 * flags (1)  payload flags     1 MORE, 2 COMMAND
 *
 * The key is that of both directions (crypto_box_beforenm); the nonces of the two begin with other texts.
 * Pure: no socket, no clock. One thread seals, and one opens. */
#ifndef GODWIT_DRIVERS_ZMTP_BOX_H
#define GODWIT_DRIVERS_ZMTP_BOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GODWIT__ZMTP_BOX_HEAD 32                              /* "\7MESSAGE", nonce, mac */
#define GODWIT__ZMTP_BOX_OVERHEAD (GODWIT__ZMTP_BOX_HEAD + 1) /* and the flags */
#define GODWIT__ZMTP_BOX_MORE 1
#define GODWIT__ZMTP_BOX_COMMAND 2
/* Between two engines a part behind which more of its message comes has so many bytes at least. */
#define GODWIT__ZMTP_PART_MIN 4096

typedef struct godwit__zmtp_box {
    uint8_t *key;      /* 32 bytes of godwit__secret_new; NULL: nothing is boxed */
    uint64_t sent;     /* the nonce of the last frame that was sealed; whoever seals */
    uint64_t received; /* of the last one that was opened; whoever opens */
    bool accepts;      /* this end accepted the connection */
    bool is_exact; /* the peer's nonces are each the previous one + 1, so that nothing can be cut out; else:
                      greater */
} godwit__zmtp_box_t;

/* Seals a payload in place: the payload lies at body + GODWIT__ZMTP_BOX_OVERHEAD, and body has room for both.
 * Afterwards body holds the body of a message frame. */
void godwit__zmtp_box_seal (godwit__zmtp_box_t *box, uint8_t *body, size_t payload_size, bool is_command);
/* The same for a part of a message behind which more of it comes. */
void godwit__zmtp_box_seal_part (godwit__zmtp_box_t *box, uint8_t *body, size_t payload_size);
/* Opens the body of a message frame in place. NULL: its payload lies at body + GODWIT__ZMTP_BOX_OVERHEAD,
 * with size - GODWIT__ZMTP_BOX_OVERHEAD bytes, and *flags are written. Otherwise what is wrong with it;
 * static text. */
const char *godwit__zmtp_box_open (godwit__zmtp_box_t *box, uint8_t *body, size_t size, uint8_t *flags);
/* Wipes the key, and gives it back. */
void godwit__zmtp_box_end (godwit__zmtp_box_t *box);

#endif
