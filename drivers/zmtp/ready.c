/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/ready.h"

#include <stdio.h>
#include <string.h>

#define SOCKET_TYPE "Socket-Type"
#define SHOWN_SIZE 48 /* of a type from outside, as text */

#define BIT(socket) (1U << GODWIT__ZMTP_##socket)

static const struct {
    const char *name;
    unsigned speaks_with;
} sockets[GODWIT__ZMTP_SOCKET_COUNT] = {
    [GODWIT__ZMTP_DEALER] = {"DEALER", BIT (ROUTER)},
    [GODWIT__ZMTP_ROUTER] = {"ROUTER", BIT (DEALER)},
    [GODWIT__ZMTP_PUB] = {"PUB", BIT (SUB) | BIT (XSUB)},
    [GODWIT__ZMTP_XPUB] = {"XPUB", BIT (SUB) | BIT (XSUB)},
    [GODWIT__ZMTP_SUB] = {"SUB", BIT (PUB) | BIT (XPUB)},
    [GODWIT__ZMTP_XSUB] = {"XSUB", BIT (PUB) | BIT (XPUB)},
};

const char *
godwit__zmtp_socket_name (godwit__zmtp_socket_t socket)
{
    return sockets[socket].name;
}

/* ---- what this end says ---- */

static size_t
write_text (uint8_t *out, size_t room, const char *name, const char *value)
{
    const godwit__zmtp_property_t property = {
        .name = (const uint8_t *) name,
        .name_size = strlen (name),
        .value = (const uint8_t *) value,
        .value_size = strlen (value),
    };
    return godwit__zmtp_property_write (out, room, &property);
}

size_t
godwit__zmtp_ready_write (uint8_t *out, size_t room, const godwit__zmtp_handshake_config_t *config)
{
    size_t used = write_text (out, room, SOCKET_TYPE, godwit__zmtp_socket_name (config->socket));
    size_t size = used ? write_text (out + used, room - used, GODWIT__ZMTP_ENGINE, "1") : 0;
    for (size_t i = 0; size && i < config->property_count; i++) {
        used += size;
        size = godwit__zmtp_property_write (out + used, room - used, &config->properties[i]);
    }
    return size ? used + size : 0;
}

/* ---- what the peer says ---- */

/* Returns whether this end speaks with sockets of the type that the property names. */
static bool
find_socket (godwit__zmtp_socket_t own, const godwit__zmtp_property_t *property, godwit__zmtp_socket_t *peer)
{
    for (unsigned i = 0; i < GODWIT__ZMTP_SOCKET_COUNT; i++) {
        if (sockets[own].speaks_with & 1U << i && property->value_size == strlen (sockets[i].name) &&
            memcmp (property->value, sockets[i].name, property->value_size) == 0) {
            *peer = (godwit__zmtp_socket_t) i;
            return true;
        }
    }
    return false;
}

static const char *
check_socket (godwit__zmtp_socket_t own, const godwit__zmtp_property_t *property, godwit__zmtp_socket_t *peer,
              char text[GODWIT__ZMTP_READY_TEXT])
{
    char shown[SHOWN_SIZE];
    if (find_socket (own, property, peer))
        return NULL;
    snprintf (text, GODWIT__ZMTP_READY_TEXT, "a socket of type \"%s\" does not speak with one of type %s",
              godwit__zmtp_printable (shown, sizeof shown, property->value, property->value_size),
              sockets[own].name);
    return text;
}

const char *
godwit__zmtp_ready_check (const godwit__zmtp_handshake_config_t *config, const uint8_t *properties,
                          size_t size, godwit__zmtp_socket_t *socket, bool *is_engine,
                          char text[GODWIT__ZMTP_READY_TEXT])
{
    godwit__zmtp_property_t property;
    bool has_socket = false;
    bool has_engine = false;
    const char *wrong = NULL;
    while (!wrong && godwit__zmtp_property_next (&properties, &size, &property, &wrong)) {
        if (godwit__zmtp_property_is (&property, SOCKET_TYPE)) {
            wrong = has_socket ? "more than one Socket-Type"
                               : check_socket (config->socket, &property, socket, text);
            has_socket = true;
            continue;
        }
        if (godwit__zmtp_property_is (&property, GODWIT__ZMTP_ENGINE))
            has_engine = true;
        if (config->check)
            wrong = config->check (config->user, &property);
    }
    if (!wrong && !has_socket)
        wrong = "no Socket-Type";
    if (!wrong)
        *is_engine = has_engine;
    return wrong;
}
