/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the records of a black box: maps of which no entry has to be there, or of its type. */
#ifndef GODWIT_OTLP_RECORD_H
#define GODWIT_OTLP_RECORD_H

#include <godwit/value.h>

/* A text of a record, or NULL: it has none of this name. Borrowed. */
const char *godwit__otlp_record_text (const godwit_value_t *record, const char *name);
/* A number of a record that is not negative, or -1. */
int64_t godwit__otlp_record_number (const godwit_value_t *record, const char *name);
/* An id of so many bytes, which a record has as hexadecimal digits. False: there is none, or it is all zero;
 * id is untouched then. */
bool godwit__otlp_record_id (const godwit_value_t *record, const char *name, uint8_t *id, size_t size);

bool godwit__otlp_record_is_running (const godwit_value_t *record);
/* Whether the call ended with an error. */
bool godwit__otlp_record_has_failed (const godwit_value_t *record);
/* Whether nobody has the method that it asked for. */
bool godwit__otlp_record_has_no_method (const godwit_value_t *record);
/* Nanoseconds from its first station to its last. */
int64_t godwit__otlp_record_duration_ns (const godwit_value_t *record);

#endif
