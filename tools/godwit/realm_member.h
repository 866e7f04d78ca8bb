/* SPDX-License-Identifier: Apache-2.0 */
/* The text of member files, as far as the library does not read it: what a file that is there already belongs
 * to, and answers to a request, which are member files without the line `identity`. */
#ifndef GODWIT_TOOLS_REALM_MEMBER_H
#define GODWIT_TOOLS_REALM_MEMBER_H

#include "src/realm/member_file.h"
#include "tools/godwit/realm_file.h"

/* Whether the file at this path may be replaced by one that trusts these realm keys: there is none, or it is
 * a member file that trusts one of them. FAILED says what it is instead; advice: what to do then. */
godwit_status_t realm_member_may_replace (const char *path, const uint8_t (*keys)[GODWIT__PUBLIC_SIZE],
                                          size_t count, const char *advice, godwit_error_t **error);

/* True: the text is an answer to a request. */
bool realm_member_is_answer (const realm_bytes_t *text);
/* Joins an answer with the identity that waits at waiting_path, or else with that of the member file at
 * present_path. *has_waited: it was the first. NOT_FOUND: there is neither; MALFORMED: it answers another
 * one. On OK the caller clears *member. */
godwit_status_t realm_member_read_answer (godwit__member_file_t *member, const realm_bytes_t *answer,
                                          const char *waiting_path, const char *present_path,
                                          bool *has_waited, godwit_error_t **error);

#define REALM_INPUT "the standard input" /* where it came from, for errors */

#endif
