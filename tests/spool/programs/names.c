/* SPDX-License-Identifier: Apache-2.0 */
/* names PATH: makes a spool whose names have control characters, and bytes that are no UTF-8. */
#include <godwit/sqlite_spool.h>

int
main (int argc, char **argv)
{
    godwit_spool_item_t item = {.stream = "a\033[2J\nstream b\xff", .data = "x", .size = 1};
    godwit_spool_t *spool = NULL;
    if (argc != 2 || godwit_sqlite_spool_open (&spool, argv[1], NULL, NULL) ||
        spool->ops->set_pool (spool, item.stream, "p\n  pool q: 0\xc2\x9b", 0, 0, NULL) ||
        spool->ops->append (spool, &item, 1, NULL, NULL, NULL))
        return 1;
    godwit_sqlite_spool_close (&spool);
    return 0;
}
