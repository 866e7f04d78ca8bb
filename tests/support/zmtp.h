/* SPDX-License-Identifier: Apache-2.0 */
/* Writes and reads ZMTP (https://rfc.zeromq.org/spec/23) over a plain socket, for tests that break the
 * protocol. */
#ifndef GODWIT_TESTS_ZMTP_H
#define GODWIT_TESTS_ZMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZMTP_GREETING_SIZE 64
#define ZMTP_WAIT_LIMIT_MS 10000

/* A TCP port of 127.0.0.1 that nobody listens on now; 0: none. */
int zmtp_free_port (void);
/* Connects to "tcp://127.0.0.1:PORT", "ipc:///PATH" or "ipc://@NAME" (the abstract namespace). The socket, or
 * -1.
 */
int zmtp_connect (const char *address);
/* Listens at a port of 127.0.0.1 and writes "tcp://127.0.0.1:PORT". The socket, or -1. */
int zmtp_listen (char *address, size_t size);
/* Waits for a connection. The socket, or -1: none came within ZMTP_WAIT_LIMIT_MS. */
int zmtp_accept (int listener);
/* Ends the connection with a reset: what is on its way is lost. */
void zmtp_vanish (int fd);
/* Writes the greeting of version 3.0 with the NULL mechanism. */
void zmtp_greeting (uint8_t greeting[ZMTP_GREETING_SIZE]);
/* Writes all of it, or what the other side takes before it hangs up. False: it hung up. */
bool zmtp_write (int fd, const void *data, size_t size);
/* Reads so many bytes. False: it hung up, or they did not come within ZMTP_WAIT_LIMIT_MS. */
bool zmtp_read (int fd, void *data, size_t size);
/* Greeting and READY, with an identity that the caller chooses (size 0: none); waits for the other side's
 * READY. False: it hung up. */
bool zmtp_handshake (int fd, const char *socket_type, const void *identity, size_t identity_size);
/* One frame. more: others follow. */
bool zmtp_send (int fd, const void *data, size_t size, bool more);
/* Only the head of a frame of that size. */
bool zmtp_send_head (int fd, uint64_t size);
/* A command of up to 253 bytes in all: SUBSCRIBE, PING with its time to live, ... */
bool zmtp_send_command (int fd, const char *name, const void *data, size_t size);
/* Reads what comes until the other side hangs up. False: it did not within ZMTP_WAIT_LIMIT_MS. */
bool zmtp_wait_hung_up (int fd);

#endif
