/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in the file: little endian. */
#ifndef GODWIT_SPOOL_BYTES_H
#define GODWIT_SPOOL_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline void
godwit__spool_put64 (uint8_t *to, uint64_t number)
{
    number = htole64 (number);
    memcpy (to, &number, sizeof number);
}

static inline uint64_t
godwit__spool_get64 (const uint8_t *from)
{
    uint64_t number;
    memcpy (&number, from, sizeof number);
    return le64toh (number);
}

static inline void
godwit__spool_put32 (uint8_t *to, uint32_t number)
{
    number = htole32 (number);
    memcpy (to, &number, sizeof number);
}

static inline uint32_t
godwit__spool_get32 (const uint8_t *from)
{
    uint32_t number;
    memcpy (&number, from, sizeof number);
    return le32toh (number);
}

#endif
