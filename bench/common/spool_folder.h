/* SPDX-License-Identifier: Apache-2.0 */
/* A folder on the disk for a benchmark, in $TMPDIR or else /var/tmp: /tmp may be in memory, where a sync
 * costs nothing. */
#ifndef BENCH_SPOOL_FOLDER_H
#define BENCH_SPOOL_FOLDER_H

enum { BENCH_FOLDER_SIZE = 512 };

void bench_folder_make (char folder[BENCH_FOLDER_SIZE]);
/* With the files in it. */
void bench_folder_remove (const char *folder);

#endif
