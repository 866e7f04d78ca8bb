#include "tests/conformance/driver_conformance.h"

static void
make_address (char address[GODWIT__ADDRESS_SIZE])
{
    strcpy (address, "inproc://rendezvous");
}

static const driver_conformance_t inproc = {&godwit__inproc_driver, make_address, "inproc://nobody", 1};
DRIVER_CONFORMANCE (inproc)
