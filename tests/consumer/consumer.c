#include <godwit/godwit.h>
#include <stdio.h>
#include <string.h>

int
main (void)
{
    printf ("C: godwit %s\n", godwit_version_string ());
    return strcmp (godwit_version_string (), GODWIT_VERSION_STRING) != 0;
}
