/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what the public headers declare: for tests whose tables have to be complete. */
#ifndef GODWIT_TESTS_SUPPORT_HEADERS_H
#define GODWIT_TESTS_SUPPORT_HEADERS_H

#include <stdbool.h>
#include <stddef.h>

/* One exported function. parameters: the text between the brackets. All is borrowed for the length of the
 * call. */
typedef void declared_fn (void *user, const char *name, bool returns_status, const char *parameters);

/* Calls `declared` for each function that include/godwit declares. Returns how many there are; aborts if a
 * header cannot be read as it is written. */
size_t headers_for_each (declared_fn *declared, void *user);

/* A parameter's name, and whether it is a pointer. Returns what follows it; NULL: there was none. */
const char *headers_next_parameter (const char *parameters, char name[64], bool *is_pointer);

#endif
