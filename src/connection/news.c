/* SPDX-License-Identifier: Apache-2.0 */
#include "src/connection/news.h"

godwit__news_t
godwit__connection_news (godwit__connection_t *connection, const godwit__pending_t *pending)
{
    const int64_t now_ns = godwit__transport_now (connection->transport);
    godwit__news_t news = {NULL, -1, -1};
    pthread_mutex_lock (&connection->lock);
    const int64_t heard_ns = connection->heard ? connection->look_ns : connection->heard_ns;
    if (atomic_load (&connection->state) == GODWIT__CONNECTION_DOWN)
        news.ended = connection->ended;
    pthread_mutex_unlock (&connection->lock);
    if (heard_ns)
        news.heard_ago_ns = now_ns - heard_ns;
    if (pending->sign_ns)
        news.sign_ago_ns = now_ns - pending->sign_ns;
    return news;
}
