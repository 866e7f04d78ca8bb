/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what a collector says of a request that it has accepted: bytes that may be anything. */
#ifndef GODWIT_OTLP_REPLY_H
#define GODWIT_OTLP_REPLY_H

#include <stddef.h>
#include <stdint.h>

/* How many spans it rejected; text: why, printable and cut to text_size bytes; "" if it says nothing.
 * Bytes that are no reply reject nothing, and text says so. */
uint64_t godwit__otlp_reply_read (const uint8_t *bytes, size_t size, char *text, size_t text_size);
/* Makes a text of somebody else's printable: whatever is not ASCII or a control character becomes '?'. */
void godwit__otlp_reply_text (char *to, size_t to_size, const char *bytes, size_t size);

#endif
