/* SPDX-License-Identifier: Apache-2.0 */
/* Why peers have refused this process, by their address. One that has refused it three times closes further
 * connections at once, and says nothing (refusals.h): then what it said last is what a person wants to know.
 * The reactor's thread. */
#ifndef GODWIT_DRIVERS_ZMTP_LAST_WORD_H
#define GODWIT_DRIVERS_ZMTP_LAST_WORD_H

#include <stdint.h>

/* Addresses that are remembered; of more, the oldest are forgotten. */
#define GODWIT__ZMTP_LAST_WORDS 32
#define GODWIT__ZMTP_LAST_WORD_SIZE 160

typedef struct godwit__zmtp_last_words {
    struct {
        uint64_t address;   /* its hash; 0: none */
        const char *reason; /* as the link that was refused has it; stays as long as the driver */
    } words[GODWIT__ZMTP_LAST_WORDS];
    unsigned next;
} godwit__zmtp_last_words_t;

/* A peer has refused this process. */
void godwit__zmtp_last_word_keep (godwit__zmtp_last_words_t *words, const char *address, const char *reason);
/* It has let this process in, or has said something else. */
void godwit__zmtp_last_word_forget (godwit__zmtp_last_words_t *words, const char *address);
/* The reason of a connection on which it said nothing: `reason`, or a text in `text` with what it said
 * before. */
const char *godwit__zmtp_last_word_of (const godwit__zmtp_last_words_t *words, const char *address,
                                       const char *reason, char text[GODWIT__ZMTP_LAST_WORD_SIZE]);

#endif
