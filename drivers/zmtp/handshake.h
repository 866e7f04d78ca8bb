/* SPDX-License-Identifier: Apache-2.0 */
/* One end of a ZMTP connection, from the first byte until both ends are ready. No socket, no thread, no
 * clock: the caller feeds what it read, and sends what lies in `out`.
 *
 *     connecting  greeting ------>           <------ greeting  accepting
 *                 READY    ------>                             checks it
 *                 checks it              <------ READY         done
 *                 done
 *
 * Each end sends its greeting at once, and the connecting end its READY as soon as it has read the other's
 * greeting. The accepting end sends READY only after it has checked its peer's, or ERROR with the reason. No
 * deadlock can come of that: of two ends one connects, and libzmq, whichever end it is, sends READY without
 * waiting. With CURVE there are four commands (mechanism.h), and the accepting end is the last to speak, too.
 *
 * The struct lies in the connection. It owns memory only while something waits to be sent, while a command
 * has arrived in part, and when it failed: an open connection that says nothing costs no more than the
 * struct. One thread at a time.
 */
#ifndef GODWIT_DRIVERS_ZMTP_HANDSHAKE_H
#define GODWIT_DRIVERS_ZMTP_HANDSHAKE_H

#include <godwit/error.h>

#include "drivers/zmtp/admission.h"

#define GODWIT__ZMTP_GREETING_SIZE 64
#define GODWIT__ZMTP_MAJOR 3
#define GODWIT__ZMTP_MINOR 1            /* this end speaks ZMTP 3.1 */
#define GODWIT__ZMTP_HANDSHAKE_MAX 4096 /* bytes of a command before the end of the handshake */
/* How the reason begins when the peer sent ERROR. */
#define GODWIT__ZMTP_REFUSED_BY_PEER "refused by the peer"
#define GODWIT__ZMTP_HANDSHAKE_REASON_SIZE                                                                   \
    512 /* of the text that says why it failed; what is longer is cut */

typedef enum godwit__zmtp_handshake_state {
    GODWIT__ZMTP_HANDSHAKE_MORE,  /* send what lies in out, and feed what comes */
    GODWIT__ZMTP_HANDSHAKE_DONE,  /* send what lies in out, then frames; what was not consumed is the peer's
                                   * first frame
                                   */
    GODWIT__ZMTP_HANDSHAKE_FAILED /* see godwit__zmtp_handshake_reason */
} godwit__zmtp_handshake_state_t;

/* How the reason begins when this end is short of memory. */
#define GODWIT__ZMTP_NO_MEMORY "memory is short"

/* The caller reads the fields of "the peer", and `state`. */
typedef struct godwit__zmtp_handshake {
    const godwit__zmtp_handshake_config_t *config;
    /* Of the mechanism. After init, and before the first feed, the caller may set its door, and its keyring,
     * a reference of which becomes the handshake's. */
    godwit__zmtp_session_t session;
    uint8_t *out; /* on the heap; NULL: nothing waits */
    uint16_t out_size;
    uint16_t out_sent;
    uint8_t state;   /* godwit__zmtp_handshake_state_t */
    bool tells;      /* what lies in out tells the peer why it is refused */
    uint8_t greeted; /* bytes of the peer's greeting that have come */
    /* The peer. */
    uint8_t peer_minor;  /* the minor version of ZMTP 3 that both ends speak */
    uint8_t peer_socket; /* godwit__zmtp_socket_t; after DONE */
    bool is_peer_engine; /* it said X-Godwit-Engine; after DONE */
    /* What comes now. */
    uint8_t head_have;
    uint8_t head[GODWIT__ZMTP_MECHANISM_NAME_MAX]; /* the mechanism's name, then heads of frames */
    uint16_t body_size;                            /* of the command of this head */
    uint16_t body_have;
    uint16_t body_room;
    uint8_t *body;      /* on the heap, when it comes in parts */
    const char *reason; /* static, or reason_text */
    char *reason_text;  /* on the heap */
    const char *word;   /* what a peer that was not let in is told in place of the reason; static */
    /* Who was let in; after DONE the caller may take its party. */
    godwit__zmtp_admission_t admission;
} godwit__zmtp_handshake_t;

/* Begins: the greeting lies in out. OUT_OF_MEMORY: nothing has to be ended. */
godwit_status_t godwit__zmtp_handshake_init (godwit__zmtp_handshake_t *handshake,
                                             const godwit__zmtp_handshake_config_t *config);
/* Frees what it owns, the mechanism's part, too. At any time; also more than once, and after zeroing. */
void godwit__zmtp_handshake_end (godwit__zmtp_handshake_t *handshake);

/* The bytes that have to be sent now; *size may be 0. Borrowed until the next call. */
const uint8_t *godwit__zmtp_handshake_out (const godwit__zmtp_handshake_t *handshake, size_t *size);
/* So many of them were sent. */
void godwit__zmtp_handshake_sent (godwit__zmtp_handshake_t *handshake, size_t size);

/* Takes bytes of the peer. Writes how many were consumed: all of them after MORE and FAILED; after DONE what
 * comes behind the handshake is left. Must not be called after DONE or FAILED. Never writes to data. */
godwit__zmtp_handshake_state_t godwit__zmtp_handshake_feed (godwit__zmtp_handshake_t *handshake,
                                                            const uint8_t *data, size_t size,
                                                            size_t *consumed);

/* After FAILED: what is wrong, human-readable, one line of printable ASCII. Borrowed until end. */
const char *godwit__zmtp_handshake_reason (const godwit__zmtp_handshake_t *handshake);
/* What the peer has not sent, for a connection that ended, or was given up, before DONE: "its greeting", "the
 * rest of its greeting", "its READY" or such. Static text. */
const char *godwit__zmtp_handshake_missing (const godwit__zmtp_handshake_t *handshake);
/* For a connection that ended before DONE: what can be said of it, for the log. Static text. */
const char *godwit__zmtp_handshake_lost (const godwit__zmtp_handshake_t *handshake);
/* CURVE, a connecting end: whether it has knocked at a door, and was not let in (yet). If the connection ends
 * then, the peer may have another door of the keyring. */
bool godwit__zmtp_handshake_is_at_door (const godwit__zmtp_handshake_t *handshake);
/* After FAILED: whether what lies in out tells the peer why (an ERROR, or a greeting with another mechanism):
 * send it, shut down writing, and drain for a moment, because a reset would lose it. False: close. */
bool godwit__zmtp_handshake_tells (const godwit__zmtp_handshake_t *handshake);
/* After FAILED: the word that the peer is to be told in a REFUSED, among the traffic that has begun for it:
 * an end that accepts has said all when the other one knows whether to let it in. NULL: there is none. Static
 * text. */
const char *godwit__zmtp_handshake_refused (const godwit__zmtp_handshake_t *handshake);

#endif
