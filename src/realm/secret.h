/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for keys: locked, kept out of core dumps, between guard pages, and wiped when it is given back
 * (sodium_malloc). Each piece has 64 bytes, and many share a page: a page for each connection would cost more
 * than the connection. */
#ifndef GODWIT_SRC_REALM_SECRET_H
#define GODWIT_SRC_REALM_SECRET_H

#include <stdint.h>

#define GODWIT__SECRET_SIZE 64 /* bytes of a piece */

/* A piece of zeroes, of GODWIT__SECRET_SIZE bytes. NULL: memory is short, or libsodium cannot start. Any
 * thread. */
uint8_t *godwit__secret_new (void);
/* Wipes a piece, and gives it back. NULL is fine. Any thread. */
void godwit__secret_free (uint8_t *secret);

#endif
