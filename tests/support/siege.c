/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/siege.h"

siege_t siege;

void
siege_begin (void)
{
    siege.realm = godwit__test_realm_new (9);
    const char *const server = godwit__test_realm_issue (siege.realm, GODWIT__TEST_MEMBER (.name = "server"));
    const char *const caller = godwit__test_realm_issue (siege.realm, GODWIT__TEST_MEMBER (.name = "caller"));
    intruder_open (&siege.member,
                   godwit__test_realm_issue (siege.realm, GODWIT__TEST_MEMBER (.name = SIEGE_FLOODER)));
    siege.stranger = intruder_stranger ();
    crowd_raise_limit ();
    victim_start_in_realm (&siege.victim, SIEGE_DESCRIPTORS, server, caller);
}

void
siege_end (void)
{
    crowd_disperse ();
    victim_finish (&siege.victim);
    intruder_close (&siege.member);
    godwit__test_realm_destroy (&siege.realm);
}

const char *
siege_at (size_t turn)
{
    const char *const at[] = {siege.victim.tcp, siege.victim.rendezvous, siege.victim.fanout};
    return at[turn % 3];
}

uint8_t
siege_any_byte (void)
{
    static uint32_t seed = 2026;
    seed = seed * 1664525 + 1013904223;
    return (uint8_t) (seed >> 24);
}
