/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/command.h"

#include "drivers/zmtp/frame.h"

#include <assert.h>
#include <string.h>

static uint32_t
read_32 (const uint8_t *data)
{
    return (uint32_t) data[0] << 24 | (uint32_t) data[1] << 16 | (uint32_t) data[2] << 8 | data[3];
}

/* ---- reading ---- */

static bool
is_named (const uint8_t *name, size_t size, const char *text)
{
    return strlen (text) == size && memcmp (name, text, size) == 0;
}

static godwit__zmtp_kind_t
kind_of (const uint8_t *name, size_t size)
{
    static const struct {
        const char *name;
        godwit__zmtp_kind_t kind;
    } kinds[] = {
        {"PING", GODWIT__ZMTP_PING},
        {"PONG", GODWIT__ZMTP_PONG},
        {"SUBSCRIBE", GODWIT__ZMTP_SUBSCRIBE},
        {"READY", GODWIT__ZMTP_READY},
        {"ERROR", GODWIT__ZMTP_ERROR},
        {"CANCEL", GODWIT__ZMTP_CANCEL},
        {"CREDENTIAL", GODWIT__ZMTP_CREDENTIAL},
        {"REFUSED", GODWIT__ZMTP_REFUSED},
        {"BULLETIN", GODWIT__ZMTP_BULLETIN},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (is_named (name, size, kinds[i].name))
            return kinds[i].kind;
    return GODWIT__ZMTP_UNKNOWN;
}

static const char *
check_properties (const uint8_t *data, size_t size)
{
    godwit__zmtp_property_t property;
    const char *wrong = NULL;
    while (godwit__zmtp_property_next (&data, &size, &property, &wrong))
        ;
    return wrong;
}

/* An ERROR, or a REFUSED. */
static const char *
read_reason (godwit__zmtp_command_t *read)
{
    if (read->size < 1 || read->data[0] != read->size - 1)
        return read->kind == GODWIT__ZMTP_ERROR ? "an ERROR whose reason has not the size that it says"
                                                : "a REFUSED whose word has not the size that it says";
    read->data++;
    read->size--;
    return NULL;
}

static const char *
read_ping (godwit__zmtp_command_t *read)
{
    if (read->size < 2)
        return "a PING without a time to live";
    if (read->size - 2 > GODWIT__ZMTP_CONTEXT_MAX)
        return "a PING with a context of more than 16 bytes";
    read->ttl_ds = (uint16_t) (read->data[0] << 8 | read->data[1]);
    read->data += 2;
    read->size -= 2;
    return NULL;
}

static const char *
read_data (godwit__zmtp_command_t *read)
{
    switch (read->kind) {
    case GODWIT__ZMTP_READY:
        return check_properties (read->data, read->size);
    case GODWIT__ZMTP_ERROR:
    case GODWIT__ZMTP_REFUSED:
        return read_reason (read);
    case GODWIT__ZMTP_PING:
        return read_ping (read);
    case GODWIT__ZMTP_PONG:
        return read->size > GODWIT__ZMTP_CONTEXT_MAX ? "a PONG with a context of more than 16 bytes" : NULL;
    default:
        return NULL;
    }
}

const char *
godwit__zmtp_command_read (godwit__zmtp_command_t *command, const uint8_t *body, size_t size)
{
    if (size == 0 || body[0] == 0)
        return "a command without a name";
    if (body[0] > size - 1)
        return "a command that ends inside of its name";
    godwit__zmtp_command_t read = {
        .kind = kind_of (body + 1, body[0]),
        .name_size = body[0],
        .name = body + 1,
        .data = body + 1 + body[0],
        .size = size - 1 - body[0],
    };
    const char *const wrong = read_data (&read);
    if (!wrong)
        *command = read;
    return wrong;
}

const char *
godwit__zmtp_subscription_read (godwit__zmtp_command_t *command, const uint8_t *body, size_t size)
{
    static const uint8_t subscribe[] = "SUBSCRIBE";
    static const uint8_t cancel[] = "CANCEL";
    if (size == 0 || body[0] > 1)
        return "a message of a subscriber that is no subscription";
    const bool subscribes = body[0] == 1;
    *command = (godwit__zmtp_command_t){
        .kind = subscribes ? GODWIT__ZMTP_SUBSCRIBE : GODWIT__ZMTP_CANCEL,
        .name_size = subscribes ? sizeof subscribe - 1 : sizeof cancel - 1,
        .name = subscribes ? subscribe : cancel,
        .data = body + 1,
        .size = size - 1,
    };
    return NULL;
}

/* ---- properties ---- */

bool
godwit__zmtp_property_next (const uint8_t **data, size_t *size, godwit__zmtp_property_t *property,
                            const char **wrong)
{
    *wrong = NULL;
    if (*size == 0)
        return false;
    const uint8_t *const at = *data;
    const size_t name_size = at[0];
    if (name_size == 0) {
        *wrong = "a property without a name";
        return false;
    }
    if (*size < 1 + name_size + 4) {
        *wrong = "a property that ends inside of its name or size";
        return false;
    }
    const size_t value_size = read_32 (at + 1 + name_size);
    if (value_size > *size - (1 + name_size + 4)) {
        *wrong = "a property whose value is longer than the command";
        return false;
    }
    *property = (godwit__zmtp_property_t){
        .name = at + 1,
        .name_size = name_size,
        .value = at + 1 + name_size + 4,
        .value_size = value_size,
    };
    *data = property->value + value_size;
    *size -= 1 + name_size + 4 + value_size;
    return true;
}

bool
godwit__zmtp_property_is (const godwit__zmtp_property_t *property, const char *name)
{
    return is_named (property->name, property->name_size, name);
}

size_t
godwit__zmtp_property_write (uint8_t *out, size_t room, const godwit__zmtp_property_t *property)
{
    if (property->name_size == 0 || property->name_size > UINT8_MAX || property->value_size > INT32_MAX)
        return 0;
    const size_t size = 1 + property->name_size + 4 + property->value_size;
    if (size > room)
        return 0;
    *out++ = (uint8_t) property->name_size;
    memcpy (out, property->name, property->name_size);
    out += property->name_size;
    for (int shift = 24; shift >= 0; shift -= 8)
        *out++ = (uint8_t) (property->value_size >> shift);
    if (property->value_size)
        memcpy (out, property->value, property->value_size);
    return size;
}

/* ---- writing ---- */

/* Returns the byte behind data. */
static uint8_t *
append (uint8_t *out, const void *data, size_t size)
{
    if (size)
        memcpy (out, data, size);
    return out + size;
}

/* Writes head and name of a command whose data is so large. Returns where the data belongs. */
static uint8_t *
begin (uint8_t *out, const char *name, size_t data_size)
{
    const size_t name_size = strlen (name);
    out += godwit__zmtp_head_write (out, GODWIT__ZMTP_COMMAND, 1 + name_size + data_size);
    *out++ = (uint8_t) name_size;
    return append (out, name, name_size);
}

size_t
godwit__zmtp_ping_write (uint8_t out[GODWIT__ZMTP_PING_SIZE], uint16_t ttl_ds, const void *context,
                         size_t context_size)
{
    assert (context_size <= GODWIT__ZMTP_CONTEXT_MAX);
    uint8_t *at = begin (out, "PING", 2 + context_size);
    *at++ = (uint8_t) (ttl_ds >> 8);
    *at++ = (uint8_t) ttl_ds;
    return (size_t) (append (at, context, context_size) - out);
}

size_t
godwit__zmtp_pong_write (uint8_t out[GODWIT__ZMTP_PONG_SIZE], const void *context, size_t context_size)
{
    assert (context_size <= GODWIT__ZMTP_CONTEXT_MAX);
    return (size_t) (append (begin (out, "PONG", context_size), context, context_size) - out);
}

static size_t
write_reason (uint8_t *out, const char *name, const char *reason)
{
    const size_t size = strnlen (reason, GODWIT__ZMTP_REASON_MAX);
    uint8_t *at = begin (out, name, 1 + size);
    *at++ = (uint8_t) size;
    return (size_t) (append (at, reason, size) - out);
}

size_t
godwit__zmtp_error_write (uint8_t out[GODWIT__ZMTP_ERROR_SIZE], const char *reason)
{
    return write_reason (out, "ERROR", reason);
}

size_t
godwit__zmtp_refused_write (uint8_t out[GODWIT__ZMTP_REFUSED_SIZE], const char *word)
{
    return write_reason (out, "REFUSED", word);
}

size_t
godwit__zmtp_command_write (uint8_t *out, const char *name, const void *data, size_t data_size)
{
    return (size_t) (append (begin (out, name, data_size), data, data_size) - out);
}

size_t
godwit__zmtp_subscription_write (uint8_t *out, uint8_t peer_minor, bool subscribe, const void *topic,
                                 size_t topic_size)
{
    assert (topic_size <= GODWIT__ZMTP_TOPIC_MAX);
    uint8_t *at = out;
    if (peer_minor >= 1) {
        at = begin (out, subscribe ? "SUBSCRIBE" : "CANCEL", topic_size);
    } else {
        at += godwit__zmtp_head_write (out, 0, 1 + topic_size);
        *at++ = subscribe ? 1 : 0;
    }
    return (size_t) (append (at, topic, topic_size) - out);
}

const char *
godwit__zmtp_printable (char *text, size_t room, const void *data, size_t size)
{
    const uint8_t *const bytes = data;
    size_t used = 0;
    for (; used < size && used + 1 < room; used++)
        text[used] = bytes[used] < 0x20 || bytes[used] >= 0x7f ? '?'
                     : bytes[used] == '"'                      ? '\''
                                                               : (char) bytes[used];
    text[used] = '\0';
    return text;
}
