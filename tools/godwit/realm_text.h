/* SPDX-License-Identifier: Apache-2.0 */
/* How the realm commands write and read dates, fingerprints and rights. Pure. */
#ifndef GODWIT_TOOLS_REALM_TEXT_H
#define GODWIT_TOOLS_REALM_TEXT_H

#include "src/realm/certificate.h"

#include <stdio.h>

/* ---- dates: seconds of Unix's clock, as UTC ---- */

#define REALM_DATE_SIZE 24
/* "2027-07-01T10:00:00Z"; "?" for what is no date. Returns text. */
const char *realm_date_print (char text[REALM_DATE_SIZE], int64_t time);
/* Reads 2027-07-01, 2027-07-01T10:00:00Z, or "now", which is the second argument. False: it is none of them.
 */
bool realm_date_read (int64_t *time, int64_t now, const char *text);

/* ---- keys ---- */

#define REALM_FINGERPRINT_SIZE (2 * 8 + 1)
/* The first 8 bytes of BLAKE2b-16 of a public key, in hexadecimal digits. For a realm's key these are also
 * the first half of its id. Returns text. */
const char *realm_fingerprint (char text[REALM_FINGERPRINT_SIZE], const uint8_t key[GODWIT__PUBLIC_SIZE]);
/* The same of the public part of a door. */
const char *realm_door_fingerprint (char text[REALM_FINGERPRINT_SIZE],
                                    const uint8_t secret[GODWIT__PUBLIC_SIZE]);

#define REALM_KEY_TEXT_SIZE (43 + 1)
/* A public key as base64, URL-safe and without padding, as in a member file. Returns text. */
const char *realm_key_print (char text[REALM_KEY_TEXT_SIZE], const uint8_t key[GODWIT__PUBLIC_SIZE]);
/* Reads as many bytes of base64 as there have to be, exactly. */
bool realm_base64_read (uint8_t *bytes, size_t size, const char *text, size_t text_size);

/* ---- rights ---- */

/* Prints rights as the options of `godwit realm issue` are written, without their dashes:
 * "serve=godwit/billing call=godwit/x* host". What would break a line apart is written as %XX. */
void realm_rights_print (FILE *to, const godwit__right_t *rights, size_t count);
/* Reads one such word in place: the right's pattern lies in it. False: it is no right. */
bool realm_right_read (godwit__right_t *right, char *word);

#endif
