/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a frame's header: what is accepted is what was sent, and what is refused is not looked at. */
#include "src/wire/header.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (bool good)
{
    if (!good)
        abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static const godwit__header_t untouched = {0xa1,       0xa2,      0xa3a3a3a3, 0xa4a4a4a4a4a4a4a4,
                                               0xa5a5a5a5, 0xa6a6a6a6};
    godwit__header_t header;
    memcpy (&header, &untouched, sizeof header); /* padding included */
    switch (godwit__header_read (&header, data, size)) {
    case GODWIT__HEADER_SHORT:
        check (size < GODWIT__HEADER_SIZE);
        break;
    case GODWIT__HEADER_MAGIC:
        check (size >= GODWIT__HEADER_SIZE && data[0] != GODWIT__MAGIC);
        break;
    case GODWIT__HEADER_VERSION:
        check (size >= GODWIT__HEADER_SIZE && data[0] == GODWIT__MAGIC &&
               data[1] != GODWIT__PROTOCOL_VERSION);
        break;
    case GODWIT__HEADER_OK: {
        uint8_t again[GODWIT__HEADER_SIZE];
        godwit__header_write (again, &header);
        check (memcmp (again, data, sizeof again) == 0);
        return 0;
    }
    default:
        abort ();
    }
    check (header.type == untouched.type && header.flags == untouched.flags &&
           header.target == untouched.target && header.id == untouched.id &&
           header.budget_ms == untouched.budget_ms && header.aux == untouched.aux);
    return 0;
}
