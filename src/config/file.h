/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a small file as a whole. */
#ifndef GODWIT_SRC_CONFIG_FILE_H
#define GODWIT_SRC_CONFIG_FILE_H

#include <godwit/error.h>

/* Reads a file of text; *text is freed by the caller. SYSTEM (it cannot be read), LIMIT_EXCEEDED (it has more
 * than `most` bytes), MALFORMED (a NUL byte), OUT_OF_MEMORY; all name the path. */
godwit_status_t godwit__read_file (char **text, const char *path, size_t most, godwit_error_t **error);

#endif
