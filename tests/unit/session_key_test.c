/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of connections and publications: each part of what is stated counts, and so does the secret. */
#include <criterion/criterion.h>

#include "src/server/session_key.h"

#include <string.h>

typedef uint64_t key_fn (const godwit__session_secret_t *secret, unsigned changed);

static uint64_t
of_connection (const godwit__session_secret_t *secret, unsigned changed)
{
    uint8_t instance[GODWIT__UUID_SIZE] = {1};
    if (changed < sizeof instance)
        instance[changed] ^= 0x80;
    return godwit__session_key_of_connection (secret, instance, changed == 16 ? 8 : 7, changed == 17 ? 4 : 3);
}

static uint64_t
of_publisher (const godwit__session_secret_t *secret, unsigned changed)
{
    uint8_t instance[GODWIT__UUID_SIZE] = {1}, key[GODWIT__KEY_SIZE] = {2};
    if (changed < sizeof instance)
        instance[changed] ^= 0x80;
    if (changed == 16)
        key[sizeof key - 1] ^= 0x80;
    return godwit__session_key_of_publisher (secret, instance, key, changed == 17 ? 4 : 3);
}

static void
assert_all_counts (key_fn *of)
{
    enum { AS_IT_WAS = 18 };
    godwit__session_secret_t secret, other;
    godwit__session_secret_init (&secret);
    godwit__session_secret_init (&other);
    cr_assert_neq (memcmp (&secret, &other, sizeof secret), 0);
    const uint64_t key = of (&secret, AS_IT_WAS);
    cr_assert_eq (of (&secret, AS_IT_WAS), key);
    cr_assert_neq (of (&other, AS_IT_WAS), key);
    for (unsigned changed = 0; changed < AS_IT_WAS; changed++)
        cr_assert_neq (of (&secret, changed), key, "%u", changed);
}

Test (session_key, all_of_a_connection_counts)
{
    assert_all_counts (of_connection);
}

Test (session_key, all_of_a_publisher_counts)
{
    assert_all_counts (of_publisher);
}
