/* SPDX-License-Identifier: Apache-2.0 */
#include "src/client/call_explain.h"

#include "src/client/call.h"
#include "src/client/fanout_row.h"
#include "src/connection/facts.h"
#include "src/discovery/whereabouts.h"
#include "src/error/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* As much as an error says of a call; what comes then is cut. */
typedef struct text {
    char data[6144];
    size_t size;
} text_t;

static GODWIT_PRINTF (2, 3) void put (text_t *text, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    const size_t room = sizeof text->data - text->size;
    const int size = vsnprintf (text->data + text->size, room, format, arguments);
    va_end (arguments);
    if (size > 0)
        text->size += (size_t) size < room ? (size_t) size : room - 1;
}

/* What an error says of a call, and the parts of it that become details; "": not known. On the heap: the
 * stack of the program's thread may be small. */
typedef struct account {
    const godwit_client_t *client;
    char method[256];
    char target[2048];
    godwit__whereabouts_t at;
    char failures[4096];
    text_t text;
} account_t;

/* method "add" of <Target topic=calc>; the target only if the message does not have it. */
static void
put_call (account_t *account, const godwit_error_t *error)
{
    const bool told = strstr (godwit_error_message (error), account->target) != NULL;
    if (*account->method)
        put (&account->text, "method \"%s\"%s", account->method, told ? "" : " of ");
    if (!told)
        put (&account->text, "%s", account->target);
}

/* NULL: nobody asks for the error, or memory is short. */
static account_t *
account_new (const godwit_client_t *client, const char *method, size_t method_size, godwit_error_t **error)
{
    account_t *const account = error && *error ? malloc (sizeof *account) : NULL;
    if (!account)
        return NULL;
    account->client = client;
    account->at.server[0] = account->at.address[0] = '\0';
    account->text.size = 0;
    account->text.data[0] = '\0';
    snprintf (account->method, sizeof account->method, "%.*s", (int) (method_size < 255 ? method_size : 255),
              method ? method : "");
    godwit_target_print (&client->target, account->target, sizeof account->target);
    put_call (account, *error);
    return account;
}

/* ---- the server ---- */

static void
find_server (account_t *account, const godwit__call_t *call)
{
    godwit__whereabouts_t *const at = &account->at;
    const char *const known = call->row ? call->row->row.server : account->client->target.server;
    const bool found =
        call->server_key &&
        godwit__whereabouts_find (account->client->transport, account->client->group, call->server_key, at);
    if (!found && known && (call->server_key || call->row))
        snprintf (at->server, sizeof at->server, "%s", known);
    if (call->connection)
        snprintf (at->address, sizeof at->address, "%s", call->connection->address);
}

static void
put_server (account_t *account, bool has_met)
{
    const godwit__whereabouts_t *const at = &account->at;
    const char *const separator = account->text.size ? ", " : "";
    if (!has_met)
        return; /* it could not be reached, which the failures say */
    if (*at->server)
        put (&account->text, "%sserver \"%s\"", separator, at->server);
    else if (*at->address)
        put (&account->text, "%sa server", separator);
    if (*at->address)
        put (&account->text, " at %s", at->address);
}

static long long
ms_of (int64_t ns)
{
    return (long long) ((ns + GODWIT__NS_PER_MS - 1) / GODWIT__NS_PER_MS);
}

/* The server had time, and did not answer. */
static void
put_silence (text_t *text, godwit__call_t *call, const godwit__facts_t *facts)
{
    const uint8_t *const header = godwit__encoded_request_data (&call->request);
    const bool is_monitored = godwit__get_u32 (header + GODWIT__HEADER_AUX_OFFSET) != 0;
    if (facts->ended)
        put (text, "; its connection has ended: %s", facts->ended);
    else if (facts->heard_ago_ns >= 0)
        put (text, "; its connection is up, and the last frame came over it at most %lld ms ago",
             ms_of (facts->heard_ago_ns));
    if (!is_monitored)
        put (text, "; without a call monitor nobody knows whether the method still runs");
    else if (facts->sign_ago_ns >= 0)
        put (text, "; it said %lld ms ago that the call waits or runs there", ms_of (facts->sign_ago_ns));
    else
        put (text, "; it never said that the call waits or runs there");
}

/* The connection ended before an answer came. */
static void
put_end (text_t *text, const godwit__call_t *call, const godwit__facts_t *facts)
{
    put (text, "; the connection ended %lld ms after the call began",
         ms_of (godwit__transport_now (call->client->transport) - call->started_ns));
    if (facts->heard_ago_ns >= 0)
        put (text, ", at most %lld ms after its last frame", ms_of (facts->heard_ago_ns));
    if (facts->ended && strcmp (facts->ended, "the connection was lost") != 0) /* which was said */
        put (text, " (%s)", facts->ended);
    if (facts->sign_ago_ns >= 0)
        put (text, "; the server had said %lld ms before that the call waits or runs there",
             ms_of (facts->sign_ago_ns));
    put (text, "; the method may have run");
}

static void
put_facts (text_t *text, godwit__call_t *call)
{
    if (!call->connection)
        return;
    const godwit__facts_t facts = godwit__connection_facts (call->connection, &call->pending);
    switch (atomic_load (&call->pending.outcome)) {
    case GODWIT__PENDING_EXPIRED:
    case GODWIT__PENDING_WAITING:
        put_silence (text, call, &facts);
        break;
    case GODWIT__PENDING_LOST:
        put_end (text, call, &facts);
        break;
    case GODWIT__PENDING_REPLIED:
    case GODWIT__PENDING_UNSENT:
    case GODWIT__PENDING_ABANDONED:
        break;
    }
}

/* Nobody could be asked: which addresses failed. */
static void
put_failures (account_t *account, const char *server)
{
    if (!account->client->group)
        return;
    godwit__whereabouts_failures (account->client->transport, account->client->group, server,
                                  account->failures, sizeof account->failures);
    if (*account->failures)
        put (&account->text, "%s%s", account->text.size ? "; " : "", account->failures);
}

/* ---- into the error ---- */

static void
add_detail (godwit_error_t *error, const char *name, const char *text)
{
    if (*text && !godwit_error_detail (error, name))
        godwit_error_set_detail (error, name, text);
}

/* Ends the account. */
static void
account_give (account_t *account, godwit_error_t **error)
{
    const bool is_own = godwit__error_is_own (*error);
    if (account->text.size > 0)
        godwit__error_add_where (error, account->text.data);
    if (is_own) {
        add_detail (*error, "method", account->method);
        add_detail (*error, "target", account->target);
        add_detail (*error, "server", account->at.server);
        add_detail (*error, "address", account->at.address);
    }
    free (account);
}

static account_t *
account_of_call (godwit__call_t *call, godwit_error_t **error)
{
    size_t size = 0;
    const godwit__encoded_request_t *const request = call->row ? call->row->request : &call->request;
    const char *const method = godwit__encoded_request_method (request, &size);
    return account_new (call->client, method, size, error);
}

void
godwit__call_tell_id (const godwit_trace_t *trace, godwit_error_t **error)
{
    char id[GODWIT__CALL_ID_SIZE];
    if (!error)
        return;
    godwit__trace_span_text (godwit__trace_span (trace), id);
    godwit__error_set_call_id (*error, id);
}

void
godwit__call_explain (godwit__call_t *call, godwit_error_t **error)
{
    account_t *const account = account_of_call (call, error);
    if (account) {
        find_server (account, call);
        put_server (account, call->server_key != 0);
        put_facts (&account->text, call);
        if (!call->server_key)
            put_failures (account, call->row ? call->row->row.server : call->client->target.server);
        account_give (account, error);
    }
    godwit__call_tell_id (&call->trace, error);
}

void
godwit__call_explain_waiting (godwit__call_t *call, godwit_error_t **error)
{
    account_t *const account = account_of_call (call, error);
    if (account)
        account_give (account, error);
    godwit__call_tell_id (&call->trace, error);
}

static account_t *
account_of_client (const godwit_client_t *client, const char *method, godwit_error_t **error)
{
    return account_new (client, method, method ? strlen (method) : 0, error);
}

void
godwit__client_explain (const godwit_client_t *client, const char *method, godwit_error_t **error)
{
    account_t *const account = account_of_client (client, method, error);
    if (!account)
        return;
    put_failures (account, client->target.server);
    account_give (account, error);
}

void
godwit__client_tell_where (const godwit_client_t *client, const char *method, godwit_error_t **error)
{
    account_t *const account = account_of_client (client, method, error);
    if (account && account->text.size > 0)
        godwit__error_set_where (*error, account->text.data);
    free (account);
}
