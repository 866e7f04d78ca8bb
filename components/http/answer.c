/* SPDX-License-Identifier: Apache-2.0 */
#include "components/http/inside.h"

#include <stdlib.h>
#include <string.h>

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define TEXT_TYPE "text/plain; charset=utf-8"

/* Sends an answer, and closes the connection behind it. response is consumed; NULL: memory is short. MHD_NO
 * closes the connection at once. */
static enum MHD_Result
send_response (struct MHD_Connection *connection, unsigned status, const char *type,
               struct MHD_Response *response)
{
    if (!response)
        return MHD_NO;
    enum MHD_Result result = MHD_add_response_header (response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (result == MHD_YES)
        result = MHD_add_response_header (response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (result == MHD_YES && status == MHD_HTTP_METHOD_NOT_ALLOWED)
        result = MHD_add_response_header (response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    if (result == MHD_YES)
        result = MHD_queue_response (connection, status, response);
    MHD_destroy_response (response);
    return result;
}

static enum MHD_Result
send_text (struct MHD_Connection *connection, unsigned status, const char *text)
{
    return send_response (
        connection, status, TEXT_TYPE,
        MHD_create_response_from_buffer (strlen (text), (void *) (uintptr_t) text, MHD_RESPMEM_MUST_COPY));
}

static enum MHD_Result
send_metrics (godwit_http_server_t *self, struct MHD_Connection *connection)
{
    godwit_error_t *error = NULL;
    char *text = NULL;
    size_t size = 0;
    if (godwit_transport_metrics_text (self->transport, &text, &size, &error)) {
        const enum MHD_Result result =
            send_text (connection, MHD_HTTP_SERVICE_UNAVAILABLE, godwit_error_print (error));
        godwit_error_destroy (&error);
        return result;
    }
    struct MHD_Response *const response = MHD_create_response_from_buffer (size, text, MHD_RESPMEM_MUST_FREE);
    if (!response)
        free (text);
    return send_response (connection, MHD_HTTP_OK, METRICS_TYPE, response);
}

/* libmicrohttpd calls it with each piece of a request. Nobody has to send one to the end: the first call is
 * when the headers are there. A GET is answered in the second, as libmicrohttpd wants it. */
enum MHD_Result
godwit__http_answer (void *user, struct MHD_Connection *connection, const char *url, const char *method,
                     const char *version, const char *data, size_t *data_size, void **context)
{
    static char seen;
    (void) version, (void) data, (void) data_size;
    const bool is_read = strcmp (method, "GET") == 0 || strcmp (method, "HEAD") == 0;
    if (is_read && !*context) {
        *context = &seen;
        return MHD_YES;
    }
    if (!is_read)
        return send_text (connection, MHD_HTTP_METHOD_NOT_ALLOWED, "Only GET /metrics is served here.\n");
    if (strcmp (url, "/metrics") != 0)
        return send_text (connection, MHD_HTTP_NOT_FOUND, "Only /metrics is served here.\n");
    return send_metrics (user, connection);
}
