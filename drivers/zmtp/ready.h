/* SPDX-License-Identifier: Apache-2.0 */
/* What the ends of a connection say of themselves before traffic, as the properties of a READY: which type of
 * socket each is, and what else. Pure: bytes in, bytes out. */
#ifndef GODWIT_DRIVERS_ZMTP_READY_H
#define GODWIT_DRIVERS_ZMTP_READY_H

#include "drivers/zmtp/mechanism.h"

#define GODWIT__ZMTP_ENGINE                                                                                  \
    "X-Godwit-Engine" /* the property by which ends of this engine know each other: "1" */

typedef enum godwit__zmtp_socket {
    GODWIT__ZMTP_DEALER, /* speaks with ROUTER */
    GODWIT__ZMTP_ROUTER, /* speaks with DEALER */
    GODWIT__ZMTP_PUB,    /* these two speak with SUB and XSUB */
    GODWIT__ZMTP_XPUB,
    GODWIT__ZMTP_SUB, /* these two speak with PUB and XPUB */
    GODWIT__ZMTP_XSUB,
    GODWIT__ZMTP_SOCKET_COUNT
} godwit__zmtp_socket_t;

/* The name of a type of sockets, as in a READY. Static text. */
const char *godwit__zmtp_socket_name (godwit__zmtp_socket_t socket);

/* What one end says and accepts. Borrowed by its handshakes, with all that it points to: usually static. */
typedef struct godwit__zmtp_handshake_config {
    const godwit__zmtp_mechanism_t *mechanism; /* NULL: godwit__zmtp_null */
    bool accepts;                              /* this end accepted the connection; false: it connects */
    /* CURVE: the keys; each handshake references it. NULL: the handshake is given one (handshake.h). */
    godwit__keyring_t *keyring;
    godwit__zmtp_socket_t socket;
    const godwit__zmtp_property_t *properties; /* said beside Socket-Type and X-Godwit-Engine */
    size_t property_count;
    /* Looks at each property of the peer, but its Socket-Type. Returns NULL, or why the peer is refused:
     * static text of at most 255 bytes, which the peer is told. NULL: all are ignored. */
    const char *(*check) (void *user, const godwit__zmtp_property_t *property);
    void *user;
    /* Whom to let in, and what to say of oneself (admission.h). NULL: there is none. */
    godwit__realm_t *realm;
} godwit__zmtp_handshake_config_t;

/* Writes the properties of an end. Returns their size; 0: they do not fit into room. */
size_t godwit__zmtp_ready_write (uint8_t *out, size_t room, const godwit__zmtp_handshake_config_t *config);

#define GODWIT__ZMTP_READY_TEXT 128

/* Looks at the properties of the peer. Returns NULL, and writes which type of socket it is, and whether it
 * said X-Godwit-Engine; or returns why it is refused: static text, or in `text`, of at most 255 printable
 * bytes. */
const char *godwit__zmtp_ready_check (const godwit__zmtp_handshake_config_t *config,
                                      const uint8_t *properties, size_t size, godwit__zmtp_socket_t *socket,
                                      bool *is_engine, char text[GODWIT__ZMTP_READY_TEXT]);

#endif
