/* SPDX-License-Identifier: Apache-2.0 */
/* spool PATH: keeps an item. */
#include <godwit/sqlite_spool.h>

#include <stdio.h>

int
main (int argc, char **argv)
{
    godwit_spool_t *spool = NULL;
    godwit_error_t *error = NULL;
    godwit_spool_item_t item = {.stream = "info", .data = "x", .size = 1};
    godwit_status_t status = godwit_sqlite_spool_open (
        &spool, argc > 1 ? argv[1] : NULL, GODWIT_SQLITE_SPOOL_OPTIONS (.max_size = 1 << 20), &error);
    if (!status)
        status = spool->ops->append (spool, &item, 1, NULL, NULL, &error);
    if (status)
        fprintf (stderr, "%s\n", godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_sqlite_spool_close (&spool);
    return status || item.number != 1;
}
