/* SPDX-License-Identifier: Apache-2.0 */
/* The core in a realm, over tcp: certificates, CURVE, rights for everything. */
#include "tests/conformance/core_conformance.h"
#include "tests/support/realm_files.h"

#include <stdlib.h>

/* Found in the environment, as an operator sets it. The sockets of this machine are in the same folder: those
 * of programs without a realm are elsewhere. */
static godwit__test_realm_t *realm;

static void
make_realm (void)
{
    realm = godwit__test_realm_new (1);
    setenv ("GODWIT_REALM", godwit__test_realm_issue (realm, GODWIT__TEST_MEMBER (.name = "everyone")), 1);
    setenv ("GODWIT_DIR", godwit__test_realm_folder (realm), 1);
}

static void
remove_realm (void)
{
    godwit__test_realm_destroy (&realm);
}

TestSuite (core_zmq_realm, .init = make_realm, .fini = remove_realm);

static const core_kind_t two_transports = {"zmq", "?paths=tcp", false, NULL};

CORE_CONFORMANCE (core_zmq_realm, &two_transports)
CORE_STRESS (core_zmq_realm, &two_transports)
