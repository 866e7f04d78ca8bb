/* SPDX-License-Identifier: Apache-2.0 */
/* The conformance suite on the spool on SQLite, at both levels, and on the simple one in memory. */
#include "tests/spool/spool_conformance.h"
#include "tests/spool/spool_world.h"
#include "tests/support/memory_spool.h"

TestSuite (power, .timeout = 60);
TestSuite (process, .timeout = 60);
TestSuite (memory, .timeout = 60);

static godwit_spool_t *
open_power (const char *folder)
{
    return world_open (world_path (folder, "spool"), NULL);
}

static godwit_spool_t *
open_process (const char *folder)
{
    return world_open (world_path (folder, "spool"),
                       GODWIT_SQLITE_SPOOL_OPTIONS (.level = GODWIT_SPOOL_PROCESS, .sync_ms = 5));
}

static godwit_spool_t *
open_memory (const char *folder)
{
    (void) folder;
    return memory_spool_new ();
}

static const spool_kind_t power_kind = {open_power, godwit_sqlite_spool_close, true};
static const spool_kind_t process_kind = {open_process, godwit_sqlite_spool_close, true};
static const spool_kind_t memory_kind = {open_memory, memory_spool_destroy, false};

SPOOL_CONFORMANCE (power, power_kind)
SPOOL_CONFORMANCE (process, process_kind)
SPOOL_CONFORMANCE (memory, memory_kind)
