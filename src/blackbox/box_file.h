/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a black box, in the private folder of the user. What dies without a word leaves it behind, and
 * so does a client whose calls have failed. */
#ifndef GODWIT_SRC_BLACKBOX_BOX_FILE_H
#define GODWIT_SRC_BLACKBOX_BOX_FILE_H

#include "src/blackbox/layout.h"
#include "src/folder/folder.h"

/* How the names of the files begin. */
#define GODWIT__BOX_FILE "blackbox-"

/* Files of processes that are gone: so many stay, the youngest, and none longer than so many days. */
#define GODWIT__BOX_FILES_MAX 16
#define GODWIT__BOX_DAYS_MAX 7

typedef struct godwit__box_file godwit__box_file_t;

/* Makes a file with room for head->size bytes, and maps it. Sweeps those of others from time to time. Returns
 * the memory, all zero; or NULL, and *why (may be NULL) says what is in the way: to be freed. */
void *godwit__box_file_new (godwit__box_file_t **file, const char *runtime_dir,
                            const godwit__box_head_t *head, char **why);
/* Its transport has ended: the file is removed, or stays among the youngest. NULL is fine. */
void godwit__box_file_end (godwit__box_file_t *file, bool stays);
/* Frees it, and sets *file to NULL. */
void godwit__box_file_close (godwit__box_file_t **file);

/* Removes files of processes that are gone, in an open folder, but for the youngest. Returns how many. */
size_t godwit__box_files_sweep (const godwit__folder_t *folder);

/* When a process was started, in ticks since the machine was; 0: it is not there. */
uint64_t godwit__box_process_started (int64_t pid);

#endif
