/* Which Godwit this is. The build reads the version from here. */
#ifndef GODWIT_VERSION_H
#define GODWIT_VERSION_H

#include <godwit/export.h>

#define GODWIT_VERSION_MAJOR 0
#define GODWIT_VERSION_MINOR 1
#define GODWIT_VERSION_PATCH 0
#define GODWIT_VERSION_STRING "0.1.0"

GODWIT_BEGIN_DECLS

/* The version of the library that the program runs with, such as "0.1.0"; GODWIT_VERSION_STRING is the one it
 * was compiled with. The text is static. Any thread may call it. */
GODWIT_EXPORT const char *godwit_version_string (void);

GODWIT_END_DECLS

#endif
