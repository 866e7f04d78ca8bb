/* SPDX-License-Identifier: Apache-2.0 */
/* For the programs of this folder, which use only the public headers of the last release. */
#ifndef GODWIT_TESTS_RELEASE_EXPECT_H
#define GODWIT_TESTS_RELEASE_EXPECT_H

#include <godwit/godwit.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the program if it is not so. */
#define EXPECT(condition_)                                                                                   \
    do {                                                                                                     \
        if (!(condition_)) {                                                                                 \
            fprintf (stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition_);                        \
            exit (1);                                                                                        \
        }                                                                                                    \
    } while (0)

/* Makes a call that has to succeed; it may use &error. */
#define MUST(call_)                                                                                          \
    do {                                                                                                     \
        godwit_error_t *error = NULL;                                                                        \
        if ((call_) != GODWIT_OK) {                                                                          \
            fprintf (stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call_, godwit_error_print (error));     \
            exit (1);                                                                                        \
        }                                                                                                    \
    } while (0)

/* A struct that the library fills, with a mark behind it, which a library with a larger struct would spoil.
 */
#define GUARDED(type_)                                                                                       \
    struct {                                                                                                 \
        type_ it;                                                                                            \
        unsigned char mark[64];                                                                              \
    }

#define GUARD(guarded_) memset ((guarded_).mark, 0xa5, sizeof (guarded_).mark)

#define EXPECT_GUARD(guarded_)                                                                               \
    do {                                                                                                     \
        for (size_t i_ = 0; i_ < sizeof (guarded_).mark; i_++)                                               \
            EXPECT ((guarded_).mark[i_] == 0xa5);                                                            \
    } while (0)

#endif
