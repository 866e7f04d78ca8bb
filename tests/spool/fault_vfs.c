/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/spool/fault_vfs.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES 8
#define SECTOR 512

typedef struct change {
    sqlite3_int64 at;
    uint8_t *data; /* NULL: the file is cut at `at` */
    size_t size;
    struct change *next;
} change_t;

typedef struct image {
    uint8_t *data;
    size_t size;
} image_t;

typedef struct tracked {
    char path[512]; /* "": free */
    bool is_wal;
    image_t durable;
    bool was_synced;
    change_t *changes, **tail;
} tracked_t;

typedef struct fault_file {
    sqlite3_file base;
    tracked_t *tracked; /* NULL: a file that is not looked at */
    sqlite3_file *real;
} fault_file_t;

typedef struct plan {
    long after, count; /* count 0: nothing fails */
    int code;
    bool of_wal;
} plan_t;

static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    sqlite3_io_methods methods;
    pthread_mutex_t lock;
    tracked_t files[FILES];
    long count;
    long crash_at;
    bool has_crashed;
    char crash_folder[256];
    fault_keeps_t keeps;
    uint64_t seed;
    plan_t writes, syncs;
    long wal_limit;
    void (*at_commit) (void);
    void (*at_copy) (void);
} world = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- what a power failure leaves ---- */

static uint64_t
draw (uint64_t *state)
{
    *state += UINT64_C (0x9e3779b97f4a7c15);
    uint64_t mixed = *state;
    mixed = (mixed ^ mixed >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C (0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

static void
write_image (image_t *image, size_t at, const uint8_t *data, size_t size)
{
    if (at + size > image->size) {
        image->data = realloc (image->data, at + size);
        memset (image->data + image->size, 0, at + size - image->size);
        image->size = at + size;
    }
    memcpy (image->data + at, data, size);
}

static void
apply (image_t *image, const change_t *change)
{
    if (change->data)
        write_image (image, (size_t) change->at, change->data, change->size);
    else if ((size_t) change->at < image->size)
        image->size = (size_t) change->at;
}

/* Each sector of the file that it touches is written or not. */
static void
apply_parts (image_t *image, const change_t *change, uint64_t *state)
{
    if (!change->data) {
        if (draw (state) & 1)
            apply (image, change);
        return;
    }
    for (size_t done = 0; done < change->size;) {
        const size_t at = (size_t) change->at + done;
        size_t size = SECTOR - at % SECTOR;
        if (size > change->size - done)
            size = change->size - done;
        if (draw (state) & 1)
            write_image (image, at, change->data + done, size);
        done += size;
    }
}

static size_t
count_changes (const tracked_t *file)
{
    size_t count = 0;
    for (const change_t *change = file->changes; change; change = change->next)
        count++;
    return count;
}

static void
leave_file (const tracked_t *file, uint64_t *state)
{
    char path[1024];
    image_t image = {malloc (file->durable.size + 1), file->durable.size};
    memcpy (image.data, file->durable.data ? file->durable.data : (const uint8_t *) "", file->durable.size);
    size_t kept = world.keeps == FAULT_KEEPS_PREFIX ? draw (state) % (count_changes (file) + 1) : 0;
    for (const change_t *change = file->changes; change; change = change->next)
        if (world.keeps == FAULT_KEEPS_PARTS)
            apply_parts (&image, change, state);
        else if (kept) {
            apply (&image, change);
            kept--;
        }
    snprintf (path, sizeof path, "%s/%s", world.crash_folder, strrchr (file->path, '/') + 1);
    FILE *const out = fopen (path, "wb");
    cr_assert (out);
    cr_assert_eq (fwrite (image.data, 1, image.size, out), image.size);
    fclose (out);
    free (image.data);
}

/* With the lock. A file that was never synced is not there, if nothing of it is kept. */
static void
leave_files (void)
{
    uint64_t state = world.seed;
    world.has_crashed = true;
    world.crash_at = 0;
    for (size_t i = 0; i < FILES; i++) {
        const tracked_t *const file = &world.files[i];
        if (*file->path && (file->was_synced || world.keeps != FAULT_KEEPS_NOTHING))
            leave_file (file, &state);
    }
}

/* With the lock, before each change. */
static void
step (void)
{
    world.count++;
    if (world.crash_at && --world.crash_at == 0)
        leave_files ();
}

/* With the lock. */
static bool
fails (plan_t *plan)
{
    if (plan->count == 0)
        return false;
    if (plan->after > 0) {
        plan->after--;
        return false;
    }
    plan->count--;
    return true;
}

/* ---- changes ---- */

static void
note (tracked_t *file, sqlite3_int64 at, const void *data, size_t size)
{
    change_t *const change = calloc (1, sizeof *change);
    change->at = at;
    if (data) {
        change->data = malloc (size + 1);
        memcpy (change->data, data, size);
        change->size = size;
    }
    *file->tail = change;
    file->tail = &change->next;
}

static void
forget_changes (tracked_t *file, bool are_durable)
{
    while (file->changes) {
        change_t *const change = file->changes;
        file->changes = change->next;
        if (are_durable)
            apply (&file->durable, change);
        free (change->data);
        free (change);
    }
    file->tail = &file->changes;
}

static void
forget_file (tracked_t *file)
{
    forget_changes (file, false);
    free (file->durable.data);
    memset (file, 0, sizeof *file);
    file->tail = &file->changes;
}

static fault_file_t *
file_of (sqlite3_file *file)
{
    return (fault_file_t *) (void *) file;
}

static int
on_write (sqlite3_file *file, const void *data, int size, sqlite3_int64 at)
{
    fault_file_t *const self = file_of (file);
    if (!self->tracked)
        return self->real->pMethods->xWrite (self->real, data, size, at);
    pthread_mutex_lock (&world.lock);
    step ();
    int code =
        world.writes.code != SQLITE_IOERR_SHORT_READ && fails (&world.writes) ? world.writes.code : SQLITE_OK;
    if (world.wal_limit && self->tracked->is_wal && at + size > world.wal_limit)
        code = SQLITE_FULL;
    if (!code) {
        note (self->tracked, at, data, (size_t) size);
        code = self->real->pMethods->xWrite (self->real, data, size, at);
    }
    void (*const at_copy) (void) = self->tracked->is_wal ? NULL : world.at_copy;
    pthread_mutex_unlock (&world.lock);
    if (at_copy)
        at_copy ();
    return code;
}

static int
on_read (sqlite3_file *file, void *data, int size, sqlite3_int64 at)
{
    fault_file_t *const self = file_of (file);
    pthread_mutex_lock (&world.lock);
    const bool is_bad =
        self->tracked && world.writes.code == SQLITE_IOERR_SHORT_READ && fails (&world.writes);
    pthread_mutex_unlock (&world.lock);
    return is_bad ? SQLITE_IOERR_READ : self->real->pMethods->xRead (self->real, data, size, at);
}

static int
on_truncate (sqlite3_file *file, sqlite3_int64 size)
{
    fault_file_t *const self = file_of (file);
    pthread_mutex_lock (&world.lock);
    if (self->tracked) {
        step ();
        note (self->tracked, size, NULL, 0);
    }
    const int code = self->real->pMethods->xTruncate (self->real, size);
    pthread_mutex_unlock (&world.lock);
    return code;
}

static int
on_sync (sqlite3_file *file, int flags)
{
    fault_file_t *const self = file_of (file);
    (void) flags;
    if (!self->tracked)
        return SQLITE_OK;
    pthread_mutex_lock (&world.lock);
    step ();
    const bool is_bad = self->tracked->is_wal == world.syncs.of_wal && fails (&world.syncs);
    forget_changes (self->tracked, !is_bad);
    self->tracked->was_synced = self->tracked->was_synced || !is_bad;
    pthread_mutex_unlock (&world.lock);
    return is_bad ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

/* ---- the rest is the system's ---- */

static int
on_close (sqlite3_file *file)
{
    fault_file_t *const self = file_of (file);
    return self->real->pMethods ? self->real->pMethods->xClose (self->real) : SQLITE_OK;
}

static int
on_file_size (sqlite3_file *file, sqlite3_int64 *size)
{
    return file_of (file)->real->pMethods->xFileSize (file_of (file)->real, size);
}

static int
on_lock (sqlite3_file *file, int level)
{
    return file_of (file)->real->pMethods->xLock (file_of (file)->real, level);
}

static int
on_unlock (sqlite3_file *file, int level)
{
    return file_of (file)->real->pMethods->xUnlock (file_of (file)->real, level);
}

static int
on_check_lock (sqlite3_file *file, int *result)
{
    return file_of (file)->real->pMethods->xCheckReservedLock (file_of (file)->real, result);
}

static int
on_control (sqlite3_file *file, int what, void *argument)
{
    return file_of (file)->real->pMethods->xFileControl (file_of (file)->real, what, argument);
}

static int
on_sector_size (sqlite3_file *file)
{
    return file_of (file)->real->pMethods->xSectorSize (file_of (file)->real);
}

static int
on_characteristics (sqlite3_file *file)
{
    return file_of (file)->real->pMethods->xDeviceCharacteristics (file_of (file)->real);
}

static int
on_shm_map (sqlite3_file *file, int page, int size, int extends, void volatile **memory)
{
    return file_of (file)->real->pMethods->xShmMap (file_of (file)->real, page, size, extends, memory);
}

static int
on_shm_lock (sqlite3_file *file, int at, int count, int flags)
{
    const int code = file_of (file)->real->pMethods->xShmLock (file_of (file)->real, at, count, flags);
    void (*function) (void) = NULL;
    if (at == 0 && flags == (SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE)) { /* the right to write to the WAL */
        pthread_mutex_lock (&world.lock);
        function = world.at_commit;
        world.at_commit = NULL;
        pthread_mutex_unlock (&world.lock);
    }
    if (function)
        function ();
    return code;
}

static void
on_shm_barrier (sqlite3_file *file)
{
    file_of (file)->real->pMethods->xShmBarrier (file_of (file)->real);
}

static int
on_shm_unmap (sqlite3_file *file, int deletes)
{
    return file_of (file)->real->pMethods->xShmUnmap (file_of (file)->real, deletes);
}

static tracked_t *
track (const char *path, int flags)
{
    if (!path || !(flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)))
        return NULL;
    tracked_t *found = NULL;
    pthread_mutex_lock (&world.lock);
    for (size_t i = 0; i < FILES && !found; i++)
        if (strcmp (world.files[i].path, path) == 0)
            found = &world.files[i];
    for (size_t i = 0; i < FILES && !found; i++)
        if (!*world.files[i].path) {
            found = &world.files[i];
            snprintf (found->path, sizeof found->path, "%s", path);
            found->is_wal = flags & SQLITE_OPEN_WAL;
            found->tail = &found->changes;
            found->was_synced = !found->is_wal; /* the spool makes its file, and syncs the folder */
        }
    pthread_mutex_unlock (&world.lock);
    cr_assert (found);
    return found;
}

static int
on_open (sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out_flags)
{
    fault_file_t *const self = file_of (file);
    (void) vfs;
    self->real = (sqlite3_file *) (void *) (self + 1);
    self->tracked = track (path, flags);
    const int code = world.real->xOpen (world.real, path, self->real, flags, out_flags);
    self->base.pMethods = code == SQLITE_OK ? &world.methods : NULL;
    return code;
}

static int
on_delete (sqlite3_vfs *vfs, const char *path, int syncs)
{
    (void) vfs;
    pthread_mutex_lock (&world.lock);
    for (size_t i = 0; i < FILES; i++)
        if (strcmp (world.files[i].path, path) == 0) {
            step ();
            forget_file (&world.files[i]);
        }
    pthread_mutex_unlock (&world.lock);
    return world.real->xDelete (world.real, path, syncs);
}

void
fault_vfs_begin (void)
{
    world.real = sqlite3_vfs_find (NULL);
    cr_assert (world.real);
    world.methods = (sqlite3_io_methods){
        .iVersion = 2,
        .xClose = on_close,
        .xRead = on_read,
        .xWrite = on_write,
        .xTruncate = on_truncate,
        .xSync = on_sync,
        .xFileSize = on_file_size,
        .xLock = on_lock,
        .xUnlock = on_unlock,
        .xCheckReservedLock = on_check_lock,
        .xFileControl = on_control,
        .xSectorSize = on_sector_size,
        .xDeviceCharacteristics = on_characteristics,
        .xShmMap = on_shm_map,
        .xShmLock = on_shm_lock,
        .xShmBarrier = on_shm_barrier,
        .xShmUnmap = on_shm_unmap,
    };
    world.vfs = *world.real; /* what is not replaced uses nothing of the struct but its name */
    world.vfs.zName = "fault";
    world.vfs.szOsFile = (int) sizeof (fault_file_t) + world.real->szOsFile;
    world.vfs.xOpen = on_open;
    world.vfs.xDelete = on_delete;
    world.vfs.pNext = NULL;
    world.count = world.crash_at = 0;
    world.has_crashed = false;
    world.writes = world.syncs = (plan_t){0};
    world.wal_limit = 0;
    world.at_commit = world.at_copy = NULL;
    cr_assert_eq (sqlite3_vfs_register (&world.vfs, 0), SQLITE_OK);
}

void
fault_vfs_end (void)
{
    sqlite3_vfs_unregister (&world.vfs);
    for (size_t i = 0; i < FILES; i++)
        forget_file (&world.files[i]);
}

/* ---- what is to happen ---- */

void
fault_vfs_crash_at (long at, const char *folder, fault_keeps_t keeps, uint64_t seed)
{
    pthread_mutex_lock (&world.lock);
    snprintf (world.crash_folder, sizeof world.crash_folder, "%s", folder);
    world.keeps = keeps;
    world.seed = seed;
    world.has_crashed = false;
    world.crash_at = at;
    pthread_mutex_unlock (&world.lock);
}

void
fault_vfs_crash (const char *folder, fault_keeps_t keeps, uint64_t seed)
{
    fault_vfs_crash_at (0, folder, keeps, seed);
    pthread_mutex_lock (&world.lock);
    leave_files ();
    pthread_mutex_unlock (&world.lock);
}

bool
fault_vfs_has_crashed (void)
{
    pthread_mutex_lock (&world.lock);
    const bool result = world.has_crashed;
    pthread_mutex_unlock (&world.lock);
    return result;
}

long
fault_vfs_count (void)
{
    pthread_mutex_lock (&world.lock);
    const long result = world.count;
    pthread_mutex_unlock (&world.lock);
    return result;
}

void
fault_vfs_fail_writes (long after, long count, int code)
{
    pthread_mutex_lock (&world.lock);
    world.writes = (plan_t){after, count, code, false};
    pthread_mutex_unlock (&world.lock);
}

void
fault_vfs_fail_syncs (long after, long count, bool of_wal)
{
    pthread_mutex_lock (&world.lock);
    world.syncs = (plan_t){after, count, 0, of_wal};
    pthread_mutex_unlock (&world.lock);
}

void
fault_vfs_limit_wal (long size)
{
    pthread_mutex_lock (&world.lock);
    world.wal_limit = size;
    pthread_mutex_unlock (&world.lock);
}

void
fault_vfs_at_copy (void function (void))
{
    pthread_mutex_lock (&world.lock);
    world.at_copy = function;
    pthread_mutex_unlock (&world.lock);
}

void
fault_vfs_at_commit (void function (void))
{
    pthread_mutex_lock (&world.lock);
    world.at_commit = function;
    pthread_mutex_unlock (&world.lock);
}
