/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a sample in Prometheus's text format: name{label="value",...} number */
#ifndef GODWIT_SRC_INTROSPECTION_EXPOSITION_SAMPLE_H
#define GODWIT_SRC_INTROSPECTION_EXPOSITION_SAMPLE_H

#include <godwit/value.h>

#include "src/base/text.h"

/* ,name="value"; the comma unless it is the first: *count says how many there are. Backslash, quote and new
 * line are escaped as the format says. Bytes that are no UTF-8, and control characters, which some readers
 * take for the end of the text, become \xHH. An empty value is the same as no label, and is left out. */
void godwit__sample_label (godwit__text_t *text, unsigned *count, const char *name, const char *value,
                           size_t size);

/* The labels of an entry of the metrics, after which more may follow. side: whether the label `side` is among
 * them. */
void godwit__sample_labels (godwit__text_t *text, unsigned *count, const godwit_value_t *entry, bool side);

/* Seconds, exact to the nanosecond, whatever the program's locale is. What is no number is 0. */
void godwit__sample_seconds (godwit__text_t *text, double seconds);

/* A number of an entry; 0: it is not there, is negative or of another type. */
uint64_t godwit__sample_number (const godwit_value_t *entry, const char *name);

#endif
