/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the realm commands. What is read lies in sodium_malloc's memory, because most of it holds
 * keys; it never passes through a buffer of stdio. What is written is there wholly or not at all, and no
 * moment has it with a wider mode. */
#ifndef GODWIT_TOOLS_REALM_FILE_H
#define GODWIT_TOOLS_REALM_FILE_H

#include <godwit/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes with a NUL behind them. */
typedef struct realm_bytes {
    char *data; /* sodium_malloc's; NULL: none */
    size_t size;
} realm_bytes_t;

/* Makes room for so many bytes, and a NUL. OUT_OF_MEMORY. */
godwit_status_t realm_bytes_new (realm_bytes_t *bytes, size_t size, godwit_error_t **error);
/* Wipes them, and gives them back. */
void realm_bytes_free (realm_bytes_t *bytes);

/* Reads all that a descriptor has. name: for errors. SYSTEM; LIMIT_EXCEEDED: more than max bytes. */
godwit_status_t realm_read_fd (realm_bytes_t *bytes, int fd, size_t max, const char *name,
                               godwit_error_t **error);

typedef enum realm_privacy {
    REALM_PUBLIC,  /* it holds no key */
    REALM_REGULAR, /* the same; nothing but a file, so that nobody waits for the other end of a pipe */
    REALM_KEYS     /* nobody but this user, or root, may read it or have put it there */
} realm_privacy_t;

/* Reads a file; path counts from the folder (AT_FDCWD: the working folder). NOT_FOUND: it is not there.
 * SYSTEM: it cannot be read, or somebody else could read or change it. INVALID_ARGUMENT: REALM_REGULAR, and
 * it is no file. LIMIT_EXCEEDED. */
godwit_status_t realm_read_file (realm_bytes_t *bytes, int folder, const char *path, const char *name,
                                 size_t max, realm_privacy_t privacy, godwit_error_t **error);

/* Where something is written, and for whom. */
typedef struct realm_target {
    int folder; /* path counts from here; AT_FDCWD: the working folder */
    const char *path;
    const char *name; /* for errors */
    mode_t mode;      /* 0: 0600 */
    bool has_owner;   /* uid and gid hold; otherwise it is this process's */
    uid_t uid;
    gid_t gid;
    bool is_new; /* nothing may be there yet */
} realm_target_t;

/* Writes a file: all of it, or nothing. SYSTEM; INVALID_ARGUMENT: is_new, and something is there. */
godwit_status_t realm_write_file (const realm_target_t *target, const void *data, size_t size,
                                  godwit_error_t **error);
/* Whether a file could be written there, as far as that can be told before. SYSTEM. */
godwit_status_t realm_may_write (const realm_target_t *target, godwit_error_t **error);
/* Writes to a descriptor, such as the standard output. SYSTEM. */
godwit_status_t realm_write_fd (int fd, const void *data, size_t size, const char *name,
                                godwit_error_t **error);
/* Makes the folder of a path, mode 0755, if its own folder is there. SYSTEM. */
godwit_status_t realm_make_parent (const char *path, godwit_error_t **error);
/* A SYSTEM error with the text of errno: "NAME: WHAT: No space left on device". */
godwit_status_t realm_system_error (godwit_error_t **error, const char *name, const char *what);

#endif
