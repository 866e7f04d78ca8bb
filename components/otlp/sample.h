/* SPDX-License-Identifier: Apache-2.0 */
/* Which finished calls are exported. */
#ifndef GODWIT_OTLP_SAMPLE_H
#define GODWIT_OTLP_SAMPLE_H

#include <godwit/value.h>

/* Whether a record's span is wanted: it failed, took slow_ms (-1: that is no reason), or its trace is one of
 * the one_in. The trace id alone decides that, as a number: so a trace is wanted everywhere, or nowhere. */
bool godwit__otlp_sample (const godwit_value_t *record, int64_t one_in, int64_t slow_ms);

#endif
