/* SPDX-License-Identifier: Apache-2.0 */
/* Who is told of changes. */
#include "src/realm/realm_inside.h"

#include <inttypes.h>

void
godwit__realm_watch (godwit__realm_t *realm, godwit__realm_watch_t *watch)
{
    pthread_mutex_lock (&realm->watch_lock);
    godwit__realm_watch_t **at = &realm->watches;
    while (*at)
        at = &(*at)->next;
    watch->next = NULL;
    *at = watch;
    pthread_mutex_unlock (&realm->watch_lock);
}

void
godwit__realm_unwatch (godwit__realm_t *realm, godwit__realm_watch_t *watch)
{
    pthread_mutex_lock (&realm->watch_lock);
    godwit__realm_watch_t **at = &realm->watches;
    while (*at && *at != watch)
        at = &(*at)->next;
    if (*at)
        *at = watch->next;
    watch->next = NULL;
    pthread_mutex_unlock (&realm->watch_lock);
}

/* A bulletin may be about this process itself. */
static void
note_bulletin (godwit__realm_t *realm)
{
    char text[GODWIT__ADMIT_TEXT];
    godwit__party_t *self = godwit__realm_self (realm);
    const bool is_void = godwit__realm_judge (realm, self, text) == GODWIT__NO_ENTRY_REVOKED;
    godwit__party_unref (&self);
    godwit__realm_note (realm, GODWIT_LOG_INFO, "Bulletin %" PRIu64 " holds now",
                        godwit__realm_bulletin_number (realm));
    if (is_void)
        godwit__realm_note (realm, GODWIT_LOG_WARNING, "Our own %s: nobody of the realm talks to us any more",
                            text);
}

void
godwit__realm_tell (godwit__realm_t *realm, unsigned changes)
{
    if (!changes)
        return;
    if (changes & GODWIT__REALM_BULLETIN)
        note_bulletin (realm);
    pthread_mutex_lock (&realm->watch_lock);
    for (godwit__realm_watch_t *watch = realm->watches; watch; watch = watch->next)
        watch->changed (watch, changes);
    pthread_mutex_unlock (&realm->watch_lock);
}
