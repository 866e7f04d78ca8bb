/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/last_word.h"

#include "src/base/hash.h"

#include <stdio.h>

static uint64_t
hash_of (const char *address)
{
    const uint64_t hash = godwit__hash_text (0, address);
    return hash ? hash : 1;
}

/* GODWIT__ZMTP_LAST_WORDS: it is not there. */
static unsigned
find (const godwit__zmtp_last_words_t *words, const char *address)
{
    const uint64_t hash = hash_of (address);
    unsigned i = 0;
    while (i < GODWIT__ZMTP_LAST_WORDS && words->words[i].address != hash)
        i++;
    return i;
}

void
godwit__zmtp_last_word_keep (godwit__zmtp_last_words_t *words, const char *address, const char *reason)
{
    unsigned at = find (words, address);
    if (at == GODWIT__ZMTP_LAST_WORDS) {
        at = words->next;
        words->next = (words->next + 1) % GODWIT__ZMTP_LAST_WORDS;
    }
    words->words[at].address = hash_of (address);
    words->words[at].reason = reason;
}

void
godwit__zmtp_last_word_forget (godwit__zmtp_last_words_t *words, const char *address)
{
    const unsigned at = find (words, address);
    if (at < GODWIT__ZMTP_LAST_WORDS)
        words->words[at].address = 0;
}

const char *
godwit__zmtp_last_word_of (const godwit__zmtp_last_words_t *words, const char *address, const char *reason,
                           char text[GODWIT__ZMTP_LAST_WORD_SIZE])
{
    const unsigned at = find (words, address);
    if (at == GODWIT__ZMTP_LAST_WORDS)
        return reason;
    snprintf (text, GODWIT__ZMTP_LAST_WORD_SIZE, "closed at once; before that it %s",
              words->words[at].reason);
    return text;
}
