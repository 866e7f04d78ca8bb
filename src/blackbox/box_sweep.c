/* SPDX-License-Identifier: Apache-2.0 */
/* Which files of black boxes go. */
#include "src/blackbox/box_file.h"

#include "src/folder/folder_lock.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ENTRIES_MAX 65536
#define DAY_S 86400

uint64_t
godwit__box_process_started (int64_t pid)
{
    char path[32], text[1024];
    unsigned long long started = 0;
    snprintf (path, sizeof path, "/proc/%lld/stat", (long long) pid);
    const int fd = open (path, O_RDONLY | O_CLOEXEC);
    const ssize_t size = fd >= 0 ? read (fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close (fd);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    /* The name of the program, in brackets, may hold anything. The 20th field after it is meant. The first
     * one says whether it is dead, and only nobody has asked for its status yet. */
    char *at = strrchr (text, ')');
    if (at && (!strncmp (at, ") Z", 3) || !strncmp (at, ") X", 3)))
        return 0;
    for (int i = 0; at && i < 20; i++)
        at = strchr (at + 1, ' ');
    if (at)
        started = strtoull (at, NULL, 10);
    return started;
}

/* False: it is no box of this release. */
static bool
read_head (const godwit__folder_t *folder, const char *name, godwit__box_head_t *head)
{
    const int fd = openat (folder->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    const ssize_t size = fd >= 0 ? pread (fd, head, sizeof *head, 0) : -1;
    if (fd >= 0)
        close (fd);
    return size == (ssize_t) sizeof *head && head->magic == GODWIT__BOX_MAGIC;
}

/* True if a transport writes it. */
static bool
is_in_use (const godwit__box_head_t *head)
{
    return !atomic_load_explicit (&head->ended_ns, memory_order_relaxed) && head->started &&
           godwit__box_process_started (head->pid) == head->started;
}

/* One that stays, so far. */
typedef struct kept {
    char name[GODWIT__FOLDER_NAME_SIZE];
    time_t at;
} kept_t;

typedef struct sweep {
    const godwit__folder_t *folder;
    kept_t kept[GODWIT__BOX_FILES_MAX];
    size_t count;
    size_t removed;
} sweep_t;

static void
remove_file (sweep_t *sweep, const char *name)
{
    if (unlinkat (sweep->folder->fd, name, 0) == 0)
        sweep->removed++;
}

/* Keeps a file, in the place of the oldest if there are too many; or removes it, if it is older. */
static void
keep (sweep_t *sweep, const char *name, time_t at)
{
    size_t oldest = 0;
    if (sweep->count < GODWIT__BOX_FILES_MAX) {
        oldest = sweep->count++;
    } else {
        for (size_t i = 1; i < sweep->count; i++)
            if (sweep->kept[i].at < sweep->kept[oldest].at)
                oldest = i;
        if (at <= sweep->kept[oldest].at) {
            remove_file (sweep, name);
            return;
        }
        remove_file (sweep, sweep->kept[oldest].name);
    }
    memcpy (sweep->kept[oldest].name, name, strlen (name) + 1); /* it was measured */
    sweep->kept[oldest].at = at;
}

/* A file that is being made has no head yet: it is young, and stays. A mapped file does not tell when it was
 * written last: its head does. */
static void
look (sweep_t *sweep, const char *name, time_t now)
{
    struct stat status;
    godwit__box_head_t head;
    if (strncmp (name, GODWIT__BOX_FILE, strlen (GODWIT__BOX_FILE)) != 0 ||
        strlen (name) >= GODWIT__FOLDER_NAME_SIZE ||
        fstatat (sweep->folder->fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG (status.st_mode))
        return;
    const bool is_box = read_head (sweep->folder, name, &head);
    if (is_box && is_in_use (&head))
        return;
    const time_t seen = is_box ? (time_t) (atomic_load (&head.seen_ns) / 1000000000) : 0;
    const time_t at = seen > status.st_mtime ? seen : status.st_mtime;
    if (at < now - (time_t) GODWIT__BOX_DAYS_MAX * DAY_S)
        remove_file (sweep, name);
    else
        keep (sweep, name, at);
}

size_t
godwit__box_files_sweep (const godwit__folder_t *folder)
{
    sweep_t sweep = {.folder = folder};
    const time_t now = time (NULL);
    const int lock = godwit__folder_lock (folder, NULL, NULL);
    if (lock < 0)
        return 0;
    const int fd = openat (folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *const list = fd >= 0 ? fdopendir (fd) : NULL;
    const struct dirent *entry;
    for (int i = 0; list && i < ENTRIES_MAX && (entry = readdir (list)); i++)
        look (&sweep, entry->d_name, now);
    if (list)
        closedir (list);
    else if (fd >= 0)
        close (fd);
    godwit__folder_unlock (lock);
    return sweep.removed;
}
