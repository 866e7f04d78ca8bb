/* The library's own version (semver.org specification). Any thread. */
#ifndef GODWIT_VERSION_H
#define GODWIT_VERSION_H

#include <godwit/export.h>

#define GODWIT_VERSION_MAJOR 0
#define GODWIT_VERSION_MINOR 1
#define GODWIT_VERSION_PATCH 0

GODWIT_BEGIN_DECLS

/* "0.1.0" of the library that runs, which may be newer than the header. Static text. */
GODWIT_EXPORT const char *godwit_version_string (void);

GODWIT_END_DECLS

#endif
