/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/hosts/pause.h"

#include "tests/faults/history.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct stamps {
    uint64_t *all;
    size_t count;
    size_t capacity;
} stamps_t;

static bool
add (stamps_t *stamps, uint64_t stamp)
{
    if (stamps->count == stamps->capacity) {
        const size_t capacity = stamps->capacity ? stamps->capacity * 2 : 65536;
        uint64_t *all = realloc (stamps->all, capacity * sizeof *all);
        if (!all)
            return false;
        stamps->all = all;
        stamps->capacity = capacity;
    }
    stamps->all[stamps->count++] = stamp;
    return true;
}

static bool
read_stamps (stamps_t *stamps, FILE *file)
{
    history_record_t record;
    if (fseek (file, HISTORY_HEADER_SIZE, SEEK_SET) != 0)
        return false;
    while (fread (&record, sizeof record, 1, file) == 1)
        if (record.event == HISTORY_CALL_END && record.kind == HISTORY_CALL && record.of_call.status == 0 &&
            record.stamp_ns > 0 && !add (stamps, record.stamp_ns))
            return false;
    return true;
}

static int
compare (const void *left, const void *right)
{
    const uint64_t *a = left;
    const uint64_t *b = right;
    return (*a > *b) - (*a < *b);
}

int64_t
pause_longest_ms (const char *path)
{
    stamps_t stamps = {.count = 0};
    uint64_t longest = 0;
    FILE *file = fopen (path, "rb");
    const bool is_read = file && read_stamps (&stamps, file) && stamps.count > 1;
    if (file)
        fclose (file);
    if (is_read)
        qsort (stamps.all, stamps.count, sizeof *stamps.all, compare);
    for (size_t i = 1; is_read && i < stamps.count; i++)
        if (stamps.all[i] - stamps.all[i - 1] > longest)
            longest = stamps.all[i] - stamps.all[i - 1];
    free (stamps.all);
    return is_read ? (int64_t) (longest / 1000000) : -1;
}
