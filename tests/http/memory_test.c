/* SPDX-License-Identifier: Apache-2.0 */
/* A server of metrics when the n-th allocation of its start fails: it says so, and leaves nothing. */
#include "tests/support/short_memory.h"

#include <godwit/http.h>

#ifdef SHORT_MEMORY_SANITIZED

Test (memory, is_short)
{
    cr_skip_test ("the sanitizers have an allocator of their own");
}

#else

static godwit_transport_t *transport;

static void
begin (void)
{
    cr_assert_eq (godwit_transport_new (&transport, "inproc://memory/", NULL, NULL), GODWIT_OK);
}

static void
end (void)
{
    godwit_transport_destroy (&transport);
}

/* libmicrohttpd does not say why it does not start. */
static godwit_status_t
serve (godwit_error_t **error)
{
    godwit_http_server_t *server = NULL;
    const godwit_status_t status = godwit_http_serve_metrics (&server, transport, "127.0.0.1:0", error);
    godwit_http_destroy (&server);
    return status == GODWIT_ERR_SYSTEM ? GODWIT_ERR_OUT_OF_MEMORY : status;
}

Test (memory, serve_metrics, .timeout = 60)
{
    short_memory_check (&(short_memory_row_t){"godwit_http_serve_metrics", serve, 3}, begin, end);
}

#endif
