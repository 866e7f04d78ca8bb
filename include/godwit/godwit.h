/* SPDX-License-Identifier: Apache-2.0 */
/* An RPC library without a broker. This header includes all others but the simulated cluster
 * (godwit/testing.h).
 *
 * The headers are the manual, and the manual pages are made from them. Where a header says "contract 3", it
 * means section 3 of docs/contract.md, which is installed with the library (share/doc/godwit).
 */
#ifndef GODWIT_H
#define GODWIT_H

#include <godwit/client.h>
#include <godwit/config.h>
#include <godwit/error.h>
#include <godwit/listener.h>
#include <godwit/notification.h>
#include <godwit/notify.h>
#include <godwit/serializer.h>
#include <godwit/server.h>
#include <godwit/service.h>
#include <godwit/spool.h>
#include <godwit/target.h>
#include <godwit/trace.h>
#include <godwit/transport.h>
#include <godwit/url.h>
#include <godwit/value.h>
#include <godwit/version.h>

#endif
