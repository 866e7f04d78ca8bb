/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/node_spool.h"

#ifdef GODWIT_HAS_SPOOL

#include "tests/faults/history.h"

#include <godwit/sqlite_spool.h>

#include <poll.h>

#define LOOK_MS 10

bool
node_spool_open (godwit_spool_t **spool, const char *path, godwit_error_t **error)
{
    *spool = NULL;
    return !path ||
           godwit_sqlite_spool_open (spool, path, GODWIT_SQLITE_SPOOL_OPTIONS (.level = GODWIT_SPOOL_PROCESS),
                                     error) == GODWIT_OK;
}

bool
node_spool_await (godwit_spool_t *spool, const char *stream, const char *pool, int64_t limit_ms)
{
    const uint64_t end_ns = history_now_ns () + (uint64_t) limit_ms * 1000000;
    while (history_now_ns () < end_ns) {
        godwit_sqlite_spool_detail_t detail = {.items = 0};
        const godwit_status_t status =
            godwit_sqlite_spool_detail (spool, stream, pool, &detail, sizeof detail, NULL);
        if (status == GODWIT_ERR_NOT_FOUND || (!status && !detail.items))
            return true;
        poll (NULL, 0, LOOK_MS);
    }
    return false;
}

void
node_spool_close (godwit_spool_t **spool)
{
    godwit_sqlite_spool_close (spool);
}

#else

bool
node_spool_open (godwit_spool_t **spool, const char *path, godwit_error_t **error)
{
    (void) error;
    *spool = NULL;
    return !path;
}

bool
node_spool_await (godwit_spool_t *spool, const char *stream, const char *pool, int64_t limit_ms)
{
    (void) spool, (void) stream, (void) pool, (void) limit_ms;
    return false;
}

void
node_spool_close (godwit_spool_t **spool)
{
    *spool = NULL;
}

#endif
