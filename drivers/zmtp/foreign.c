/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/foreign.h"

#include <stdio.h>
#include <string.h>

#define SHOWN_MAX 32 /* bytes of a text that are shown */
#define SHOWN_SIZE (SHOWN_MAX + 3)

static const struct {
    const char *name;
    const char *first; /* what its programs say first */
    uint8_t size;
} protocols[] = {
    {"ZMTP 1.0", "\x01\x00", 2},
    {"HTTP", "GET ", 4},
    {"HTTP", "POST ", 5},
    {"HTTP", "PUT ", 4},
    {"HTTP", "HEAD ", 5},
    {"HTTP", "DELETE ", 7},
    {"HTTP", "OPTIONS ", 8},
    {"HTTP", "PATCH ", 6},
    {"HTTP", "CONNECT ", 8},
    {"HTTP", "TRACE ", 6},
    {"HTTP/2", "PRI * HTTP/2", 12},
    {"TLS", "\x16\x03", 2},
    {"SSH", "SSH-", 4},
    {"nng or nanomsg", "\0SP\0", 4},
    {"AMQP", "AMQP", 4},
};

/* The protocol of which this may be the beginning, however short; NULL: none that is known. */
static const char *
protocol_of (const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
        const size_t shared = size < protocols[i].size ? size : protocols[i].size;
        if (memcmp (data, protocols[i].first, shared) == 0)
            return protocols[i].name;
    }
    return NULL;
}

/* How many bytes at the beginning are printable: the first line of a text, none of anything else. */
static size_t
text_size (const uint8_t *data, size_t size)
{
    size_t length = 0;
    while (length < size && data[length] >= 0x20 && data[length] < 0x7f)
        length++;
    return length;
}

/* A text as itself, anything else in hexadecimal. */
static void
show (char shown[SHOWN_SIZE], const uint8_t *data, size_t size)
{
    const size_t length = text_size (data, size);
    if (length >= 4 || length == size) {
        snprintf (shown, SHOWN_SIZE, "\"%.*s\"", (int) (length < SHOWN_MAX ? length : SHOWN_MAX),
                  (const char *) data);
        return;
    }
    for (size_t i = 0; i < size && i < 8; i++)
        snprintf (shown + 3 * i, SHOWN_SIZE - 3 * i, "%02x ", data[i]);
    shown[3 * (size < 8 ? size : 8) - 1] = '\0';
}

const char *
godwit__zmtp_foreign (char text[GODWIT__ZMTP_FOREIGN_SIZE], const uint8_t *data, size_t size)
{
    char shown[SHOWN_SIZE];
    show (shown, data, size);
    const char *const name = protocol_of (data, size);
    if (name)
        snprintf (text, GODWIT__ZMTP_FOREIGN_SIZE, "no ZMTP 3, but %s as it seems: %s", name, shown);
    else
        snprintf (text, GODWIT__ZMTP_FOREIGN_SIZE, "no ZMTP: it begins with %s", shown);
    return text;
}
