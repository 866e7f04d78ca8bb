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
bool godwit__version_serves (godwit__version_t implemented, godwit__version_t requested);

#endif
