/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that are made while the program runs, and stay until the driver is closed: why a link is down is
 * static text to its user. */
#ifndef GODWIT_DRIVERS_ZMTP_INTERN_H
#define GODWIT_DRIVERS_ZMTP_INTERN_H

#include "drivers/zmtp/zmtp_driver.h"

/* The same text, which the driver keeps. Few different ones are kept, because the other ends have a part in
 * them: only of those that this process connects to. When there are too many, the names and numbers are left
 * out: `certificate "..." (...) was revoked`; of an ERROR and of another program nothing stays but that it
 * was one. "refused us: " with a word that realms have always has a place. If there are too many of the
 * others, or memory is short, a general one is returned. Any thread. */
const char *godwit__zmtp_intern (godwit__zmtp_t *driver, const char *text);
/* Frees them all: all links were closed. */
void godwit__zmtp_intern_release (godwit__zmtp_t *driver);

#endif
