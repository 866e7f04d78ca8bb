/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a call that has to succeed. The call may use &error, which the macro declares. */
#ifndef GODWIT_TESTS_MUST_H
#define GODWIT_TESTS_MUST_H

#include <criterion/criterion.h>
#include <godwit/error.h>

#define MUST(call_)                                                                                          \
    do {                                                                                                     \
        godwit_error_t *error = NULL;                                                                        \
        const godwit_status_t status_ = (call_);                                                             \
        cr_assert (status_ == GODWIT_OK, "%s: %s", #call_, godwit_error_print (error));                      \
    } while (0)

#endif
