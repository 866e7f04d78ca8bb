/* SPDX-License-Identifier: Apache-2.0 */
/* The file `issued` of a realm folder: a line for each certificate that the realm has signed. Lines are only
 * added. Human-readable:
 *
 *     7f3a0c29d1e0b865 web m3Jx... 2026-07-01T10:00:00Z 2027-07-01T10:00:00Z 5be0cd19137e2179 call=godwit/x*
 * host
 *
 * serial, name, identity, from, until, the fingerprint of the realm's key that has signed it, and rights. The
 * word `requested` in front of the rights: the identity was made by `godwit realm request`, and is not here.
 */
#ifndef GODWIT_TOOLS_REALM_ISSUED_H
#define GODWIT_TOOLS_REALM_ISSUED_H

#include "tools/godwit/realm_file.h"
#include "tools/godwit/realm_text.h"

#define REALM_ISSUED_MAX ((size_t) 64 << 20) /* bytes of the file */

typedef struct realm_entry {
    uint64_t serial;
    char name[GODWIT__CERTIFICATE_NAME_MAX + 1];
    uint8_t key[GODWIT__PUBLIC_SIZE]; /* the identity */
    int64_t from, until;
    char signer[REALM_FINGERPRINT_SIZE];
    bool is_requested;
    size_t right_count;
    godwit__right_t *rights;
} realm_entry_t;

typedef struct realm_issued {
    realm_bytes_t text; /* the file */
    char *parts;        /* a copy, in which the patterns of the entries lie */
    realm_entry_t *entries;
    size_t count;
} realm_issued_t;

/* Reads the text of one, which it takes over, also on failure. MALFORMED ("NAME:LINE: ..."), OUT_OF_MEMORY.
 */
godwit_status_t realm_issued_read (realm_issued_t *issued, realm_bytes_t *text, const char *name,
                                   godwit_error_t **error);
void realm_issued_free (realm_issued_t *issued);
/* Makes the line of an entry, with its newline. *line is the caller's, for free(). OUT_OF_MEMORY. */
godwit_status_t realm_issued_line (const realm_entry_t *entry, char **line, size_t *size,
                                   godwit_error_t **error);

/* The newest entry of this name; NULL: there is none. */
const realm_entry_t *realm_issued_newest (const realm_issued_t *issued, const char *name);
/* The newest entry of this identity; NULL: there is none. */
const realm_entry_t *realm_issued_newest_of (const realm_issued_t *issued,
                                             const uint8_t key[GODWIT__PUBLIC_SIZE]);

#endif
