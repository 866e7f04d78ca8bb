/* SPDX-License-Identifier: Apache-2.0 */
/* Small files: read as bytes into memory of the caller's, so that keys lie nowhere else; and whether one has
 * changed. */
#ifndef GODWIT_SRC_REALM_DISK_H
#define GODWIT_SRC_REALM_DISK_H

#include <godwit/error.h>

#include <stdbool.h>
#include <sys/stat.h>

/* The same path, also after the program has changed its working folder; the caller's. Links stay links.
 * SYSTEM, OUT_OF_MEMORY. */
godwit_status_t godwit__disk_absolute (char **absolute, const char *path, godwit_error_t **error);

/* A state of a file: another one is read again. The time of its last change tells of a new mode, too. */
typedef struct godwit__disk_state {
    int failure; /* errno; 0: it is there */
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec written, changed;
} godwit__disk_state_t;

godwit__disk_state_t godwit__disk_state (const char *path);
bool godwit__disk_state_equal (const godwit__disk_state_t *a, const godwit__disk_state_t *b);

/* Opens a file for reading; neither a pipe nor a terminal blocks or does anything else. SYSTEM names the
 * path. *fd is the caller's. */
godwit_status_t godwit__disk_open (int *fd, const char *path, godwit_error_t **error);
/* What there is about an open file; SYSTEM: it is no file. */
godwit_status_t godwit__disk_look (struct stat *status, const char *path, int fd, godwit_error_t **error);
/* Reads up to *size bytes; *size becomes how many there were. SYSTEM. */
godwit_status_t godwit__disk_read (void *bytes, size_t *size, const char *path, int fd,
                                   godwit_error_t **error);

#endif
