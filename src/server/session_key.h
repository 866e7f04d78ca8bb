/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers under which a port remembers connections and publications. They are made of what the other end
 * states, so they are hashed with a secret (SipHash-2-4): nobody can state what falls upon the number of
 * somebody else, nor try out what would. */
#ifndef GODWIT_SRC_SERVER_SESSION_KEY_H
#define GODWIT_SRC_SERVER_SESSION_KEY_H

#include "src/interface/matchmaker.h"
#include "src/wire/fanout.h"

#define GODWIT__SESSION_SECRET_SIZE 16

/* Random, another one for each port. */
typedef struct godwit__session_secret {
    uint8_t bytes[GODWIT__SESSION_SECRET_SIZE];
} godwit__session_secret_t;

void godwit__session_secret_init (godwit__session_secret_t *secret);
/* Of the connection with this number (protocol 4.1), of the process with this instance and incarnation. */
uint64_t godwit__session_key_of_connection (const godwit__session_secret_t *secret,
                                            const uint8_t instance[GODWIT__UUID_SIZE], uint64_t incarnation,
                                            uint32_t number);
/* In a realm, of what the publisher with this number, of the process with this instance, publishes with a
 * key.
 */
uint64_t godwit__session_key_of_publisher (const godwit__session_secret_t *secret,
                                           const uint8_t instance[GODWIT__UUID_SIZE],
                                           const uint8_t key[GODWIT__KEY_SIZE], uint32_t number);

#endif
