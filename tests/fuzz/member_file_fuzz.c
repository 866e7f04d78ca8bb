/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a member file: no crash, no secret in an error. What is read is written out again, and then
 * reads the same. */
#include "src/realm/member_file.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (bool good)
{
    if (!good)
        abort ();
}

/* Errors name the file, and show no longer word of it: a line may be a key. */
static void
check_error (godwit_status_t status, godwit_error_t *error, const uint8_t *data, size_t size)
{
    const char *const message = godwit_error_message (error);
    check (status == GODWIT_ERR_MALFORMED);
    check (strncmp (message, "x.member:", 9) == 0);
    for (size_t at = 0; at + 43 <= size; at++)
        check (memchr (data + at, '\0', 43) || !memmem (message, strlen (message), data + at, 43) ||
               memchr (data + at, ' ', 43));
    godwit_error_destroy (&error);
}

static void
check_same (const godwit__member_file_t *a, const godwit__member_file_t *b)
{
    check (a->realm_count == b->realm_count && a->door_count == b->door_count);
    check (memcmp (a->realms, b->realms, a->realm_count * sizeof a->realms[0]) == 0);
    for (size_t i = 0; i < a->door_count; i++)
        check (memcmp (a->doors[i], b->doors[i], GODWIT__PUBLIC_SIZE) == 0);
    check (memcmp (a->identity, b->identity, crypto_sign_SECRETKEYBYTES) == 0);
    check (a->body_size == b->body_size && memcmp (a->body, b->body, a->body_size) == 0);
    check (memcmp (a->signature, b->signature, sizeof a->signature) == 0);
}

static void
check_again (const godwit__member_file_t *file)
{
    godwit__member_file_t again;
    char *text = NULL;
    size_t size = 0;
    check (godwit__member_file_write (file, &text, &size, NULL) == GODWIT_OK);
    check (godwit__member_file_read (&again, text, size, "x.member", NULL) == GODWIT_OK);
    check_same (file, &again);
    godwit__member_file_clear (&again);
    sodium_free (text);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    godwit__member_file_t file;
    godwit_error_t *error = NULL;
    const godwit_status_t status =
        godwit__member_file_read (&file, (const char *) data, size, "x.member", &error);
    if (status) {
        check_error (status, error, data, size);
        return 0;
    }
    check_again (&file);
    godwit__member_file_clear (&file);
    return 0;
}
