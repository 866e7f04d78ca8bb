/* SPDX-License-Identifier: Apache-2.0 */
/* What the log hears of servers that come and go: each once, however often its record is refreshed. On a
 * simulated cluster, so that minutes of refreshes take no time. */
#include <criterion/criterion.h>
#include <godwit/godwit.h>
#include <godwit/testing.h>

#include "tests/support/log_book.h"
#include "tests/support/must.h"

#define MINUTE_MS 60000

static log_book_t book;
static godwit_cluster_t *cluster;
static godwit_transport_t *serving, *listening;
static godwit_server_t *server;

static godwit_status_t
nothing (godwit_request_t *request, void *self)
{
    (void) request;
    (void) self;
    return GODWIT_OK;
}

static void
expect_news (size_t joined, size_t left)
{
    godwit_cluster_run (cluster, MINUTE_MS);
    cr_assert_eq (
        log_book_count (&book, GODWIT_LOG_INFO, "Server one of topic work, exchange godwit, joined: "),
        joined);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_INFO, " joined: "), joined);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_INFO, " left: "), left);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_WARNING, ""), 0u);
}

Test (news, each_is_told_once, .timeout = 60)
{
    static const godwit_method_t methods[] = {GODWIT_METHOD ("nothing", nothing, 0)};
    log_book_open (&book);
    MUST (godwit_cluster_new (&cluster, 5, &error));
    MUST (godwit_cluster_add (&serving, cluster, "server", NULL, &error));
    MUST (godwit_cluster_add (
        &listening, cluster, "listener",
        GODWIT_TRANSPORT_OPTIONS (.log = log_book_write, .log_user = &book, .log_level = GODWIT_LOG_INFO),
        &error));
    MUST (godwit_server_new (&server, serving, GODWIT_TARGET (.topic = "work", .server = "one"),
                             &GODWIT_ENDPOINT (methods), 1, NULL, &error));
    expect_news (0, 0);
    MUST (godwit_server_start (server, NULL, &error));
    expect_news (1, 0);
    MUST (godwit_server_stop (server, NULL, &error));
    expect_news (1, 1);
    MUST (godwit_server_start (server, NULL, &error));
    expect_news (2, 1);
    godwit_server_destroy (&server);
    expect_news (2, 2);
    godwit_transport_destroy (&listening);
    godwit_transport_destroy (&serving);
    godwit_cluster_destroy (&cluster);
    log_book_close (&book);
}
