/* SPDX-License-Identifier: Apache-2.0 */
/* Records as a black box has them, and spans as they were made of them. */
#ifndef GODWIT_TESTS_OTLP_RECORDS_H
#define GODWIT_TESTS_OTLP_RECORDS_H

#include "otlp.pb-c.h"

#include <godwit/value.h>

#define RECORD_TRACE "0af7651916cd43dd8448eb211c80319c"
#define RECORD_AT INT64_C (1790000000000000000)

/* A record of a client: call b7ad6b7169203331, of parent 00f067aa0ba902b7, 2 ms long; with these fields
 * behind its own. The caller's. */
godwit_value_t *record_new (int64_t number, godwit_fields_t more);
/* A map of these fields. The caller's. */
godwit_value_t *record_of (godwit_fields_t fields);

/* The text of an attribute, the number as decimal digits, or NULL: there is none. In static memory. */
const char *attribute_of (Godwit__Otlp__KeyValue **attributes, size_t count, const char *key);

#endif
