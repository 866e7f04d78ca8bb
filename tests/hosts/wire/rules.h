/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a frame on its way from one port to another: it is lost, cut off, or late. */
#ifndef GODWIT_TESTS_HOSTS_WIRE_RULES_H
#define GODWIT_TESTS_HOSTS_WIRE_RULES_H

#include "tests/support/random.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WIRE_PORTS = 16 }; /* numbered from 1 */

typedef struct rule {
    uint32_t loss_permille;
    int64_t delay_ms;
    bool is_cut;
} rule_t;

typedef struct rules {
    rule_t ways[WIRE_PORTS + 1][WIRE_PORTS + 1]; /* from, to */
    random_t random;
} rules_t;

/* "FROM TO loss=PERMILLE delay=MS cut=0|1": the whole rule of that way; what is not named is none. FROM and
 * TO are numbers of ports or "*". False, with a text, for what is not like this; then nothing changed. */
bool rules_set (rules_t *rules, const char *text, char *why, size_t why_size);

/* Draws if the way is one that loses. */
bool rules_lose (rules_t *rules, const rule_t *way);

#endif
