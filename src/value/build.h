/* SPDX-License-Identifier: Apache-2.0 */
/* What several rooms add to a value that they build. */
#ifndef GODWIT_SRC_VALUE_BUILD_H
#define GODWIT_SRC_VALUE_BUILD_H

#include <godwit/value.h>
#include <stddef.h>
#include <stdint.h>

/* At most so many bytes. */
#define GODWIT__HEX_BYTES 32

/* Adds bytes as hexadecimal digits, two each. */
void godwit__build_hex (godwit_builder_t *builder, const char *name, const uint8_t *bytes, size_t size);

#endif
