/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/intruder.h"

#include "drivers/zmtp/frame.h"
#include "tests/support/must.h"
#include "tests/support/zmtp.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { COMMAND_MAX = 8192 };

/* ---- what it has ---- */

void
intruder_add (zmtp_bytes_t *properties, const char *name, const void *value, size_t size)
{
    const godwit__zmtp_property_t property = {
        .name = (const uint8_t *) name,
        .name_size = strlen (name),
        .value = value,
        .value_size = size,
    };
    const size_t room = 5 + property.name_size + size;
    uint8_t *const data = malloc (room);
    cr_assert_not_null (data);
    zmtp_bytes_t more = {.data = data, .size = godwit__zmtp_property_write (data, room, &property)};
    *properties = zmtp_join (*properties, more);
}

void
intruder_open (intruder_t *intruder, const char *member)
{
    const godwit__realm_options_t options = {.path = member};
    *intruder = (intruder_t){.keys = curve_peer (false, 1, 2, 3), .properties = curve_properties ("DEALER")};
    MUST (godwit__realm_open (&intruder->realm, &options, &error));
    godwit__keyring_t *keyring = godwit__realm_keyring (intruder->realm);
    memcpy (intruder->keys.door.open, keyring->doors[0], CURVE_KEY);
    memcpy (intruder->keys.vouched_door, keyring->doors[0], CURVE_KEY);
    memcpy (intruder->keys.process.open, keyring->curve, CURVE_KEY);
    memcpy (intruder->keys.process.secret, keyring->curve_secret, CURVE_KEY);
    godwit__keyring_unref (&keyring);
    godwit__credential_t *credential = godwit__realm_credential (intruder->realm);
    intruder_add (&intruder->properties, "X-Godwit-Engine", "1", 1);
    intruder_add (&intruder->properties, "X-Godwit-Credential", credential->bytes, credential->size);
    godwit__credential_unref (&credential);
}

void
intruder_close (intruder_t *intruder)
{
    godwit__realm_close (&intruder->realm);
    free (intruder->properties.data);
    intruder->properties = (zmtp_bytes_t){.size = 0};
}

intruder_t
intruder_stranger (void)
{
    return (intruder_t){.keys = curve_peer (false, 4, 5, 6)};
}

/* ---- what it does ---- */

int
intruder_connect (const char *from, const char *address)
{
    struct sockaddr_in here = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    unsigned port = 0;
    const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq (sscanf (address, "tcp://127.0.0.1:%u", &port), 1, "%s", address);
    to.sin_port = htons ((uint16_t) port);
    if (fd >= 0 && inet_pton (AF_INET, from, &here.sin_addr) == 1 &&
        inet_pton (AF_INET, "127.0.0.1", &to.sin_addr) == 1 &&
        bind (fd, (const struct sockaddr *) &here, sizeof here) == 0 &&
        connect (fd, (const struct sockaddr *) &to, sizeof to) == 0)
        return fd;
    if (fd >= 0)
        close (fd);
    return -1;
}

bool
intruder_write (int fd, zmtp_bytes_t frame)
{
    const bool is_written = zmtp_write (fd, frame.data, frame.size);
    free (frame.data);
    return is_written;
}

/* The body of the command that comes next; its size, or 0. */
static size_t
read_command (int fd, uint8_t body[COMMAND_MAX])
{
    uint8_t data[GODWIT__ZMTP_LONG_HEAD];
    godwit__zmtp_head_t head;
    size_t have = GODWIT__ZMTP_SHORT_HEAD;
    if (!zmtp_read (fd, data, have))
        return 0;
    if (!godwit__zmtp_head_read (&head, data, have)) {
        if (!zmtp_read (fd, data + have, sizeof data - have))
            return 0;
        godwit__zmtp_head_read (&head, data, sizeof data);
    }
    return head.body_size <= COMMAND_MAX && zmtp_read (fd, body, (size_t) head.body_size)
               ? (size_t) head.body_size
               : 0;
}

bool
intruder_knock (const intruder_t *intruder, int fd, curve_peer_t *peer)
{
    uint8_t body[COMMAND_MAX];
    uint8_t greeting[ZMTP_GREETING_SIZE];
    *peer = intruder->keys;
    if (!intruder_write (fd, zmtp_join (curve_greeting (), curve_peer_hello (peer))) ||
        !zmtp_read (fd, greeting, sizeof greeting))
        return false;
    const size_t size = read_command (fd, body);
    return size && curve_peer_take_welcome (peer, body, size);
}

bool
intruder_initiate (curve_peer_t *peer, int fd, zmtp_bytes_t properties)
{
    return intruder_write (fd, curve_peer_initiate (peer, properties));
}

bool
intruder_wait_ready (curve_peer_t *peer, int fd)
{
    uint8_t body[COMMAND_MAX];
    zmtp_bytes_t properties = {.size = 0};
    const size_t size = read_command (fd, body);
    if (!size || !curve_peer_take_ready (peer, body, size, &properties))
        return false;
    free (properties.data);
    return true;
}

bool
intruder_enter (const intruder_t *intruder, int fd, curve_peer_t *peer)
{
    return intruder_knock (intruder, fd, peer) && intruder_initiate (peer, fd, intruder->properties) &&
           intruder_wait_ready (peer, fd);
}
