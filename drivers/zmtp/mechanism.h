/* SPDX-License-Identifier: Apache-2.0 */
/* A security mechanism of ZMTP: which commands two ends exchange between greeting and traffic.
 *
 * The handshake (handshake.h) owns greeting, frames, properties and reasons; a mechanism turns the properties
 * of this end into the bodies of commands, and the bodies of the peer's commands into the peer's properties:
 *
 *     NULL     either end    READY (properties)
 *     CURVE    connecting    HELLO                    INITIATE (properties)
 *              accepting             WELCOME                        READY (properties)
 *
 * Behind a CURVE handshake all frames travel in boxes (box.h), whose key the mechanism hands over. What its
 * commands hold is in curve.h.
 */
#ifndef GODWIT_DRIVERS_ZMTP_MECHANISM_H
#define GODWIT_DRIVERS_ZMTP_MECHANISM_H

#include "drivers/zmtp/box.h"
#include "drivers/zmtp/command.h"

#include "src/realm/realm.h"

#define GODWIT__ZMTP_MECHANISM_NAME_MAX 20 /* bytes in the greeting */

/* What a mechanism remembers of one connection. One thread at a time. */
typedef struct godwit__zmtp_session {
    bool accepts;          /* this end accepted the connection; false: it connects */
    bool is_peer_accepted; /* the handshake took the properties of the peer: this end may say who it is */
    bool is_at_door;       /* CURVE, a connecting end: it has sent HELLO, and no WELCOME has come yet */
    uint8_t step;          /* the mechanism's own; 0 at first */
    void *own;             /* the mechanism's own; NULL at first; freed by `end` */

    /* CURVE. */
    godwit__keyring_t *keyring; /* the handshake's reference; NULL with other mechanisms */
    unsigned door; /* which door of the keyring this end knocks at; an accepting end: the peer, after its
                      HELLO */
    /* Known once the peer's properties are (STEP_PROPERTIES): K of the connecting end, proven, and the two
     * transient keys. */
    uint8_t client[GODWIT__PUBLIC_SIZE];
    uint8_t client_transient[GODWIT__PUBLIC_SIZE];
    uint8_t server_transient[GODWIT__PUBLIC_SIZE];
} godwit__zmtp_session_t;

typedef enum godwit__zmtp_step {
    GODWIT__ZMTP_STEP_MORE,       /* go on: perhaps it is this end's turn now */
    GODWIT__ZMTP_STEP_PROPERTIES, /* the command carried the peer's properties: check them, then go on */
    GODWIT__ZMTP_STEP_WRONG       /* the connection fails */
} godwit__zmtp_step_t;

/* None of these blocks. `properties` are those of this end, encoded (godwit__zmtp_property_write). */
typedef struct godwit__zmtp_mechanism {
    const char *name; /* in the greeting, upper case, at most GODWIT__ZMTP_MECHANISM_NAME_MAX bytes */
    bool has_server;  /* the accepting end says as-server in its greeting; false: neither says it */
    /* Strangers are told nothing: only the accepting end sends ERROR, and only to a peer whose properties it
     * has read. False: each end that refuses the other says why. */
    bool is_silent;
    /* Writes the body of the command that this end has to send now into out. Returns its size; 0: it is the
     * peer's turn, or all was sent. Is asked again until it returns 0. A body that is larger than room is the
     * static text *wrong. */
    size_t (*next) (godwit__zmtp_session_t *session, const uint8_t *properties, size_t size, uint8_t *out,
                    size_t room, const char **wrong);
    /* Takes a command of the peer, which is not ERROR. PROPERTIES: *properties are the peer's; they point
     * into the command or into session->own, and are valid until the next call. WRONG: *wrong is static text.
     */
    godwit__zmtp_step_t (*take) (godwit__zmtp_session_t *session, const uint8_t *body, size_t body_size,
                                 const uint8_t **properties, size_t *size, const char **wrong);
    /* Whether this end has sent and taken all; traffic follows. */
    bool (*is_done) (const godwit__zmtp_session_t *session);
    /* Frees session->own. NULL: there is none. */
    void (*end) (godwit__zmtp_session_t *session);
    /* After is_done: moves the key of the traffic, and the nonces, to the box. NULL: frames travel as they
     * are. */
    void (*take_box) (godwit__zmtp_session_t *session, godwit__zmtp_box_t *box);
    /* Which command of the peer is missing, after the greetings: "its HELLO", or, if a part of it has come,
     * "the rest of its HELLO". Static text. NULL: it is always READY. */
    const char *(*missing) (const godwit__zmtp_session_t *session, bool has_begun);
} godwit__zmtp_mechanism_t;

extern const godwit__zmtp_mechanism_t godwit__zmtp_null;
extern const godwit__zmtp_mechanism_t godwit__zmtp_curve;

#endif
