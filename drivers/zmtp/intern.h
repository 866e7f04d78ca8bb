/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that were made while the program ran, and are needed for ever: why a link is down is static text. */
#ifndef GODWIT_DRIVERS_ZMTP_INTERN_H
#define GODWIT_DRIVERS_ZMTP_INTERN_H

/* The same text, static. Few different ones are kept, because peers have a part in them; if there are too
 * many, or memory is short, a general one is returned. Any thread. */
const char *godwit__zmtp_intern (const char *text);

#endif
