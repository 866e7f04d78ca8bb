/* SPDX-License-Identifier: Apache-2.0 */
#include "src/base/distance.h"

#include <string.h>

size_t
godwit__distance (const char *a, const char *b)
{
    const size_t size = strlen (b);
    size_t row[GODWIT__DISTANCE_NAME_MAX + 1];
    if (size > GODWIT__DISTANCE_NAME_MAX || strlen (a) > GODWIT__DISTANCE_NAME_MAX)
        return GODWIT__DISTANCE_FAR;
    for (size_t j = 0; j <= size; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < size; j++) {
            const size_t change = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = diagonal < row[j] ? diagonal + 1 : row[j] + 1;
            if (change < row[j + 1])
                row[j + 1] = change;
        }
    }
    return row[size];
}
