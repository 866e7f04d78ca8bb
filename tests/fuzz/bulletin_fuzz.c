/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to a sealed bulletin, and, signed by us, to the body of one: else no change would get past the
 * signature. */
#include "src/realm/bulletin.h"
#include "src/realm/strict.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define SECRET_SIZE 64
static uint8_t keys[1][GODWIT__PUBLIC_SIZE];
static uint8_t secret[SECRET_SIZE];

static void
check (bool good)
{
    if (!good)
        abort ();
}

static void
make_key (void)
{
    static const uint8_t seed[crypto_sign_SEEDBYTES] = {1};
    if (sodium_is_zero (secret, sizeof secret))
        crypto_sign_seed_keypair (keys[0], secret, seed);
}

static void
check_bulletin (const godwit__bulletin_t *bulletin)
{
    check (bulletin->number != 0 && bulletin->before >= 0 && bulletin->before <= GODWIT__TIME_MAX);
    for (size_t i = 0; i < bulletin->revoked_count; i++) {
        const godwit__certificate_t certificate = {.serial = bulletin->revoked[i].serial,
                                                   .from = GODWIT__TIME_MAX};
        check (godwit__bulletin_revokes (bulletin, &certificate));
        check (i == 0 || bulletin->revoked[i - 1].serial <= bulletin->revoked[i].serial);
    }
}

/* Whose front is written as usual says in front what it says. */
static void
check_front (const godwit__bulletin_t *bulletin)
{
    uint8_t realm[GODWIT__REALM_ID_SIZE];
    uint64_t number = 0;
    if (godwit__bulletin_peek (realm, &number, bulletin->sealed, bulletin->sealed_size))
        check (number == bulletin->number && memcmp (realm, bulletin->realm, sizeof realm) == 0);
}

/* What was read can be made again, and says the same. */
static void
check_again (const godwit__bulletin_t *bulletin)
{
    godwit__bulletin_t *again = NULL;
    check (godwit__bulletin_new (&again, bulletin, secret, NULL) == GODWIT_OK);
    check (again->number == bulletin->number && again->before == bulletin->before);
    check (again->revoked_count == bulletin->revoked_count && again->sealed_size <= bulletin->sealed_size);
    godwit__bulletin_unref (&again);
}

static bool
try_sealed (const uint8_t *data, size_t size)
{
    godwit__bulletin_t *bulletin = NULL;
    godwit_error_t *error = NULL;
    uint8_t realm[GODWIT__REALM_ID_SIZE];
    uint64_t number;
    godwit__bulletin_peek (realm, &number, data, size);
    const godwit_status_t status = godwit__bulletin_open (
        &bulletin, data, size, (const uint8_t (*)[GODWIT__PUBLIC_SIZE]) keys, 1, &error);
    if (status) {
        check (status == GODWIT_ERR_MALFORMED || status == GODWIT_ERR_PERMISSION_DENIED);
        check (!bulletin && *godwit_error_message (error) != '\0');
        godwit_error_destroy (&error);
        return false;
    }
    check_bulletin (bulletin);
    check_front (bulletin);
    check_again (bulletin);
    godwit__bulletin_unref (&bulletin);
    return true;
}

static void
try_body (const uint8_t *data, size_t size)
{
    uint8_t signature[GODWIT__SIGNATURE_SIZE];
    godwit__writer_t writer = {.capacity = size + GODWIT__SIGNATURE_SIZE + 16};
    writer.data = malloc (writer.capacity);
    if (!writer.data)
        return;
    godwit__sign (signature, GODWIT__LABEL_BULLETIN, data, size, secret);
    godwit__write_array (&writer, 2);
    godwit__write_bin (&writer, data, size);
    godwit__write_bin (&writer, signature, sizeof signature);
    check (!writer.overflow);
    try_sealed (writer.data, writer.size);
    free (writer.data);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    make_key ();
    try_sealed (data, size);
    try_body (data, size);
    return 0;
}
