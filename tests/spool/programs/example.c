/* SPDX-License-Identifier: Apache-2.0 */
/* example PATH: makes a spool with a few items, says "ready", and lives on until it is killed. */
#include <godwit/sqlite_spool.h>

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void
must (godwit_status_t status, const godwit_error_t *error)
{
    if (status)
        fprintf (stderr, "%s\n", godwit_error_print (error));
    if (status)
        _exit (1);
}

static godwit_spool_item_t
item_of (const char *stream, const char *data, size_t size)
{
    return (godwit_spool_item_t){.stream = stream, .data = data, .size = size};
}

#define ITEM(stream_, data_) item_of ((stream_), (data_), sizeof (data_) - 1)

int
main (int argc, char **argv)
{
    static const char notification[] = "\x97\x80\xa4shop\xa4sold\xa4INFO\x81\xa4item\xa3tea\xa1"
                                       "1\xa1"
                                       "2";
    godwit_spool_item_t items[] = {
        ITEM ("notifications.info", "old"),
        ITEM ("notifications.info", notification),
        ITEM ("notifications.info", "\0\xff"),
        ITEM ("notifications.info", "\x91\xc4\x01x"),
        ITEM ("casts.orders", "\x81\xacoslo.version\xa3"
                              "2.0"),
    };
    godwit_spool_t *spool = NULL;
    godwit_error_t *error = NULL;
    if (argc != 2)
        return 2;
    must (godwit_sqlite_spool_open (&spool, argv[1], NULL, &error), error);
    const godwit_spool_ops_t *const ops = spool->ops;
    must (ops->set_pool (spool, "notifications.info", "audit", 0, (int64_t) time (NULL) * 1000, &error),
          error);
    must (ops->set_pool (spool, "notifications.info", "dash", 0, 0, &error), error);
    must (ops->set_pool (spool, "casts.orders", "servers", 0, 0, &error), error);
    must (ops->append (spool, items, 1, NULL, NULL, &error), error);
    must (ops->append (spool, items + 1, 4, NULL, NULL, &error), error);
    must (ops->settle (spool, "notifications.info", "audit", 1, 1, &error), error);
    must (ops->settle (spool, "notifications.info", "audit", 3, 1, &error), error);
    must (ops->settle (spool, "notifications.info", "dash", 1, 2, &error), error);
    must (ops->flush (spool, &error), error);
    puts ("ready");
    fflush (stdout);
    pause ();
    return 0;
}
