/* SPDX-License-Identifier: Apache-2.0 */
/* What binds a running process to a certificate, and a connection to a process.
 *
 * A process proof is signed by the identity of a certificate. Its body is a msgpack map with exactly these
 * keys in this order: serial uint64, curve bin32, sign bin32, until int.
 *
 * A welcome proof is signed by the `sign` key of the process that accepted a connection, over the two
 * transient keys of this connection: a member in the middle, who has the door, too, would have others. (The K
 * of the accepting end is never proven by CURVE, which proves the shared door.)
 *
 * Pure; any thread. Untrusted input. */
#ifndef GODWIT_SRC_REALM_PROOF_H
#define GODWIT_SRC_REALM_PROOF_H

#include "src/realm/certificate.h"

#define GODWIT__PROOF_SIZE_MAX 256 /* bytes of the body */
#define GODWIT__PROOF_LIFE_S                                                                                 \
    INT64_C (86400) /* the longest life of a process proof; it is renewed at half                            \
                     */
#define GODWIT__INSTANCE_SIZE 16

typedef struct godwit__process_proof {
    uint64_t serial;                    /* of the certificate */
    uint8_t curve[GODWIT__PUBLIC_SIZE]; /* K: X25519, the client key of its connections */
    uint8_t sign[GODWIT__PUBLIC_SIZE];  /* Ed25519 */
    int64_t until;
} godwit__process_proof_t;

/* MALFORMED says what is wrong. */
godwit_status_t godwit__proof_read (godwit__process_proof_t *proof, const uint8_t *body, size_t size,
                                    godwit_error_t **error);
/* Returns its size. */
size_t godwit__proof_write (const godwit__process_proof_t *proof, uint8_t body[GODWIT__PROOF_SIZE_MAX]);

/* The instance of the process with these keys. */
void godwit__proof_instance (uint8_t instance[GODWIT__INSTANCE_SIZE],
                             const uint8_t curve[GODWIT__PUBLIC_SIZE],
                             const uint8_t sign[GODWIT__PUBLIC_SIZE]);

/* What a welcome proof is signed over: 112 bytes, in this order. */
typedef struct godwit__welcome {
    uint8_t client[GODWIT__PUBLIC_SIZE];           /* K of the connecting process */
    uint8_t client_transient[GODWIT__PUBLIC_SIZE]; /* C' */
    uint8_t server_transient[GODWIT__PUBLIC_SIZE]; /* S' */
    uint8_t instance[GODWIT__INSTANCE_SIZE];       /* of the accepting process */
} godwit__welcome_t;

#endif
