/* SPDX-License-Identifier: Apache-2.0 */
#include "src/realm/realm.h"
#include "tests/support/must.h"
#include "tests/support/realm_files.h"

static godwit__realm_t *
open_realm (const char *path)
{
    godwit__realm_t *realm = NULL;
    const godwit__realm_options_t options = {.path = path};
    MUST (godwit__realm_open (&realm, &options, &error));
    return realm;
}

Test (realm, lets_a_member_in)
{
    char text[GODWIT__ADMIT_TEXT];
    godwit__party_t *party = NULL;
    godwit__test_realm_t *files = godwit__test_realm_new (1);
    godwit__realm_t *web = open_realm (godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "web")));
    godwit__realm_t *shop =
        open_realm (godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "shop")));
    godwit__credential_t *credential = godwit__realm_credential (shop);
    godwit__keyring_t *keyring = godwit__realm_keyring (shop);
    cr_assert_eq (
        godwit__realm_admit (web, credential->bytes, credential->size, keyring->curve, &party, text),
        GODWIT__NO_ENTRY_NONE, "%s", text);
    cr_assert_arr_eq (party->instance, godwit__realm_instance (shop), 16);
    cr_assert_str_eq (party->certificate.name, "shop");
    godwit__party_unref (&party);
    godwit__test_realm_revoke (files, "shop");
    godwit__test_realm_put_bulletin (files, "web");
    MUST (godwit__realm_look (web, false, &error));
    cr_assert_eq (
        godwit__realm_admit (web, credential->bytes, credential->size, keyring->curve, &party, text),
        GODWIT__NO_ENTRY_REVOKED);
    cr_assert_str_eq (text, "certificate \"shop\" (serial 7f3b) was revoked");
    godwit__credential_unref (&credential);
    godwit__keyring_unref (&keyring);
    godwit__realm_close (&web);
    godwit__realm_close (&shop);
    godwit__test_realm_destroy (&files);
}
