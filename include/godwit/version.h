/* SPDX-License-Identifier: Apache-2.0 */
/* The library's own version (specification: https://semver.org).
 *
 * Threads: any thread may call these functions.
 */
#ifndef GODWIT_VERSION_H
#define GODWIT_VERSION_H

#include <godwit/export.h>

#define GODWIT_VERSION_MAJOR 0 /* the major version of the header that a program is compiled with */
#define GODWIT_VERSION_MINOR 1 /* the minor version of that header */
#define GODWIT_VERSION_PATCH 0 /* the patch version of that header */

GODWIT_BEGIN_DECLS

/* Returns the version of the library that runs, such as "0.1.0". It may be newer than the header. Static
 * text. */
GODWIT_EXPORT const char *godwit_version_string (void);

GODWIT_END_DECLS

#endif
