/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/hosts/wire/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DELAY_MS = 60000, TEXT_SIZE = 128 };

static bool
read_number (const char *text, long most, long *number)
{
    char *end = NULL;
    *number = strtol (text, &end, 10);
    return end != text && *end == '\0' && *number >= 0 && *number <= most;
}

/* "*" is all of them. */
static bool
read_ports (const char *text, int *first, int *last)
{
    long number = 0;
    if (strcmp (text, "*") == 0) {
        *first = 1;
        *last = WIRE_PORTS;
        return true;
    }
    if (!read_number (text, WIRE_PORTS, &number) || number == 0)
        return false;
    *first = *last = (int) number;
    return true;
}

static bool
read_fault (rule_t *rule, const char *word)
{
    long number = 0;
    if (strncmp (word, "loss=", 5) == 0 && read_number (word + 5, 1000, &number))
        rule->loss_permille = (uint32_t) number;
    else if (strncmp (word, "delay=", 6) == 0 && read_number (word + 6, MAX_DELAY_MS, &number))
        rule->delay_ms = number;
    else if (strncmp (word, "cut=", 4) == 0 && read_number (word + 4, 1, &number))
        rule->is_cut = number == 1;
    else
        return false;
    return true;
}

bool
rules_set (rules_t *rules, const char *text, char *why, size_t why_size)
{
    char words[TEXT_SIZE];
    char *rest = NULL;
    int from[2], to[2];
    rule_t rule = {0};
    snprintf (words, sizeof words, "%s", text);
    const char *word = strtok_r (words, " ", &rest);
    if (!word || !read_ports (word, &from[0], &from[1])) {
        snprintf (why, why_size, "from: expected a port from 1 to %d or *, got \"%s\"", WIRE_PORTS,
                  word ? word : "");
        return false;
    }
    word = strtok_r (NULL, " ", &rest);
    if (!word || !read_ports (word, &to[0], &to[1])) {
        snprintf (why, why_size, "to: expected a port from 1 to %d or *, got \"%s\"", WIRE_PORTS,
                  word ? word : "");
        return false;
    }
    while ((word = strtok_r (NULL, " ", &rest))) {
        if (!read_fault (&rule, word)) {
            snprintf (why, why_size, "expected loss=0..1000, delay=0..%d or cut=0|1, got \"%s\"",
                      MAX_DELAY_MS, word);
            return false;
        }
    }
    for (int i = from[0]; i <= from[1]; i++)
        for (int j = to[0]; j <= to[1]; j++)
            rules->ways[i][j] = rule;
    return true;
}

bool
rules_lose (rules_t *rules, const rule_t *way)
{
    return way->loss_permille > 0 && random_below (&rules->random, 1000) < way->loss_permille;
}
