/* SPDX-License-Identifier: Apache-2.0 */
/* A bulletin: which certificates are void. The highest number holds. Signed as a certificate is; the body is
 * a msgpack map with exactly these keys in this order:
 *
 *     realm bin16, number uint64 not 0, issued int, before int, revoked [[serial uint64, until int]]
 *
 * Immutable and counted. Any thread. Untrusted input. */
#ifndef GODWIT_SRC_REALM_BULLETIN_H
#define GODWIT_SRC_REALM_BULLETIN_H

#include "src/realm/certificate.h"

#include <stdatomic.h>

#define GODWIT__BULLETIN_SIZE_MAX 60000 /* bytes of the body */
/* On the wire, and in its file: a msgpack list of exactly two bin: the body, and the signature. */
#define GODWIT__BULLETIN_SEALED_MAX (GODWIT__BULLETIN_SIZE_MAX + GODWIT__SIGNATURE_SIZE + 8)

typedef struct godwit__revocation {
    uint64_t serial;
    int64_t until; /* of the certificate: twice the skew of clocks later the entry may be left out */
} godwit__revocation_t;

typedef struct godwit__bulletin {
    atomic_uint refs;
    uint8_t realm[GODWIT__REALM_ID_SIZE];
    uint64_t number;
    int64_t issued;
    int64_t before; /* certificates with a smaller `from` are void */
    size_t revoked_count;
    godwit__revocation_t *revoked; /* in the order of their serials */
    size_t sealed_size;
    uint8_t *sealed; /* with its signature, as it came */
} godwit__bulletin_t;

/* Reads a sealed bulletin that one of the realm's keys has signed; the list, of up to 20,000 entries, only
 * after the signature. MALFORMED: no bulletin, or its signature is wrong. PERMISSION_DENIED: it names another
 * realm key than these, as while a realm's key is changed. OUT_OF_MEMORY. */
godwit_status_t godwit__bulletin_open (godwit__bulletin_t **bulletin, const uint8_t *sealed, size_t size,
                                       const uint8_t (*keys)[GODWIT__PUBLIC_SIZE], size_t key_count,
                                       godwit_error_t **error);
/* Reads realm and number alone, which are in front, and copies nothing else: what is no news is known as such
 * before the list, of up to 20,000 entries, is read. Nothing is checked but the form of what comes before
 * them: exactly that which godwit__bulletin_new writes; the number may be of any width. False: it is no
 * bulletin. */
bool godwit__bulletin_peek (uint8_t realm[GODWIT__REALM_ID_SIZE], uint64_t *number, const uint8_t *sealed,
                            size_t size);
/* Makes one: from realm, number, issued, before and revoked (in any order) of `fields`, signed with the
 * realm's secret key (64 bytes). LIMIT_EXCEEDED: too many are revoked. OUT_OF_MEMORY. */
godwit_status_t godwit__bulletin_new (godwit__bulletin_t **bulletin, const godwit__bulletin_t *fields,
                                      const uint8_t *secret, godwit_error_t **error);
godwit__bulletin_t *godwit__bulletin_ref (godwit__bulletin_t *bulletin);
/* Sets *bulletin to NULL. */
void godwit__bulletin_unref (godwit__bulletin_t **bulletin);
bool godwit__bulletin_revokes (const godwit__bulletin_t *bulletin, const godwit__certificate_t *certificate);

#endif
