/* SPDX-License-Identifier: Apache-2.0 */
/* A black box in a file. A process may be writing it: it is read twice, and a record that has changed in
 * between is left out. (It is not mapped: whoever shortens a file that is mapped ends the reader.) */
#include "src/blackbox/read.h"

#include "src/error/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE_MAX_READ (UINT64_C (1) << 31)

static bool
read_whole (int fd, unsigned char *to, size_t size)
{
    for (size_t at = 0; at < size;) {
        const ssize_t got = pread (fd, to + at, size - at, (off_t) at);
        if (got == 0)
            errno = ENODATA; /* somebody has shortened it */
        if (got <= 0)
            return false;
        at += (size_t) got;
    }
    return true;
}

/* Marks what has changed as never written. */
static void
drop_changed (unsigned char *first, const unsigned char *second, size_t size)
{
    godwit__box_head_t head;
    godwit__box_places_t one, other;
    if (size < sizeof head)
        return;
    memcpy (&head, first, sizeof head);
    if (head.magic != GODWIT__BOX_MAGIC || head.size > size ||
        head.record_count > size / sizeof *one.records || head.failure_count > size ||
        head.note_count > size || head.peer_count > size || head.name_size > size ||
        godwit__box_lay_out (NULL, NULL, &head) > size)
        return;
    godwit__box_lay_out (&one, first, &head);
    godwit__box_lay_out (&other, (void *) (uintptr_t) second, &head);
    for (uint64_t i = 0; i < head.record_count; i++)
        if (memcmp (&one.records[i], &other.records[i], sizeof one.records[i]) != 0)
            memset (&one.records[i], 0, sizeof one.records[i]);
}

static godwit_status_t
fail (const char *path, godwit_error_t **error)
{
    return godwit__error_set (error, GODWIT_ERR_SYSTEM, "%s: %s", path, strerror (errno));
}

/* *bytes is the caller's. */
static godwit_status_t
read_twice (int fd, const char *path, unsigned char **bytes, size_t *size, godwit_error_t **error)
{
    struct stat status;
    if (fstat (fd, &status) != 0)
        return fail (path, error);
    if (!S_ISREG (status.st_mode) || status.st_size <= 0 || (uint64_t) status.st_size > SIZE_MAX_READ)
        return godwit__error_set (error, GODWIT_ERR_MALFORMED, "%s: expected the file of a black box", path);
    *size = (size_t) status.st_size;
    *bytes = aligned_alloc (64, (*size + 63) / 64 * 64);
    unsigned char *const again = aligned_alloc (64, (*size + 63) / 64 * 64);
    const bool is_read = *bytes && again && read_whole (fd, *bytes, *size) && read_whole (fd, again, *size);
    if (is_read)
        drop_changed (*bytes, again, *size);
    const bool no_memory = !*bytes || !again;
    free (again);
    return is_read ? GODWIT_OK : no_memory ? godwit__error_no_memory (error) : fail (path, error);
}

godwit_status_t
godwit__box_read_file (godwit__box_snapshot_t *snapshot, const char *path, godwit_error_t **error)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    memset (snapshot, 0, sizeof *snapshot);
    const int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return fail (path, error);
    godwit_status_t status = read_twice (fd, path, &bytes, &size, error);
    close (fd);
    if (status == GODWIT_OK)
        status = godwit__box_read_bytes (snapshot, bytes, size, error);
    free (bytes);
    return status;
}
