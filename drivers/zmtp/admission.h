/* SPDX-License-Identifier: Apache-2.0 */
/* Who is let in: what an end says of its realm among the properties of its handshake, and what it makes of
 * the peer's.
 *
 *     X-Godwit-Credential   both ends: the credential of the process
 *     X-Godwit-Bulletin     both ends that have one: the number of the newest (8), big-endian
 *     X-Godwit-Welcome      the accepting end over CURVE: its welcome proof (64)
 *
 * An end without a realm says none of these, and refuses who says that it has one. Pure: no socket, no
 * thread; the clock is the realm's. One thread at a time. */
#ifndef GODWIT_DRIVERS_ZMTP_ADMISSION_H
#define GODWIT_DRIVERS_ZMTP_ADMISSION_H

#include "drivers/zmtp/ready.h"

#define GODWIT__ZMTP_CREDENTIAL_PROPERTY "X-Godwit-Credential"
#define GODWIT__ZMTP_BULLETIN_PROPERTY "X-Godwit-Bulletin"
#define GODWIT__ZMTP_WELCOME_PROPERTY "X-Godwit-Welcome"

/* How the reason begins when the peer has refused this end; a word of godwit__no_entry_word follows. */
#define GODWIT__ZMTP_REFUSED_US "refused us: "

/* The largest body of a command that a member sends, a BULLETIN. */
#define GODWIT__ZMTP_MEMBER_COMMAND_MAX (16 + GODWIT__BULLETIN_SEALED_MAX)

/* What comes of it. All zero at first. */
typedef struct godwit__zmtp_admission {
    godwit__party_t *party; /* who was let in: a reference; NULL: nobody, or there is no realm */
    uint64_t bulletin;      /* the number of the newest that the peer says it has; 0: none */
    uint64_t said;          /* the number of the own credential that the peer was told */
} godwit__zmtp_admission_t;

/* Adds what this end says to *used bytes of properties. Returns NULL, or what is wrong; static text. Nothing
 * is added without a realm. */
const char *godwit__zmtp_admission_say (godwit__zmtp_admission_t *admission,
                                        const godwit__zmtp_handshake_config_t *config,
                                        const godwit__zmtp_session_t *session, uint8_t *out, size_t room,
                                        size_t *used);
/* Looks at the properties of the peer, which are well-formed. Returns NULL: it is let in. Otherwise the word
 * that it is told, static, and in `text` what the log says: one line of printable ASCII. */
const char *godwit__zmtp_admission_check (godwit__zmtp_admission_t *admission,
                                          const godwit__zmtp_handshake_config_t *config,
                                          const godwit__zmtp_session_t *session, const uint8_t *properties,
                                          size_t size, char text[GODWIT__ADMIT_TEXT]);
/* Gives back what it has. Also more than once. */
void godwit__zmtp_admission_end (godwit__zmtp_admission_t *admission);

/* Writes why this end was refused, as its log says it: "refused us: revoked". word: from outside. */
void godwit__zmtp_admission_refused_us (char text[GODWIT__ADMIT_TEXT], const uint8_t *word, size_t size);
/* Whether a reason was written by refused_us. */
bool godwit__zmtp_admission_is_refused_us (const char *reason);
/* Whether this is a word by which members refuse each other. */
bool godwit__zmtp_admission_is_word (const uint8_t *word, size_t size);

#endif
