/* SPDX-License-Identifier: Apache-2.0 */
/* Checks serializers. The library's own ones are in serializer.c; JSON is in src/value/json.c. */
#ifndef GODWIT_SRC_SERIALIZER_SERIALIZER_H
#define GODWIT_SRC_SERIALIZER_SERIALIZER_H

#include <godwit/serializer.h>

/* INVALID_ARGUMENT if the struct is no valid serializer; NULL is fine. */
godwit_status_t godwit__serializer_check (const godwit_serializer_t *serializer, godwit_error_t **error);

#endif
