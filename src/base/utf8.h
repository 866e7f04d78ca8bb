/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GODWIT_SRC_BASE_UTF8_H
#define GODWIT_SRC_BASE_UTF8_H

#include <stddef.h>

/* Length of the UTF-8 character at the start of data, 0 if there is none. */
static inline size_t
godwit__utf8_length (const unsigned char *data, size_t size)
{
    const unsigned char first = data[0];
    const size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (first > 0xf4 || length == 0 || length > size)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((data[i] & 0xc0) != 0x80)
            return 0;
    /* An encoding longer than needed, a surrogate, or beyond U+10FFFF. */
    if ((first == 0xe0 && data[1] < 0xa0) || (first == 0xed && data[1] > 0x9f) ||
        (first == 0xf0 && data[1] < 0x90) || (first == 0xf4 && data[1] > 0x8f))
        return 0;
    return length;
}

#endif
