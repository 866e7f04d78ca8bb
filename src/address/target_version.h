/* SPDX-License-Identifier: Apache-2.0 */
/* Versions as numbers, and whether an implemented version serves a requested one (contract 2). */
#ifndef GODWIT_SRC_ADDRESS_TARGET_VERSION_H
#define GODWIT_SRC_ADDRESS_TARGET_VERSION_H

#include <godwit/error.h>

#include <stdbool.h>
#include <stdint.h>

typedef struct godwit__version {
    uint32_t major;
    uint32_t minor;
    uint32_t revision;
} godwit__version_t;

/* text must not be NULL. INVALID_ARGUMENT as contract 2 words it. */
godwit_status_t godwit__version_parse (godwit__version_t *version, const char *text, godwit_error_t **error);
/* "1.3", or "1.3.2": a revision of 0 is left out. */
enum { GODWIT__VERSION_TEXT = 40 };
void godwit__version_print (godwit__version_t version, char text[GODWIT__VERSION_TEXT]);
bool godwit__version_serves (godwit__version_t implemented, godwit__version_t requested);

#endif
