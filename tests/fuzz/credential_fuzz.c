/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as the credential of a peer: as they are, and with signatures that are right, so that changes get
 * past them. */
#include "src/realm/realm.h"
#include "src/realm/strict.h"
#include "tests/support/realm_files.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* The corpus was made for these: realm 1, and its second member. */
#define NOW INT64_C (1800000000)
#define FROM (NOW - 1000000)
#define UNTIL (NOW + 1000000)

static godwit__realm_t *realm;
static uint8_t realm_secret[64];
static godwit__member_file_t peer;

static void
check (bool good)
{
    if (!good)
        abort ();
}

static int64_t
tell_time (void *user)
{
    (void) user;
    return NOW;
}

static const char *
issue (godwit__test_realm_t *files, const char *name)
{
    return godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = name, .from = FROM, .until = UNTIL));
}

static void
make_realm (void)
{
    godwit__test_realm_t *files = godwit__test_realm_new (1);
    const godwit__realm_options_t options = {.path = issue (files, "host"), .now_s = tell_time};
    check (godwit__member_file_load (&peer, issue (files, "peer"), NULL) == GODWIT_OK);
    godwit__test_realm_revoke_serial (files, 7);
    godwit__test_realm_put_bulletin (files, "host");
    check (godwit__realm_open (&realm, &options, NULL) == GODWIT_OK);
    memcpy (realm_secret, godwit__test_realm_secret (files), sizeof realm_secret);
    godwit__test_realm_destroy (&files);
}

static void
admit (const uint8_t *data, size_t size)
{
    char text[GODWIT__ADMIT_TEXT];
    godwit__party_t *party = NULL;
    const godwit__no_entry_t reason = godwit__realm_admit (realm, data, size, NULL, &party, text);
    check ((reason == GODWIT__NO_ENTRY_NONE) == (party != NULL));
    check ((reason == GODWIT__NO_ENTRY_NONE) == (text[0] == '\0'));
    check (memchr (text, '\0', sizeof text) != NULL);
    for (const char *at = text; *at; at++)
        check (*at >= 0x20 && *at < 0x7f);
    if (party) {
        check (party->certificate.serial == party->proof.serial && party->certificate.serial != 7);
        check (godwit__party_until (party) > NOW && party->certificate.from <= NOW + GODWIT__CLOCK_SKEW_S);
        check (godwit__realm_judge (realm, party, text) == GODWIT__NO_ENTRY_NONE);
    }
    godwit__party_unref (&party);
}

/* The realm signs whatever is there, and so does the peer. */
static void
admit_signed (const uint8_t *data, size_t size)
{
    godwit__bin_t parts[4];
    uint8_t signatures[2][GODWIT__SIGNATURE_SIZE];
    uint8_t bytes[GODWIT__CREDENTIAL_SIZE_MAX + 2 * GODWIT__SIGNATURE_SIZE];
    godwit__writer_t writer = {.data = bytes, .capacity = sizeof bytes};
    if (godwit__strict_bins (parts, 4, "credential", data, size, GODWIT__CREDENTIAL_SIZE_MAX, NULL))
        return;
    godwit__sign (signatures[0], GODWIT__LABEL_CERTIFICATE, parts[0].data, parts[0].size, realm_secret);
    godwit__sign (signatures[1], GODWIT__LABEL_PROCESS, parts[2].data, parts[2].size, peer.identity);
    godwit__write_array (&writer, 4);
    for (size_t i = 0; i < 4; i++) {
        if (i % 2)
            godwit__write_bin (&writer, signatures[i / 2], GODWIT__SIGNATURE_SIZE);
        else
            godwit__write_bin (&writer, parts[i].data, parts[i].size);
    }
    if (!writer.overflow)
        admit (bytes, writer.size);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (!realm)
        make_realm ();
    admit (data, size);
    admit_signed (data, size);
    return 0;
}
