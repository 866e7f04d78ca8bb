/* SPDX-License-Identifier: Apache-2.0 */
#include "src/realm/proof.h"

#include "src/realm/strict.h"

#include <sodium.h>

#define FIELDS 4
static const godwit__limits_t limits = {.size = GODWIT__PROOF_SIZE_MAX, .depth = 1, .count = 1 + 2 * FIELDS};

godwit_status_t
godwit__proof_read (godwit__process_proof_t *proof, const uint8_t *body, size_t size, godwit_error_t **error)
{
    godwit__strict_t map;
    godwit__process_proof_t read;
    godwit_status_t status = godwit__strict_open (&map, "process proof", body, size, &limits, FIELDS, error);
    if (status)
        return status;
    read.serial = godwit__strict_number (&map, "serial", 1, UINT64_MAX);
    godwit__strict_bin (&map, "curve", read.curve, sizeof read.curve);
    godwit__strict_bin (&map, "sign", read.sign, sizeof read.sign);
    read.until = godwit__strict_time (&map, "until");
    status = godwit__strict_close (&map, error);
    if (status == GODWIT_OK)
        *proof = read;
    return status;
}

size_t
godwit__proof_write (const godwit__process_proof_t *proof, uint8_t body[GODWIT__PROOF_SIZE_MAX])
{
    godwit__writer_t writer = {.data = body, .capacity = GODWIT__PROOF_SIZE_MAX};
    godwit__write_map (&writer, FIELDS);
    godwit__write_text (&writer, "serial");
    godwit__write_uint (&writer, proof->serial);
    godwit__write_text (&writer, "curve");
    godwit__write_bin (&writer, proof->curve, sizeof proof->curve);
    godwit__write_text (&writer, "sign");
    godwit__write_bin (&writer, proof->sign, sizeof proof->sign);
    godwit__write_text (&writer, "until");
    godwit__write_int (&writer, proof->until);
    return writer.size;
}

void
godwit__proof_instance (uint8_t instance[GODWIT__INSTANCE_SIZE], const uint8_t curve[GODWIT__PUBLIC_SIZE],
                        const uint8_t sign[GODWIT__PUBLIC_SIZE])
{
    static const char label[] = "godwit instance"; /* with its NUL */
    crypto_generichash_state state;
    crypto_generichash_init (&state, NULL, 0, GODWIT__INSTANCE_SIZE);
    crypto_generichash_update (&state, (const unsigned char *) label, sizeof label);
    crypto_generichash_update (&state, curve, GODWIT__PUBLIC_SIZE);
    crypto_generichash_update (&state, sign, GODWIT__PUBLIC_SIZE);
    crypto_generichash_final (&state, instance, GODWIT__INSTANCE_SIZE);
}
