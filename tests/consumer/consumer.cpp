/* SPDX-License-Identifier: Apache-2.0 */
#include <cstdio>
#include <godwit/godwit.h>

int
main ()
{
    std::printf ("C++: godwit %s\n", godwit_version_string ());
    return godwit_version_string ()[0] != '0' + GODWIT_VERSION_MAJOR;
}
