/* SPDX-License-Identifier: Apache-2.0 */
#include "src/value/build.h"

#include <sodium.h>

void
godwit__build_hex (godwit_builder_t *builder, const char *name, const uint8_t *bytes, size_t size)
{
    char text[2 * GODWIT__HEX_BYTES + 1];
    godwit_builder_str (builder, name, sodium_bin2hex (text, sizeof text, bytes, size));
}
