/* SPDX-License-Identifier: Apache-2.0 */
/* How each end of a connection speaks. Where there is a realm, a connection proves by CURVE who is at its
 * ends; but not through a private folder, which only processes of this user reach: there credentials are
 * said, and that is enough (docs/zmtp.md). */
#ifndef GODWIT_DRIVERS_ZMTP_ENDS_H
#define GODWIT_DRIVERS_ZMTP_ENDS_H

#include "drivers/zmtp/ready.h"

/* Of a driver. Constant after init. */
typedef struct godwit__zmtp_ends {
    godwit__zmtp_handshake_config_t in_private[GODWIT__ZMTP_SOCKET_COUNT];
    godwit__zmtp_handshake_config_t in_public[GODWIT__ZMTP_SOCKET_COUNT];
} godwit__zmtp_ends_t;

/* realm NULL: there is none. */
void godwit__zmtp_ends_init (godwit__zmtp_ends_t *ends, godwit__realm_t *realm);

/* The end with a socket of this type. DEALER and XPUB connect, ROUTER and SUB accept. */
static inline const godwit__zmtp_handshake_config_t *
godwit__zmtp_end (const godwit__zmtp_ends_t *ends, godwit__zmtp_socket_t socket, bool is_private)
{
    return is_private ? &ends->in_private[socket] : &ends->in_public[socket];
}

#endif
