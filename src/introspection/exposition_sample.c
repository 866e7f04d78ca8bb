/* SPDX-License-Identifier: Apache-2.0 */
#include "src/introspection/exposition_sample.h"

#include "src/base/utf8.h"

#include <string.h>

/* The longest time that is told: 292 years are more nanoseconds than a number holds. */
#define SECONDS_MAX 9e9

/* ---- labels ---- */

static void
add_byte (godwit__text_t *text, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    /* A backslash of the value is two in the text. */
    const char escaped[] = {'\\', '\\', 'x', digits[byte >> 4], digits[byte & 15]};
    godwit__text_add (text, escaped, sizeof escaped);
}

static void
add_character (godwit__text_t *text, const char *at, size_t length)
{
    if (*at == '\n')
        godwit__text_put (text, "\\n");
    else if (length == 0 || (unsigned char) *at < 0x20 || *at == 0x7f)
        add_byte (text, (unsigned char) *at);
    else {
        if (*at == '\\' || *at == '"')
            godwit__text_put (text, "\\");
        godwit__text_add (text, at, length);
    }
}

static void
add_value (godwit__text_t *text, const char *value, size_t size)
{
    for (size_t at = 0; at < size;) {
        const size_t length = godwit__utf8_length ((const unsigned char *) value + at, size - at);
        add_character (text, value + at, length);
        at += length ? length : 1;
    }
}

static void
open_label (godwit__text_t *text, unsigned *count, const char *name)
{
    godwit__text_put (text, (*count)++ ? "," : "{");
    godwit__text_put (text, name);
    godwit__text_put (text, "=\"");
}

void
godwit__sample_label (godwit__text_t *text, unsigned *count, const char *name, const char *value, size_t size)
{
    if (size == 0)
        return;
    open_label (text, count, name);
    add_value (text, value, size);
    godwit__text_put (text, "\"");
}

/* ---- of an entry ---- */

typedef struct part {
    const char *text;
    size_t size;
} part_t;

static part_t
part_of (const godwit_value_t *entry, const char *name)
{
    const godwit_value_t *const value = godwit_value_get (entry, name);
    const char *const text = godwit_value_as_str (value, NULL);
    return (part_t){text, text ? godwit_value_count (value) : 0};
}

static void
add_part (godwit__text_t *text, unsigned *count, const godwit_value_t *entry, const char *name,
          const char *label)
{
    const part_t part = part_of (entry, name);
    godwit__sample_label (text, count, label, part.text, part.size);
}

/* The parts that there are, with '/' between them. */
static void
add_joined (godwit__text_t *text, unsigned *count, const char *label, const part_t *parts, size_t part_count)
{
    size_t used = 0;
    for (size_t i = 0; i < part_count; i++) {
        if (!parts[i].size)
            continue;
        if (used++)
            godwit__text_put (text, "/");
        else
            open_label (text, count, label);
        add_value (text, parts[i].text, parts[i].size);
    }
    if (used)
        godwit__text_put (text, "\"");
}

/* As OpenTelemetry has it: the full name, and one for all that have no method. */
static void
add_method (godwit__text_t *text, unsigned *count, const godwit_value_t *entry)
{
    const part_t parts[] = {part_of (entry, "topic"), part_of (entry, "namespace"),
                            part_of (entry, "method")};
    if (parts[2].size == 3 && memcmp (parts[2].text, "...", 3) == 0)
        godwit__sample_label (text, count, "rpc_method", "_OTHER", 6);
    else
        add_joined (text, count, "rpc_method", parts, 3);
}

void
godwit__sample_labels (godwit__text_t *text, unsigned *count, const godwit_value_t *entry, bool side)
{
    const part_t group[] = {part_of (entry, "exchange"), part_of (entry, "topic")};
    godwit__sample_label (text, count, "rpc_system_name", "godwit", 6);
    add_method (text, count, entry);
    add_joined (text, count, "server_address", group, 2);
    add_part (text, count, entry, "topic", "godwit_topic");
    add_part (text, count, entry, "namespace", "godwit_namespace");
    add_part (text, count, entry, "version", "godwit_version");
    add_part (text, count, entry, "server", "godwit_server");
    if (godwit_value_as_bool (godwit_value_get (entry, "fanout"), false))
        godwit__sample_label (text, count, "godwit_fanout", "true", 4);
    if (side)
        add_part (text, count, entry, "side", "godwit_side");
}

/* ---- numbers ---- */

void
godwit__sample_seconds (godwit__text_t *text, double seconds)
{
    const double bounded = seconds > 0 ? seconds < SECONDS_MAX ? seconds : SECONDS_MAX : 0;
    uint64_t nanoseconds = (uint64_t) (bounded * 1e9 + 0.5);
    char fraction[10] = ".";
    godwit__text_put_number (text, nanoseconds / 1000000000);
    for (int i = 9; i > 0; i--, nanoseconds /= 10)
        fraction[i] = (char) ('0' + nanoseconds % 10);
    godwit__text_add (text, fraction, sizeof fraction);
}

uint64_t
godwit__sample_number (const godwit_value_t *entry, const char *name)
{
    uint64_t number = 0;
    godwit_value_get_uint (godwit_value_get (entry, name), &number, NULL);
    return number;
}
