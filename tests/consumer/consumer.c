/* SPDX-License-Identifier: Apache-2.0 */
#include <godwit/godwit.h>
#include <stdio.h>

int
main (void)
{
    printf ("C: godwit %s\n", godwit_version_string ());
    return godwit_version_string ()[0] != '0' + GODWIT_VERSION_MAJOR;
}
