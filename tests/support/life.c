/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/life.h"

#include "tests/support/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVER GODWIT_BUILD_DIR "/tests/e2e/programs/life_server"

void
life_open (life_t *life, const char *query, const godwit_transport_options_t *options)
{
    memset (life, 0, sizeof *life);
    snprintf (life->rendezvous, sizeof life->rendezvous, "zmq://:%d/", free_port ());
    const int size = snprintf (life->url, sizeof life->url, "%s%s", life->rendezvous, query);
    cr_assert_lt ((size_t) size, sizeof life->url);
    MUST (godwit_transport_new (&life->host, life->rendezvous, NULL, &error));
    MUST (godwit_transport_new (&life->transport, life->url, options, &error));
    MUST (godwit_client_new (&life->client, life->transport, GODWIT_TARGET (.topic = "life"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = PROCESS_WAIT_LIMIT_MS), &error));
    MUST (godwit_client_prepare (&life->to_one, life->client, GODWIT_OVERRIDES (.server = "one"), &error));
}

void
life_close (life_t *life)
{
    godwit_client_destroy (&life->to_one);
    godwit_client_destroy (&life->client);
    godwit_transport_destroy (&life->transport);
    godwit_transport_destroy (&life->host);
}

void
life_start (process_t *server, const char *url, const char *name)
{
    process_start (server, SERVER, url, name);
    process_expect (server, "up");
}

unsigned long long
life_stat (process_t *server, const char *name)
{
    unsigned long long value = 0;
    server->size = server->seen = 0; /* what it said has been read, and there is room for so much only */
    server->text[0] = '\0';
    process_tell (server, "stats");
    process_wait (server, 1, "stats ran");
    process_wait (server, 1, "\n");
    const char *at = strstr (server->text, name);
    cr_assert (at && sscanf (at + strlen (name), "%llu", &value) == 1, "%s in \"%s\"", name, server->text);
    server->seen = server->size;
    return value;
}

bool
life_is_sanitized (void)
{
    const char *const text = getenv ("GODWIT_SANITIZE");
    return text && *text;
}
