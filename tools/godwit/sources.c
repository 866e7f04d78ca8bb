/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/sources.h"

#include "src/blackbox/box_file.h"
#include "src/error/error.h"

#include <dirent.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t
monotonic_now (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

source_t *
sources_add (sources_t *sources)
{
    if (sources->count == sources->capacity) {
        const size_t capacity = sources->capacity ? 2 * sources->capacity : 16;
        source_t *const items = realloc (sources->items, capacity * sizeof *items);
        if (!items)
            return NULL;
        sources->items = items;
        sources->capacity = capacity;
    }
    source_t *const source = &sources->items[sources->count++];
    memset (source, 0, sizeof *source);
    return source;
}

static void
fill (source_t *source, const godwit__box_snapshot_t *snapshot)
{
    const godwit__box_head_t *const head = &snapshot->head;
    const uint64_t ended_ns = atomic_load (&head->ended_ns);
    const int64_t oldest = snapshot->count ? snapshot->calls[0].at_ns : head->monotonic_ns;
    snprintf (source->program, sizeof source->program, "%s", head->program);
    snprintf (source->host, sizeof source->host, "%s", head->host);
    sodium_bin2hex (source->instance, sizeof source->instance, head->instance, sizeof head->instance);
    source->pid = head->pid;
    source->has_ended = ended_ns != 0;
    source->is_dead = !ended_ns && godwit__box_process_started (head->pid) != head->started;
    source->seen_ns = (int64_t) (ended_ns ? ended_ns : atomic_load (&head->seen_ns));
    source->oldest_ns = head->wall_ns + (oldest - head->monotonic_ns);
}

static godwit_status_t
tell (source_t *source, const godwit__box_snapshot_t *snapshot, const godwit__box_filter_t *filter,
      godwit_error_t **error)
{
    godwit__box_filter_t now = *filter;
    godwit_builder_t *builder = godwit_builder_new ();
    now.now_ns = monotonic_now ();
    godwit_builder_open_list (builder, NULL);
    const bool is_told = godwit__box_tell (snapshot, &now, builder);
    godwit_builder_close (builder);
    if (is_told)
        return godwit_builder_finish (&builder, &source->calls, error);
    godwit_builder_destroy (&builder);
    return godwit__error_no_memory (error);
}

static godwit_status_t
add_snapshot (sources_t *sources, const godwit__box_snapshot_t *snapshot, const godwit__box_filter_t *filter,
              godwit_error_t **error)
{
    source_t *const source = sources_add (sources);
    if (!source)
        return godwit__error_no_memory (error);
    fill (source, snapshot);
    return tell (source, snapshot, filter, error);
}

godwit_status_t
sources_add_file (sources_t *sources, const char *path, const godwit__box_filter_t *filter,
                  godwit_error_t **error)
{
    godwit__box_snapshot_t snapshot;
    godwit_status_t status = godwit__box_read_file (&snapshot, path, error);
    if (status)
        return status;
    status = add_snapshot (sources, &snapshot, filter, error);
    if (status == GODWIT_OK)
        snprintf (sources->items[sources->count - 1].path, sizeof sources->items[0].path, "%s", path);
    godwit__box_forget (&snapshot);
    return status;
}

static godwit_status_t
add_folder (sources_t *sources, const godwit__folder_t *folder, const godwit__box_filter_t *filter,
            godwit_error_t **error)
{
    DIR *const list = opendir (folder->path);
    godwit_status_t status = GODWIT_OK;
    for (const struct dirent *entry; list && status == GODWIT_OK && (entry = readdir (list));) {
        char path[GODWIT__FOLDER_PATH_SIZE + 256 + 2];
        if (strncmp (entry->d_name, GODWIT__BOX_FILE, strlen (GODWIT__BOX_FILE)) != 0)
            continue;
        snprintf (path, sizeof path, "%s/%s", folder->path, entry->d_name);
        status = sources_add_file (sources, path, filter, error);
        if (status != GODWIT_ERR_SYSTEM && status != GODWIT_ERR_MALFORMED)
            continue;
        godwit_error_destroy (error); /* it has vanished, or is of another release */
        status = GODWIT_OK;
    }
    if (list)
        closedir (list);
    return status;
}

godwit_status_t
sources_add_boxes (sources_t *sources, const char *dir, const godwit__box_filter_t *filter,
                   godwit_error_t **error)
{
    godwit__folders_t folders;
    godwit_status_t status = godwit__folders_init (&folders, dir, error);
    for (size_t i = 0; i < folders.count && status == GODWIT_OK; i++)
        status = add_folder (sources, &folders.list[i], filter, error);
    godwit__folders_close (&folders);
    return status;
}

void
sources_free (sources_t *sources)
{
    for (size_t i = 0; i < sources->count; i++)
        godwit_value_unref (&sources->items[i].calls);
    free (sources->items);
    memset (sources, 0, sizeof *sources);
}
