/* SPDX-License-Identifier: Apache-2.0 */
/* Members that lie, or break the rules, byte by byte: with commands of the realm on an open connection, and
 * in the middle between two others. What they get to hear, and what the log says. */
#include "drivers/zmtp/admission.h"
#include "drivers/zmtp/frame.h"
#include "drivers/zmtp/member.h"
#include "drivers/zmtp/parties.h"
#include "tests/support/curve_peer.h"
#include "tests/support/must.h"
#include "tests/support/realm_nodes.h"
#include "tests/support/zmtp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "127.0.0.1"

static godwit__test_realm_t *files;
static godwit__realm_t *web; /* the raw member's */
static node_t shop;

static godwit__realm_t *
open_realm (const char *name, uint64_t serial)
{
    godwit__realm_t *realm = NULL;
    const godwit__realm_options_t options = {
        .path = godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = name, .serial = serial))};
    MUST (godwit__realm_open (&realm, &options, &error));
    return realm;
}

static void
set_up (void)
{
    nodes_begin ();
    files = godwit__test_realm_new (1);
    web = open_realm ("web", 7);
    node_open (&shop, &godwit__zmtp_driver,
               godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "shop", .serial = 8)), HOST);
}

static void
tear_down (void)
{
    node_close (&shop);
    godwit__realm_close (&web);
    godwit__test_realm_destroy (&files);
    nodes_end ();
}

TestSuite (zmtp_member_commands, .init = set_up, .fini = tear_down, .timeout = 120);

/* ---- bytes ---- */

static void
add (zmtp_bytes_t *properties, const char *name, const void *value, size_t size)
{
    uint8_t room[4096];
    const godwit__zmtp_property_t property = {
        .name = (const uint8_t *) name, .name_size = strlen (name), .value = value, .value_size = size};
    const size_t used = godwit__zmtp_property_write (room, sizeof room, &property);
    *properties = zmtp_join (*properties, zmtp_bytes_of (room, used));
}

static void
add_credential (zmtp_bytes_t *properties, godwit__realm_t *realm)
{
    godwit__credential_t *credential = godwit__realm_credential (realm);
    add (properties, GODWIT__ZMTP_ENGINE, "1", 1);
    add (properties, GODWIT__ZMTP_CREDENTIAL_PROPERTY, credential->bytes, credential->size);
    godwit__credential_unref (&credential);
}

/* Reads so many bytes while the node runs. False: the other side hung up. */
static bool
read_all (int fd, uint8_t *data, size_t size)
{
    const time_t end = await_now_s () + AWAIT_LIMIT_S;
    for (size_t have = 0; have < size;) {
        const ssize_t count = recv (fd, data + have, size - have, MSG_DONTWAIT);
        if (count == 0 || (count < 0 && errno != EAGAIN))
            return false;
        if (count > 0)
            have += (size_t) count;
        cr_assert (await_now_s () < end, "nothing comes");
        nodes_turn ();
    }
    return true;
}

/* The body of the next frame; size 0 and no data: it hung up. */
static zmtp_bytes_t
read_frame (int fd)
{
    uint8_t bytes[GODWIT__ZMTP_LONG_HEAD] = {0};
    godwit__zmtp_head_t head;
    static uint8_t body[70000];
    if (!read_all (fd, bytes, 2) || (bytes[0] & GODWIT__ZMTP_LONG && !read_all (fd, bytes + 2, 7)))
        return (zmtp_bytes_t){.size = 0};
    cr_assert (godwit__zmtp_head_read (&head, bytes, sizeof bytes) && head.body_size <= sizeof body);
    cr_assert (read_all (fd, body, (size_t) head.body_size));
    return zmtp_bytes_of (body, (size_t) head.body_size);
}

static void
expect_hung_up (int fd)
{
    const zmtp_bytes_t frame = read_frame (fd);
    cr_assert_eq (frame.size, 0u);
}

/* The next frame is the command REFUSED with this word. */
static void
expect_refused (const uint8_t *body, size_t size, const char *word)
{
    godwit__zmtp_command_t command = {.kind = GODWIT__ZMTP_UNKNOWN};
    cr_assert_null (godwit__zmtp_command_read (&command, body, size));
    cr_assert_eq (command.kind, GODWIT__ZMTP_REFUSED);
    cr_assert (command.size == strlen (word) && !memcmp (command.data, word, command.size), "%.*s",
               (int) command.size, (const char *) command.data);
}

/* ---- through the private folder ---- */

/* A member that was let in, as a link. */
static int
be_let_in (void)
{
    uint8_t greeting[ZMTP_GREETING_SIZE];
    static uint8_t frame[4096];
    zmtp_bytes_t properties = curve_properties ("DEALER");
    const int fd = zmtp_connect (shop.at.links[0]);
    cr_assert_geq (fd, 0);
    add_credential (&properties, web);
    zmtp_greeting (greeting);
    greeting[11] = 1;
    cr_assert (zmtp_write (fd, greeting, sizeof greeting));
    cr_assert (zmtp_write (fd, frame,
                           godwit__zmtp_command_write (frame, "READY", properties.data, properties.size)));
    free (properties.data);
    cr_assert (read_all (fd, greeting, sizeof greeting));
    const zmtp_bytes_t ready = read_frame (fd);
    cr_assert (ready.size > 6 && !memcmp (ready.data, "\5READY", 6));
    free (ready.data);
    return fd;
}

static void
say (int fd, const char *name, const void *data, size_t size)
{
    uint8_t *const frame = malloc (GODWIT__ZMTP_COMMAND_SIZE (size));
    const size_t frame_size = godwit__zmtp_command_write (frame, name, data, size);
    for (size_t sent = 0; sent < frame_size; nodes_turn ()) {
        const ssize_t count = send (fd, frame + sent, frame_size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0 && errno != EAGAIN)
            break; /* it hung up already */
        sent += count > 0 ? (size_t) count : 0;
    }
    free (frame);
}

/* The port has told it a word, and its own log a text; and it hangs up, whatever the peer does. */
static void
expect_told (int fd, const char *word, const char *text)
{
    const zmtp_bytes_t frame = read_frame (fd);
    expect_refused (frame.data, frame.size, word);
    free (frame.data);
    expect_hung_up (fd);
    NODES_AWAIT (node_says (&shop, text));
    close (fd);
}

Test (zmtp_member_commands, a_credential_that_is_none_costs_the_connection)
{
    const int fd = be_let_in ();
    say (fd, "CREDENTIAL", "nonsense", 8);
    expect_told (fd, "no-certificate", "its credential is malformed");
}

/* Nothing is proven in the private folder; but who has begun as one process stays that one. */
Test (zmtp_member_commands, a_credential_of_another_process_costs_the_connection)
{
    godwit__realm_t *other = open_realm ("other", 9);
    godwit__credential_t *credential = godwit__realm_credential (other);
    const int fd = be_let_in ();
    say (fd, "CREDENTIAL", credential->bytes, credential->size);
    expect_told (fd, "other-key", "certificate \"other\" (serial 9): its process proof is for another key");
    godwit__credential_unref (&credential);
    godwit__realm_close (&other);
}

Test (zmtp_member_commands, the_same_credential_again_changes_nothing)
{
    const int fd = be_let_in ();
    godwit__credential_t *credential = godwit__realm_credential (web);
    for (int i = 0; i < GODWIT__ZMTP_CREDENTIALS_IN_A_ROW; i++)
        say (fd, "CREDENTIAL", credential->bytes, credential->size);
    cr_assert (zmtp_send (fd, "hello", 5, false));
    NODES_AWAIT (shop.received == 1);
    cr_assert_str_eq (shop.sender, "web");
    cr_assert_str_eq (shop.log, "");
    godwit__credential_unref (&credential);
    close (fd);
}

/* One a second is earned meanwhile. */
Test (zmtp_member_commands, credentials_without_end_cost_the_connection)
{
    const int fd = be_let_in ();
    const uint64_t before = NODE_COUNTER (&shop, malformed);
    godwit__credential_t *credential = godwit__realm_credential (web);
    for (int i = 0; i < GODWIT__ZMTP_CREDENTIALS_IN_A_ROW + 20; i++)
        say (fd, "CREDENTIAL", credential->bytes, credential->size);
    expect_hung_up (fd);
    NODES_AWAIT (node_says (&shop, "it sent credentials faster than one a second"));
    cr_assert_eq (NODE_COUNTER (&shop, malformed), before + 1);
    godwit__credential_unref (&credential);
    close (fd);
}

/* Those of a realm key that nobody knows are counted, and the log says whose they are once. */
Test (zmtp_member_commands, old_and_foreign_bulletins_without_end_cost_the_connection)
{
    godwit__test_realm_t *foreign = godwit__test_realm_foreign (files, 2);
    godwit__test_realm_revoke_serial (foreign, 1);
    godwit__test_realm_revoke_serial (files, 1);
    const godwit__bulletin_t *const bulletins[] = {godwit__test_realm_bulletin (foreign),
                                                   godwit__test_realm_bulletin (files)};
    for (int which = 0; which < 2; which++) {
        const int fd = be_let_in ();
        const uint64_t malformed = NODE_COUNTER (&shop, malformed), unknown = NODE_COUNTER (&shop, unknown);
        for (int i = 0; i < GODWIT__ZMTP_OLD_BULLETINS_IN_A_ROW; i++)
            say (fd, "BULLETIN", bulletins[which]->sealed, bulletins[which]->sealed_size);
        cr_assert (zmtp_send (fd, "hello", 5, false));
        NODES_AWAIT (shop.received == (size_t) which + 1);
        cr_assert_eq (NODE_COUNTER (&shop, unknown),
                      unknown + (which ? 0 : GODWIT__ZMTP_OLD_BULLETINS_IN_A_ROW));
        for (int i = 0; i < 20; i++)
            say (fd, "BULLETIN", bulletins[which]->sealed, bulletins[which]->sealed_size);
        expect_hung_up (fd);
        NODES_AWAIT (NODE_COUNTER (&shop, malformed) == malformed + 1);
        close (fd);
    }
    NODES_AWAIT (node_says (&shop, "it sent bulletins that are no news faster than one a second"));
    const char *const first =
        strstr (shop.log, "has sent a bulletin of a realm key that this process does not");
    cr_assert (first && !strstr (first + 1, "has sent a bulletin of a realm key"), "%s", shop.log);
    cr_assert (node_says (&shop, "certificate \"web\" (serial 7) has sent a bulletin"), "%s", shop.log);
    godwit__test_realm_destroy (&foreign);
}

Test (zmtp_member_commands, a_bulletin_that_is_none_costs_the_connection)
{
    const int fd = be_let_in ();
    const uint64_t before = NODE_COUNTER (&shop, malformed);
    say (fd, "BULLETIN", "nonsense", 8);
    expect_hung_up (fd);
    NODES_AWAIT (node_says (&shop, "it sent a bulletin that its realm has not signed"));
    cr_assert_eq (NODE_COUNTER (&shop, malformed), before + 1);
    close (fd);
}

Test (zmtp_member_commands, a_bulletin_that_was_changed_costs_the_connection)
{
    godwit__test_realm_revoke_serial (files, 1);
    const godwit__bulletin_t *const bulletin = godwit__test_realm_bulletin (files);
    const zmtp_bytes_t changed = zmtp_bytes_of (bulletin->sealed, bulletin->sealed_size);
    const int fd = be_let_in ();
    changed.data[changed.size - 1] ^= 1;
    say (fd, "BULLETIN", changed.data, changed.size);
    expect_hung_up (fd);
    cr_assert_eq (godwit__realm_bulletin_number (shop.realm), 0u);
    free (changed.data);
    close (fd);
}

/* It is heard of on the other connections, and not sent back to where it came from. */
Test (zmtp_member_commands, a_bulletin_is_passed_on_but_not_back)
{
    const int first = be_let_in (), second = be_let_in ();
    godwit__test_realm_revoke_serial (files, 1);
    const godwit__bulletin_t *const bulletin = godwit__test_realm_bulletin (files);
    say (first, "BULLETIN", bulletin->sealed, bulletin->sealed_size);
    const zmtp_bytes_t frame = read_frame (second);
    cr_assert_eq (frame.size, 9 + bulletin->sealed_size);
    cr_assert (!memcmp (frame.data, "\10BULLETIN", 9) &&
               !memcmp (frame.data + 9, bulletin->sealed, bulletin->sealed_size));
    free (frame.data);
    /* The PONG is the next that comes. */
    say (first, "PING", "\0\0", 2);
    say (second, "PING", "\0\0", 2);
    for (int i = 0; i < 2; i++) {
        const zmtp_bytes_t pong = read_frame (i ? first : second);
        cr_assert (pong.size == 5 && !memcmp (pong.data, "\4PONG", 5));
        free (pong.data);
    }
    close (first);
    close (second);
}

/* One of some 45 KB. */
static godwit__bulletin_t *
large_bulletin (uint64_t number)
{
    static godwit__revocation_t revoked[3000];
    godwit__bulletin_t *bulletin = NULL;
    for (size_t i = 0; i < 3000; i++)
        revoked[i] = (godwit__revocation_t){.serial = UINT64_MAX - i, .until = 4000000000};
    godwit__bulletin_t fields = {.number = number, .issued = 1, .revoked = revoked, .revoked_count = 3000};
    godwit__realm_id (fields.realm, godwit__test_realm_key (files));
    MUST (godwit__bulletin_new (&bulletin, &fields, godwit__test_realm_secret (files), &error));
    return bulletin;
}

static void
take_large_bulletin (uint64_t number)
{
    godwit__bulletin_t *bulletin = large_bulletin (number);
    MUST (godwit__realm_take_bulletin (shop.realm, bulletin->sealed, bulletin->sealed_size, &error));
    godwit__bulletin_unref (&bulletin);
}

/* How many bulletins come before the PONG that is asked for here. */
static int
count_bulletins (int fd)
{
    int count = 0;
    say (fd, "PING", "\0\0", 2);
    for (bool is_pong = false; !is_pong;) {
        const zmtp_bytes_t frame = read_frame (fd);
        cr_assert_gt (frame.size, 0u, "%s", shop.log);
        is_pong = frame.size == 5 && !memcmp (frame.data, "\4PONG", 5);
        count += frame.size > 9 && !memcmp (frame.data, "\10BULLETIN", 9);
        free (frame.data);
    }
    return count;
}

/* Returns how many bulletins came for it. */
static int
show_in_turns (int fd, godwit__credential_t *const credentials[2], int count)
{
    int bulletins = 0;
    for (int i = 0; i < count; i++) {
        const godwit__credential_t *const credential = credentials[i % 2];
        say (fd, "CREDENTIAL", credential->bytes, credential->size);
        nodes_turn ();
        bulletins += count_bulletins (fd);
    }
    return bulletins;
}

/* The raw member that was let in first. */
static godwit__zmtp_member_t *
first_member (void)
{
    const godwit__list_t *const streams = &((godwit__zmtp_t *) shop.driver)->streams;
    const godwit__zmtp_stream_t *const stream = GODWIT__FIRST (streams, godwit__zmtp_stream_t, in_list);
    cr_assert (stream && stream->member);
    return stream->member;
}

static void
renew_web (void)
{
    godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "web", .serial = 9));
    MUST (godwit__realm_look (web, true, &error));
}

/* Everybody who has renewed its certificate has two that are valid. */
Test (zmtp_member_commands, two_certificates_in_turns_do_not_repeat_the_bulletin_without_end)
{
    godwit__credential_t *credentials[2] = {NULL, godwit__realm_credential (web)};
    const int fd = be_let_in ();
    take_large_bulletin (1);
    cr_assert_eq (count_bulletins (fd), 1);
    renew_web ();
    credentials[0] = godwit__realm_credential (web);
    cr_assert_eq (show_in_turns (fd, credentials, GODWIT__ZMTP_CREDENTIALS_IN_A_ROW),
                  GODWIT__ZMTP_RETOLD_IN_A_ROW);
    cr_assert_str_eq (shop.log, "");
    godwit__credential_unref (&credentials[0]);
    godwit__credential_unref (&credentials[1]);
    close (fd);
}

/* Only the last of its member files may be the one with the new realm key: so that one is not forgotten. */
Test (zmtp_member_commands, who_has_shown_certificates_too_quickly_is_told_the_bulletin_later)
{
    const int64_t hour_s = 3600, until = (int64_t) time (NULL) + hour_s;
    godwit__credential_t *credentials[2] = {NULL, godwit__realm_credential (web)};
    shop.ahead_s = hour_s + GODWIT__CLOCK_SKEW_S - 2;
    const int fd = be_let_in ();
    take_large_bulletin (1);
    cr_assert_eq (count_bulletins (fd), 1);
    renew_web ();
    credentials[0] = godwit__realm_credential (web);
    cr_assert_eq (show_in_turns (fd, credentials, GODWIT__ZMTP_RETOLD_IN_A_ROW + 1),
                  GODWIT__ZMTP_RETOLD_IN_A_ROW);
    /* A minute goes by, and it is time to look whose certificate has ended. */
    first_member ()->retold.used_up_ns -= INT64_C (60000) * GODWIT__NS_PER_MS;
    godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "web", .serial = 10, .until = until));
    MUST (godwit__realm_look (web, true, &error));
    const int ends_soon = be_let_in ();
    NODES_AWAIT (node_says (&shop, "certificate \"web\" (serial a) has ended"));
    cr_assert_eq (count_bulletins (fd), 1);
    godwit__credential_unref (&credentials[0]);
    godwit__credential_unref (&credentials[1]);
    close (ends_soon);
    close (fd);
}

/* What the thread that reads does with a credential, when another thread takes a bulletin and the reactor
 * checks all members between its two steps. */
Test (zmtp_member_commands, a_new_certificate_that_is_revoked_at_the_same_moment_is_void_at_once)
{
    char text[GODWIT__ADMIT_TEXT];
    godwit__party_t *renewed = NULL;
    const int fd = be_let_in ();
    godwit__zmtp_member_t *const member = first_member ();
    godwit__party_t *before = member->party;
    renew_web ();
    godwit__credential_t *credential = godwit__realm_credential (web);
    cr_assert_eq (godwit__realm_admit (shop.realm, credential->bytes, credential->size, NULL, &renewed, text),
                  GODWIT__NO_ENTRY_NONE, "%s", text);
    godwit__test_realm_revoke (files, "web");
    godwit__test_realm_put_bulletin (files, "shop");
    node_look (&shop);
    cr_assert_eq (count_bulletins (fd), 1);
    cr_assert (!godwit__zmtp_member_is_void (member), "the old certificate is not revoked");
    member->party = renewed;
    godwit__zmtp_parties_post (member->stream, NULL);
    nodes_turn ();
    cr_assert (godwit__zmtp_member_is_void (member));
    expect_told (fd, "revoked", "certificate \"web\" (serial 9) was revoked");
    godwit__party_unref (&before);
    godwit__credential_unref (&credential);
}

/* What is said of the realm has a limit of its own: it does not wait for room in the queue. */
Test (zmtp_member_commands, who_does_not_read_what_is_said_of_the_realm_loses_the_connection)
{
    const uint64_t most = 4 + (GODWIT__ZMTP_SAID_MAX + (1 << 20)) / 45000;
    const int reads = be_let_in (), does_not = be_let_in ();
    uint64_t number = 0;
    while (number < most && !node_says (&shop, "it does not read what is sent to it")) {
        take_large_bulletin (++number);
        cr_assert_eq (count_bulletins (reads), 1);
        nodes_turn ();
    }
    cr_assert_lt (number, most);
    cr_assert_gt (number, GODWIT__ZMTP_SAID_MAX / 50000, "who is slow has some time");
    cr_assert_eq (count_bulletins (reads), 0);
    close (reads);
    close (does_not);
}

Test (zmtp_member_commands, a_command_above_the_largest_bulletin_costs_the_connection)
{
    static const uint8_t zeros[GODWIT__ZMTP_MEMBER_COMMAND_MAX];
    int fd = be_let_in ();
    say (fd, "UNKNOWN", zeros, GODWIT__ZMTP_MEMBER_COMMAND_MAX - 8);
    cr_assert (zmtp_send (fd, "hello", 5, false));
    NODES_AWAIT (shop.received == 1);
    say (fd, "UNKNOWN", zeros, GODWIT__ZMTP_MEMBER_COMMAND_MAX - 7);
    expect_hung_up (fd);
    NODES_AWAIT (node_says (&shop, "it sent a command that is too large"));
    close (fd);
    fd = be_let_in ();
    say (fd, "REFUSED", "\7short", 6);
    expect_hung_up (fd);
    NODES_AWAIT (node_says (&shop, "a REFUSED whose word has not the size that it says"));
    close (fd);
}

Test (zmtp_member_commands, who_says_that_it_refuses_this_end_is_believed_and_let_go)
{
    const int fd = be_let_in ();
    say (fd, "REFUSED", "\13e\nx\x1bpired!!", 12);
    expect_hung_up (fd);
    NODES_AWAIT (node_says (&shop, ": refused us: e?x?pired!!\n"));
    close (fd);
}

/* Who does not hang up is hung up on. */
Test (zmtp_member_commands, who_does_not_go_when_it_is_void_is_cut_off)
{
    const int fd = be_let_in ();
    godwit__test_realm_revoke (files, "web");
    godwit__test_realm_put_bulletin (files, "shop");
    node_look (&shop);
    const zmtp_bytes_t bulletin = read_frame (fd);
    cr_assert (bulletin.size > 9 && !memcmp (bulletin.data, "\10BULLETIN", 9), "it hears of it first");
    free (bulletin.data);
    cr_assert (zmtp_send (fd, "hello", 5, false));
    expect_told (fd, "revoked", "certificate \"web\" (serial 7) was revoked");
    cr_assert (shop.received == 1 && shop.sender[0] == '\0', "what it sent is nobody's");
}

/* Without a realm they are commands that nobody knows. */
Test (zmtp_member_commands, mean_nothing_without_a_realm)
{
    node_t plain;
    uint8_t identity = 1;
    node_open (&plain, &godwit__zmtp_driver, NULL, HOST);
    const int fd = zmtp_connect (plain.at.links[0]);
    uint8_t greeting[ZMTP_GREETING_SIZE], frame[128];
    zmtp_greeting (greeting);
    greeting[11] = 1;
    zmtp_bytes_t properties = curve_properties ("DEALER");
    add (&properties, "Identity", &identity, 1);
    cr_assert (zmtp_write (fd, greeting, sizeof greeting));
    cr_assert (zmtp_write (fd, frame,
                           godwit__zmtp_command_write (frame, "READY", properties.data, properties.size)));
    free (properties.data);
    cr_assert (read_all (fd, greeting, sizeof greeting));
    free (read_frame (fd).data);
    say (fd, "CREDENTIAL", "x", 1);
    say (fd, "REFUSED", "\7revoked", 8);
    say (fd, "BULLETIN", "x", 1);
    cr_assert (zmtp_send (fd, "hello", 5, false));
    NODES_AWAIT (plain.received == 1);
    cr_assert_eq (NODE_COUNTER (&plain, unknown), 3u);
    close (fd);
    node_close (&plain);
}

/* ---- over CURVE: in the middle ---- */

static curve_peer_t
peer_of (bool accepts, godwit__realm_t *realm)
{
    godwit__keyring_t *keyring = godwit__realm_keyring (realm);
    curve_peer_t peer = curve_peer (accepts, 1, 2, 3);
    memcpy (peer.door.open, keyring->doors[0], CURVE_KEY);
    memcpy (peer.door.secret, keyring->door_secrets[0], CURVE_KEY);
    memcpy (peer.process.open, keyring->curve, CURVE_KEY);
    memcpy (peer.process.secret, keyring->curve_secret, CURVE_KEY);
    memcpy (peer.vouched_door, peer.door.open, CURVE_KEY);
    godwit__keyring_unref (&keyring);
    return peer;
}

static void
give (int fd, zmtp_bytes_t bytes)
{
    cr_assert (zmtp_write (fd, bytes.data, bytes.size));
    free (bytes.data);
}

static void
read_greeting (int fd)
{
    uint8_t greeting[ZMTP_GREETING_SIZE];
    cr_assert (read_all (fd, greeting, sizeof greeting));
    cr_assert_str_eq ((const char *) greeting + 12, "CURVE");
}

/* A thief of a credential has the door, and another key. */
Test (zmtp_member_commands, a_stolen_credential_is_refused)
{
    godwit__realm_t *thief = open_realm ("thief", 9);
    curve_peer_t peer = peer_of (false, thief);
    zmtp_bytes_t stolen = curve_properties ("DEALER");
    godwit__zmtp_command_t command = {.kind = GODWIT__ZMTP_UNKNOWN};
    const int fd = zmtp_connect (shop.at.links[1]);
    add_credential (&stolen, web);
    give (fd, curve_greeting ());
    read_greeting (fd);
    give (fd, curve_peer_hello (&peer));
    const zmtp_bytes_t welcome = read_frame (fd);
    cr_assert (curve_peer_take_welcome (&peer, welcome.data, welcome.size));
    give (fd, curve_peer_initiate (&peer, stolen));
    free (stolen.data);
    const zmtp_bytes_t error = read_frame (fd);
    cr_assert_null (godwit__zmtp_command_read (&command, error.data, error.size));
    cr_assert (command.kind == GODWIT__ZMTP_ERROR && command.size == 9 &&
               !memcmp (command.data, "other-key", 9));
    expect_hung_up (fd);
    NODES_AWAIT (node_says (&shop, "certificate \"web\" (serial 7): its process proof is for another key\n"));
    free (welcome.data);
    free (error.data);
    close (fd);
    godwit__realm_close (&thief);
}

/* A link comes to a member that has the door, and says that it is another one: it reads in a box why not. */
Test (zmtp_member_commands, a_member_in_the_place_of_another_is_found_out)
{
    godwit__realm_t *thief = open_realm ("thief", 9);
    curve_peer_t peer = peer_of (true, thief);
    zmtp_bytes_t properties = curve_properties ("ROUTER"), said = {.size = 0}, data = {.size = 0};
    static const uint8_t no_welcome[GODWIT__SIGNATURE_SIZE];
    uint8_t flags = 0;
    char address[64];
    node_link_t link;
    const int listening = zmtp_listen (address, sizeof address);
    node_link_open (&link, &shop, address);
    nodes_turn ();
    nodes_turn ();
    const int fd = zmtp_accept (listening);
    give (fd, curve_greeting ());
    read_greeting (fd);
    const zmtp_bytes_t hello = read_frame (fd);
    cr_assert (curve_peer_take_hello (&peer, hello.data, hello.size));
    give (fd, curve_peer_welcome (&peer));
    const zmtp_bytes_t initiate = read_frame (fd);
    cr_assert (curve_peer_take_initiate (&peer, initiate.data, initiate.size, &said));
    add_credential (&properties, web);
    add (&properties, GODWIT__ZMTP_WELCOME_PROPERTY, no_welcome, sizeof no_welcome);
    give (fd, curve_peer_ready (&peer, properties));
    free (properties.data);
    const zmtp_bytes_t box = read_frame (fd);
    cr_assert (curve_peer_take_message (&peer, box.data, box.size, &flags, &data));
    cr_assert_eq (flags, GODWIT__ZMTP_BOX_COMMAND);
    expect_refused (data.data, data.size, "other-key");
    NODES_AWAIT (link.downs);
    cr_assert_str_eq (link.reason, "certificate \"web\" (serial 7): its welcome is not for this connection; "
                                   "somebody in between has another");
    cr_assert_eq (link.ups, 0);
    node_link_close (&link);
    free (hello.data);
    free (initiate.data);
    free (said.data);
    free (box.data);
    free (data.data);
    close (fd);
    close (listening);
    godwit__realm_close (&thief);
}
