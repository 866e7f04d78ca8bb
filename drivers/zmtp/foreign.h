/* SPDX-License-Identifier: Apache-2.0 */
/* What a program speaks that connected and does not speak ZMTP: by its first bytes, as human-readable text.
 */
#ifndef GODWIT_DRIVERS_ZMTP_FOREIGN_H
#define GODWIT_DRIVERS_ZMTP_FOREIGN_H

#include <stddef.h>
#include <stdint.h>

#define GODWIT__ZMTP_FOREIGN_SIZE 128

/* Writes one line of printable ASCII to text, such as: no ZMTP, but HTTP as it seems: "GET / HTTP/1.1?".
 * `data`, of at least one byte, is what came first. Returns text. Any thread. */
const char *godwit__zmtp_foreign (char text[GODWIT__ZMTP_FOREIGN_SIZE], const uint8_t *data, size_t size);

#endif
