/* SPDX-License-Identifier: Apache-2.0 */
/* Prints a member file with dates of one's own, for e2e.realm_command: realm_forge MEMBER KEY NAME FROM
 * UNTIL. MEMBER is a member file, whose keys it gets; KEY the file of the realm's key, without a passphrase;
 * FROM and UNTIL are seconds from now on. */
#include "src/realm/member_file.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void
die (const char *what, godwit_error_t *error)
{
    fprintf (stderr, "realm_forge: %s: %s\n", what, error ? godwit_error_message (error) : "failed");
    exit (EXIT_FAILURE);
}

static void
read_key (const char *path, uint8_t *secret)
{
    char line[256];
    uint8_t seed[crypto_sign_SEEDBYTES], key[GODWIT__PUBLIC_SIZE];
    size_t size = 0;
    FILE *const file = fopen (path, "r");
    while (file && fgets (line, sizeof line, file))
        if (strncmp (line, "seed = ", 7) == 0)
            sodium_base642bin (seed, sizeof seed, line + 7, strcspn (line + 7, "\n"), NULL, &size, NULL,
                               sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    if (size != sizeof seed)
        die (path, NULL);
    fclose (file);
    crypto_sign_seed_keypair (key, secret, seed);
}

int
main (int argc, char **argv)
{
    godwit__member_file_t member;
    godwit_error_t *error = NULL;
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    char *text = NULL;
    size_t size = 0;
    if (argc != 6 || sodium_init () < 0)
        die ("MEMBER KEY NAME FROM UNTIL", NULL);
    if (godwit__member_file_load (&member, argv[1], &error) != GODWIT_OK)
        die (argv[1], error);
    read_key (argv[2], secret);
    godwit__certificate_t *const certificate = &member.certificate;
    snprintf (certificate->name, sizeof certificate->name, "%s", argv[3]);
    certificate->from = time (NULL) + strtol (argv[4], NULL, 10);
    certificate->until = time (NULL) + strtol (argv[5], NULL, 10);
    if (godwit__certificate_write (certificate, member.body, &member.body_size, &error) != GODWIT_OK)
        die ("certificate", error);
    godwit__sign (member.signature, GODWIT__LABEL_CERTIFICATE, member.body, member.body_size, secret);
    if (godwit__member_file_write (&member, &text, &size, &error) != GODWIT_OK)
        die ("member file", error);
    fwrite (text, 1, size, stdout);
    sodium_free (text);
    godwit__member_file_clear (&member);
    return EXIT_SUCCESS;
}
