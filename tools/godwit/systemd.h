/* SPDX-License-Identifier: Apache-2.0 */
/* What a service of systemd tells it (sd_notify(3)), if there is somebody to tell: NOTIFY_SOCKET in the
 * environment. Without libsystemd: it is one datagram. */
#ifndef GODWIT_TOOLS_SYSTEMD_H
#define GODWIT_TOOLS_SYSTEMD_H

/* "READY=1", "STOPPING=1". Does not block. What goes wrong is left aside: the service runs all the same. */
void systemd_tell (const char *text);

#endif
