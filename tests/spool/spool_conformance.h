/* SPDX-License-Identifier: Apache-2.0 */
/* What every spool does, tried on one that is given: SPOOL_CONFORMANCE (name, kind) makes a suite of it. */
#ifndef GODWIT_TESTS_SPOOL_CONFORMANCE_H
#define GODWIT_TESTS_SPOOL_CONFORMANCE_H

#include <godwit/spool.h>

#include <criterion/criterion.h>

/* A kind of spool. */
typedef struct spool_kind {
    /* A new one in this folder, or, if it was closed before, the same again. */
    godwit_spool_t *(*open) (const char *folder);
    void (*close) (godwit_spool_t **spool);
    bool is_kept; /* it is there when it was closed and is opened again */
} spool_kind_t;

void conformance_appends_and_reads (const spool_kind_t *kind);
void conformance_settles_in_order (const spool_kind_t *kind);
void conformance_settles_out_of_order (const spool_kind_t *kind);
void conformance_pools_are_apart (const spool_kind_t *kind);
void conformance_pools_come_and_go (const spool_kind_t *kind);
void conformance_reads_what_it_is_asked_for (const spool_kind_t *kind);
void conformance_all_or_none (const spool_kind_t *kind);
void conformance_tells_what_is_safe (const spool_kind_t *kind);
void conformance_refuses_nonsense (const spool_kind_t *kind);
void conformance_threads (const spool_kind_t *kind);
void conformance_is_there_again (const spool_kind_t *kind);
void conformance_any_order (const spool_kind_t *kind);

#define SPOOL_CONFORMANCE_TEST(suite_, kind_, name_)                                                         \
    Test (suite_, name_)                                                                                     \
    {                                                                                                        \
        conformance_##name_ (&(kind_));                                                                      \
    }

#define SPOOL_CONFORMANCE(suite_, kind_)                                                                     \
    SPOOL_CONFORMANCE_TEST (suite_, kind_, appends_and_reads)                                                \
    SPOOL_CONFORMANCE_TEST (suite_, kind_, settles_in_order)                                                 \
    SPOOL_CONFORMANCE_TEST (suite_, kind_, settles_out_of_order)                                             \
    SPOOL_CONFORMANCE_TEST (suite_, kind_, pools_are_apart)                                                  \
    SPOOL_CONFORMANCE_TEST (suite_, kind_, pools_come_and_go)                                                \
    SPOOL_CONFORMANCE_TEST (suite_, kind_, reads_what_it_is_asked_for)                                       \
    SPOOL_CONFORMANCE_TEST (suite_, kind_, all_or_none)                                                      \
    SPOOL_CONFORMANCE_TEST (suite_, kind_, tells_what_is_safe)                                               \
    SPOOL_CONFORMANCE_TEST (suite_, kind_, refuses_nonsense)                                                 \
    SPOOL_CONFORMANCE_TEST (suite_, kind_, threads)                                                          \
    SPOOL_CONFORMANCE_TEST (suite_, kind_, is_there_again)                                                   \
    SPOOL_CONFORMANCE_TEST (suite_, kind_, any_order)

#endif
