/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/knock.h"

void
godwit__zmtp_knock_begin (godwit__zmtp_knock_t *knock, const godwit__zmtp_t *driver)
{
    *knock = (godwit__zmtp_knock_t){.door = driver->first_door};
}

static size_t
count_doors (godwit__realm_t *realm)
{
    godwit__keyring_t *keyring = godwit__realm_keyring (realm);
    const size_t count = keyring->door_count;
    godwit__keyring_unref (&keyring);
    return count;
}

bool
godwit__zmtp_knock_again (godwit__zmtp_knock_t *knock, const godwit__zmtp_stream_t *stream)
{
    if (stream->failure != GODWIT__ZMTP_FAILED_AT_DOOR || knock->is_second ||
        count_doors (stream->driver->options.realm) < 2)
        return false;
    knock->door = knock->door == 0 ? 1 : 0;
    knock->is_second = true;
    return true;
}

void
godwit__zmtp_knock_opened (const godwit__zmtp_knock_t *knock, const godwit__zmtp_stream_t *stream)
{
    if (stream->config->mechanism == &godwit__zmtp_curve)
        stream->driver->first_door = knock->door;
}
