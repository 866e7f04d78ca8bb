/* SPDX-License-Identifier: Apache-2.0 */
/* Accepts connections at one address. When the machine has no descriptors or no memory left, it rests instead
 * of spinning, and sheds those that wait: a descriptor kept in reserve lets it accept and close them, so that
 * they learn of it at once. The reactor's thread. */
#ifndef GODWIT_DRIVERS_ZMTP_LISTENER_H
#define GODWIT_DRIVERS_ZMTP_LISTENER_H

#include "drivers/zmtp/address.h"
#include "drivers/zmtp/zmtp_driver.h"

#include "src/folder/folder_listen.h"

typedef struct godwit__zmtp_listener {
    godwit__zmtp_t *driver;
    void (*accepted) (struct godwit__zmtp_listener *listener, int fd); /* takes the socket over */
    void *user;
    godwit__source_t source;
    godwit__timer_t rest;
    godwit__timer_t look; /* whether a random name in a private folder is still there */
    int reserve_fd;
    char at[GODWIT__ADDRESS_SIZE]; /* as others connect to it */
    bool is_local;                 /* ipc */
    bool is_private;               /* in a private folder: processes of this user only */
    godwit__folder_t *folder;      /* that folder, the driver's; NULL: none */
    godwit__folder_name_t name;    /* in it */
    godwit__zmtp_address_t file;   /* of a path outside of private folders; size 0: none */
    dev_t file_device;             /* what the path led to when it was bound */
    ino_t file_inode;
    godwit__list_node_t in_list; /* the owner's */
} godwit__zmtp_listener_t;

/* Under a random name in the first private folder that is usable. */
#define GODWIT__ZMTP_ANY_IPC "ipc://*"

/* Listens at `at`, and writes the address with the port that the system chose. SYSTEM with the cause. */
godwit_status_t godwit__zmtp_listener_new (godwit__zmtp_listener_t **listener, godwit__zmtp_t *driver,
                                           const char *at, char bound[GODWIT__ADDRESS_SIZE],
                                           void (*accepted) (godwit__zmtp_listener_t *listener, int fd),
                                           void *user, godwit_error_t **error);
void godwit__zmtp_listener_destroy (godwit__zmtp_listener_t *listener);

#endif
