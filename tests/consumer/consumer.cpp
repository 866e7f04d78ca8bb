#include <cstdio>
#include <cstring>
#include <godwit/godwit.h>

int
main ()
{
    std::printf ("C++: godwit %s\n", godwit_version_string ());
    return std::strcmp (godwit_version_string (), GODWIT_VERSION_STRING) != 0;
}
