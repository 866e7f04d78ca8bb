/* SPDX-License-Identifier: Apache-2.0 */
/* A serializer of the program's own: arguments and results travel encrypted, with libsodium's secretbox.
 *
 *     entity -> JSON text -> nonce (24 bytes, fresh for each entity) and box -> bin
 *
 * Whoever has not the key can neither read nor change nor make an entity. The names of methods and arguments,
 * and the context, are not sealed, and an old message can be sent again: what must not happen needs a counter
 * or a time inside the entity.
 */
#ifndef EXAMPLES_SEALED_H
#define EXAMPLES_SEALED_H

#include <godwit/godwit.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

struct sealed {
    unsigned char key[crypto_secretbox_KEYBYTES];
};

static void
free_bytes (void *data, void *hint)
{
    (void) hint;
    free (data);
}

static godwit_status_t
seal (void *self, const godwit_value_t *context, const godwit_value_t *entity, godwit_value_t **out,
      godwit_error_t **error)
{
    const struct sealed *sealed = self;
    godwit_value_t *text = NULL;
    godwit_status_t status =
        godwit_json_serializer.serialize_entity (godwit_json_serializer.self, context, entity, &text, error);
    if (status)
        return status;
    const char *plain = godwit_value_as_str (text, "");
    const size_t plain_size = godwit_value_count (text);
    const size_t size = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + plain_size;
    unsigned char *bytes = malloc (size);
    if (bytes) {
        randombytes_buf (bytes, crypto_secretbox_NONCEBYTES);
        crypto_secretbox_easy (bytes + crypto_secretbox_NONCEBYTES, (const unsigned char *) plain, plain_size,
                               bytes, sealed->key);
        /* They are sent from where they are, and freed once they were: they belong to the value from here on.
         */
        status = godwit_value_new_bin (out, bytes, size, free_bytes, NULL, error);
    } else {
        *error = godwit_error_new (GODWIT_ERR_OUT_OF_MEMORY, "sealed: out of memory");
        status = GODWIT_ERR_OUT_OF_MEMORY;
    }
    godwit_value_unref (&text);
    return status;
}

static godwit_status_t
unseal (void *self, const godwit_value_t *context, const godwit_value_t *entity, godwit_value_t **out,
        godwit_error_t **error)
{
    const struct sealed *sealed = self;
    const void *data = NULL;
    size_t size = 0;
    godwit_status_t status = godwit_value_get_bin (entity, &data, &size, error);
    if (status)
        return status;
    const unsigned char *bytes = data;
    const size_t overhead = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
    unsigned char *plain = malloc (size + 1);
    if (!plain) {
        *error = godwit_error_new (GODWIT_ERR_OUT_OF_MEMORY, "sealed: out of memory");
        return GODWIT_ERR_OUT_OF_MEMORY;
    }
    if (size < overhead ||
        crypto_secretbox_open_easy (plain, bytes + crypto_secretbox_NONCEBYTES,
                                    size - crypto_secretbox_NONCEBYTES, bytes, sealed->key)) {
        *error = godwit_error_new (GODWIT_ERR_MALFORMED,
                                   "sealed: an entity was sealed with another key, or changed");
        status = GODWIT_ERR_MALFORMED;
    } else {
        godwit_value_t *text = NULL;
        status = godwit_value_new (&text, GODWIT_STRN (NULL, (const char *) plain, size - overhead), error);
        if (!status)
            status = godwit_json_serializer.deserialize_entity (godwit_json_serializer.self, context, text,
                                                                out, error);
        godwit_value_unref (&text);
    }
    free (plain);
    return status;
}

/* The serializer, once its key was read: 32 bytes of a file. */
static inline godwit_serializer_t
sealed_serializer (struct sealed *sealed)
{
    return (godwit_serializer_t){.struct_size = sizeof (godwit_serializer_t),
                                 .self = sealed,
                                 .serialize_entity = seal,
                                 .deserialize_entity = unseal};
}

static inline bool
sealed_read_key (struct sealed *sealed, const char *path)
{
    FILE *file = sodium_init () < 0 ? NULL : fopen (path, "rb");
    const bool read = file && fread (sealed->key, 1, sizeof sealed->key, file) == sizeof sealed->key;
    if (file)
        fclose (file);
    if (!read)
        fprintf (stderr, "%s: expected a key of %zu bytes\n", path, sizeof sealed->key);
    return read;
}

#endif
