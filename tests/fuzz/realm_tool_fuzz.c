/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what `godwit realm` reads but for member files and bulletins: no crash, and what is read is
 * written as the same again. The first byte says what they are: the list of certificates, a realm's key, a
 * request, or an answer. */
#include "src/realm/secret.h"
#include "tools/godwit/realm_identity.h"
#include "tools/godwit/realm_issued.h"
#include "tools/godwit/realm_key.h"
#include "tools/godwit/realm_member.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (bool good)
{
    if (!good)
        abort ();
}

static void
check_entry (const realm_entry_t *entry)
{
    char *line = NULL;
    realm_bytes_t text = {0};
    realm_issued_t again = {0};
    size_t size = 0;
    check (realm_issued_line (entry, &line, &size, NULL) == GODWIT_OK);
    check (realm_bytes_new (&text, size, NULL) == GODWIT_OK);
    memcpy (text.data, line, size);
    check (realm_issued_read (&again, &text, "issued", NULL) == GODWIT_OK);
    check (again.count == 1 && again.entries->serial == entry->serial && again.entries->from == entry->from &&
           again.entries->until == entry->until && again.entries->right_count == entry->right_count);
    for (size_t i = 0; i < entry->right_count; i++)
        check (strcmp (again.entries->rights[i].pattern, entry->rights[i].pattern) == 0);
    realm_issued_free (&again);
    free (line);
}

static void
read_issued (realm_bytes_t *text)
{
    realm_issued_t issued = {0};
    if (realm_issued_read (&issued, text, "issued", NULL) == GODWIT_OK)
        for (size_t i = 0; i < issued.count; i++)
            check_entry (&issued.entries[i]);
    realm_issued_free (&issued);
}

static void
read_key (const realm_bytes_t *text)
{
    static const realm_bytes_t none = {0};
    uint8_t public_key[GODWIT__PUBLIC_SIZE];
    bool has_passphrase = false;
    realm_key_t key = {0};
    if (realm_key_look (public_key, &has_passphrase, text, "key", NULL) == GODWIT_OK && !has_passphrase &&
        realm_key_open (&key, text, &none, "key", NULL) == GODWIT_OK)
        check (memcmp (key.public_key, public_key, sizeof public_key) == 0);
    realm_key_close (&key);
}

static void
read_request (const realm_bytes_t *text)
{
    uint8_t key[GODWIT__PUBLIC_SIZE];
    realm_request_read (key, text, "request", NULL);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    realm_bytes_t text = {0};
    if (size == 0)
        return 0;
    check (realm_bytes_new (&text, size - 1, NULL) == GODWIT_OK);
    memcpy (text.data, data + 1, size - 1);
    switch (*data % 4) {
    case 0:
        read_issued (&text);
        break;
    case 1:
        read_key (&text);
        break;
    case 2:
        read_request (&text);
        break;
    default:
        realm_member_is_answer (&text);
    }
    realm_bytes_free (&text);
    return 0;
}
