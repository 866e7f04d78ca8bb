/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what can be read of a damaged file, and writes it to a new one. */
#ifndef GODWIT_SPOOL_SALVAGE_H
#define GODWIT_SPOOL_SALVAGE_H

#include "components/spool/store.h"

#include <godwit/sqlite_spool.h>

/* to is an open store of a new file. MALFORMED: nothing can be read. */
godwit_status_t godwit__spool_salvage (godwit__store_t *from, godwit__store_t *to,
                                       godwit_sqlite_spool_repair_t *report, godwit__problem_t *problem);

#endif
