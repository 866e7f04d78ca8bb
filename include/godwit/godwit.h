/* All of Godwit. */
#ifndef GODWIT_H
#define GODWIT_H

#include <godwit/client.h>
#include <godwit/config.h>
#include <godwit/error.h>
#include <godwit/serializer.h>
#include <godwit/server.h>
#include <godwit/service.h>
#include <godwit/target.h>
#include <godwit/transport.h>
#include <godwit/url.h>
#include <godwit/value.h>
#include <godwit/version.h>

#endif
