/* SPDX-License-Identifier: Apache-2.0 */
/* What a realm has, for whoever asks: each function holds the lock for a moment. */
#include "src/realm/realm_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_S INT64_C (1000000000)

/* ---- constant ---- */

const uint8_t *
godwit__realm_instance (const godwit__realm_t *realm)
{
    return realm->instance;
}

void
godwit__realm_sign_welcome (godwit__realm_t *realm, const godwit__welcome_t *welcome,
                            uint8_t signature[GODWIT__SIGNATURE_SIZE])
{
    godwit__sign (signature, GODWIT__LABEL_WELCOME, (const uint8_t *) welcome, sizeof *welcome,
                  realm->keys.sign_secret);
}

int64_t
godwit__realm_now (const godwit__realm_t *realm)
{
    struct timespec now;
    if (realm->options.now_s)
        return realm->options.now_s (realm->options.now_user);
    clock_gettime (CLOCK_REALTIME, &now);
    return now.tv_sec;
}

int64_t
godwit__realm_elapsed (const godwit__realm_t *realm)
{
    struct timespec now;
    if (realm->options.elapsed_ns)
        return realm->options.elapsed_ns (realm->options.elapsed_user) / NS_PER_S;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

void
godwit__realm_note (const godwit__realm_t *realm, godwit_log_level_t level, const char *format, ...)
{
    char text[GODWIT__NOTE_SIZE];
    va_list arguments;
    if (!realm->options.note)
        return;
    va_start (arguments, format);
    vsnprintf (text, sizeof text, format, arguments);
    va_end (arguments);
    realm->options.note (realm->options.note_user, level, text);
}

/* ---- of the member file ---- */

godwit__party_t *
godwit__realm_self (godwit__realm_t *realm)
{
    pthread_mutex_lock (&realm->lock);
    godwit__party_t *const self = godwit__party_ref (realm->own.self);
    pthread_mutex_unlock (&realm->lock);
    return self;
}

godwit__credential_t *
godwit__realm_credential (godwit__realm_t *realm)
{
    pthread_mutex_lock (&realm->lock);
    godwit__credential_t *const credential = realm->own.credential;
    atomic_fetch_add_explicit (&credential->refs, 1, memory_order_relaxed);
    pthread_mutex_unlock (&realm->lock);
    return credential;
}

godwit__keyring_t *
godwit__realm_keyring (godwit__realm_t *realm)
{
    pthread_mutex_lock (&realm->lock);
    godwit__keyring_t *const keyring = realm->own.keyring;
    atomic_fetch_add_explicit (&keyring->refs, 1, memory_order_relaxed);
    pthread_mutex_unlock (&realm->lock);
    return keyring;
}

size_t
godwit__realm_trusted (godwit__realm_t *realm, uint8_t keys[GODWIT__REALM_KEY_MAX][GODWIT__PUBLIC_SIZE])
{
    pthread_mutex_lock (&realm->lock);
    const size_t count = realm->own.file.realm_count;
    memcpy (keys, realm->own.file.realms, count * GODWIT__PUBLIC_SIZE);
    pthread_mutex_unlock (&realm->lock);
    return count;
}

/* ---- the bulletin ---- */

/* With the lock: whether a realm key that is still trusted has signed it. */
static bool
is_ours (const godwit__realm_t *realm, const godwit__bulletin_t *bulletin)
{
    const godwit__member_file_t *const file = &realm->own.file;
    return bulletin &&
           godwit__realm_key_of (bulletin->realm, (const uint8_t (*)[GODWIT__PUBLIC_SIZE]) file->realms,
                                 file->realm_count);
}

godwit__bulletin_t *
godwit__realm_voids (godwit__realm_t *realm)
{
    pthread_mutex_lock (&realm->lock);
    godwit__bulletin_t *const bulletin = godwit__bulletin_ref (realm->bulletin);
    pthread_mutex_unlock (&realm->lock);
    return bulletin;
}

godwit__bulletin_t *
godwit__realm_bulletin (godwit__realm_t *realm)
{
    pthread_mutex_lock (&realm->lock);
    godwit__bulletin_t *const bulletin =
        is_ours (realm, realm->bulletin) ? godwit__bulletin_ref (realm->bulletin) : NULL;
    pthread_mutex_unlock (&realm->lock);
    return bulletin;
}

uint64_t
godwit__realm_bulletin_number (godwit__realm_t *realm)
{
    pthread_mutex_lock (&realm->lock);
    const uint64_t number = is_ours (realm, realm->bulletin) ? realm->bulletin->number : 0;
    pthread_mutex_unlock (&realm->lock);
    return number;
}

bool
godwit__realm_adopt (godwit__realm_t *realm, godwit__bulletin_t **bulletin_p)
{
    pthread_mutex_lock (&realm->lock);
    const bool is_newer = is_ours (realm, *bulletin_p) && (!is_ours (realm, realm->bulletin) ||
                                                           (*bulletin_p)->number > realm->bulletin->number);
    if (is_newer) {
        godwit__bulletin_t *const old = realm->bulletin;
        realm->bulletin = *bulletin_p;
        *bulletin_p = old;
    }
    pthread_mutex_unlock (&realm->lock);
    godwit__bulletin_unref (bulletin_p);
    return is_newer;
}
