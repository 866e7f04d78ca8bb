#include <godwit/version.h>

const char *
godwit_version_string (void)
{
    return GODWIT_VERSION_STRING;
}
