/* SPDX-License-Identifier: Apache-2.0 */
/* A server in a realm that is attacked over tcp, at the loopback (victim.h), with what its attackers have.
 * For Criterion programs. */
#ifndef GODWIT_TESTS_SUPPORT_SIEGE_H
#define GODWIT_TESTS_SUPPORT_SIEGE_H

#include "tests/support/crowd.h"
#include "tests/support/intruder.h"
#include "tests/support/realm_files.h"
#include "tests/support/victim.h"

#define SIEGE_DESCRIPTORS 1024 /* of the server */
#define SIEGE_FLOODER "flooder"

typedef struct siege {
    godwit__test_realm_t *realm;
    victim_t victim;
    intruder_t member;   /* SIEGE_FLOODER, with all rights */
    intruder_t stranger; /* has another door */
} siege_t;

extern siege_t siege;

void siege_begin (void);
/* All that victim_finish looks at. */
void siege_end (void);
/* Its link, its rendezvous, or where it takes publications: whichever it is the turn of. */
const char *siege_at (size_t turn);
/* The same sequence in each test. */
uint8_t siege_any_byte (void);

/* A test that ends with a look at what is left of the victim. */
#define SIEGE_ATTACK(suite_, name_)                                                                          \
    static void name_ (void);                                                                                \
    Test (suite_, name_)                                                                                     \
    {                                                                                                        \
        name_ ();                                                                                            \
        siege_end ();                                                                                        \
    }                                                                                                        \
    static void name_ (void)

#endif
