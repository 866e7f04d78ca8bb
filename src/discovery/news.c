/* SPDX-License-Identifier: Apache-2.0 */
#include "src/discovery/news.h"

#include <stdio.h>
#include <stdlib.h>

/* What is noted before anybody tells it; more is not kept. */
#define LINES_MAX 4096

struct godwit__news_line {
    struct godwit__news_line *next;
    char text[];
};

void
godwit__news_note (const godwit_transport_t *transport, godwit__news_t *news, const godwit__record_t *record,
                   const char *what)
{
    char text[640];
    if (!godwit__logs (transport, GODWIT_LOG_INFO) || news->count == LINES_MAX ||
        atomic_load_explicit (&transport->closing, memory_order_relaxed))
        return;
    const int size =
        snprintf (text, sizeof text, "Server %.64s of topic %.64s, exchange %.64s, %s: %.256s",
                  record->server, record->topic, record->exchange, what, godwit__record_address (record));
    struct godwit__news_line *const line = malloc (sizeof *line + (size_t) size + 1);
    if (!line)
        return;
    line->next = NULL;
    memcpy (line->text, text, (size_t) size + 1);
    if (news->last)
        news->last->next = line;
    else
        news->first = line;
    news->last = line;
    news->count++;
}

static struct godwit__news_line *
take (godwit__news_t *news)
{
    struct godwit__news_line *const first = news->first;
    *news = (godwit__news_t){NULL, NULL, 0};
    return first;
}

void
godwit__news_tell (godwit_transport_t *transport, godwit__news_t *news)
{
    if (!godwit__logs (transport, GODWIT_LOG_INFO))
        return;
    pthread_mutex_lock (&transport->lock);
    struct godwit__news_line *line = take (news);
    godwit__transport_unlock (transport);
    while (line) {
        struct godwit__news_line *const told = line;
        godwit__log (transport, GODWIT_LOG_INFO, "%s", told->text);
        line = told->next;
        free (told);
    }
}

void
godwit__news_clear (godwit__news_t *news)
{
    struct godwit__news_line *line = take (news);
    while (line) {
        struct godwit__news_line *const gone = line;
        line = gone->next;
        free (gone);
    }
}
