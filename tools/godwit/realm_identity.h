/* SPDX-License-Identifier: Apache-2.0 */
/* An identity that is made on its host and never leaves it. While it waits for its certificate, its secret is
 * in a file beside the member file (`realm.member`: `realm.request`), mode 0600. What goes to the realm is
 * one line:
 *
 *     godwit-request 1 BASE64(public key) BASE64(signature)
 *
 * The signature, by the identity itself, shows that the line has come whole. */
#ifndef GODWIT_TOOLS_REALM_IDENTITY_H
#define GODWIT_TOOLS_REALM_IDENTITY_H

#include "src/realm/certificate.h"
#include "tools/godwit/realm_file.h"

#define REALM_REQUEST_MAX 65536 /* bytes of what may come around the line, such as a message of the day */
#define REALM_REQUEST_SIZE 160

/* What lies beside a member file: its path with another ending than `.member`, or with that behind it. *path
 * is the caller's. OUT_OF_MEMORY. */
godwit_status_t realm_beside (char **path, const char *member_path, const char *ending,
                              godwit_error_t **error);
#define REALM_BESIDE_REQUEST ".request"
#define REALM_BESIDE_BULLETIN ".bulletin"

/* Reads the identity that waits; *secret is 64 bytes, for godwit__secret_free. NOT_FOUND: none waits. */
godwit_status_t realm_identity_read (uint8_t **secret, const char *path, godwit_error_t **error);
/* The same; makes one if none waits. is_new: makes another one in the place of one that waits. */
godwit_status_t realm_identity_make (uint8_t **secret, const char *path, bool is_new, godwit_error_t **error);

/* Writes the line, with its newline. Returns line. */
const char *realm_request_print (char line[REALM_REQUEST_SIZE], const uint8_t *secret);
/* Finds the line in a text. MALFORMED: there is none, or it was changed. */
godwit_status_t realm_request_read (uint8_t key[GODWIT__PUBLIC_SIZE], const realm_bytes_t *text,
                                    const char *name, godwit_error_t **error);

#endif
