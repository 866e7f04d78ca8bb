/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/ends.h"

void
godwit__zmtp_ends_init (godwit__zmtp_ends_t *ends, godwit__realm_t *realm)
{
    for (int i = 0; i < GODWIT__ZMTP_SOCKET_COUNT; i++) {
        godwit__zmtp_handshake_config_t *const end = &ends->in_private[i];
        *end = (godwit__zmtp_handshake_config_t){
            .accepts = i == GODWIT__ZMTP_ROUTER || i == GODWIT__ZMTP_SUB,
            .socket = (godwit__zmtp_socket_t) i,
            .realm = realm,
        };
        ends->in_public[i] = *end;
        ends->in_public[i].mechanism = realm ? &godwit__zmtp_curve : NULL;
    }
}
