/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the arguments of a call against what the server tells of its methods, before anything is sent.
 *
 * described comes from outside: what is missing in it, or of another form than expected, is not checked. */
#ifndef GODWIT_TOOLS_SLOTS_CHECK_H
#define GODWIT_TOOLS_SLOTS_CHECK_H

#include <godwit/value.h>

/* described: the result of godwit.introspection's `describe`: "endpoints", a list of maps of "namespace",
 * "version" and "methods", a list of maps of "name" and "slots", a list of maps of "name", "type" and
 * "required". name_space, version: of the call; NULL: not given.
 *
 * NO_SUCH_METHOD, with near names; UNSUPPORTED_VERSION, with the versions that are there; NOT_FOUND: an
 * argument is missing; INVALID_ARGUMENT: nothing of this name is expected; TYPE_MISMATCH. */
godwit_status_t slots_check (const godwit_value_t *described, const char *name_space, const char *version,
                             const char *method, const godwit_value_t *args, godwit_error_t **error);

#endif
