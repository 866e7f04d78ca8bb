/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/realm_passphrase.h"

#include "src/error/error.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

static godwit_status_t
refuse (godwit_error_t **error, const char *name, const char *reason)
{
    return godwit__error_set (error, GODWIT_ERR_SYSTEM, "%s: %s", name, reason);
}

/* ---- from a file ---- */

static godwit_status_t
check (realm_bytes_t *passphrase, const char *name, godwit_error_t **error)
{
    if (passphrase->size && passphrase->data[passphrase->size - 1] == '\n')
        passphrase->data[--passphrase->size] = '\0';
    if (passphrase->size == 0)
        return refuse (error, name, "expected a passphrase, got nothing");
    return GODWIT_OK;
}

static godwit_status_t
read_file (realm_bytes_t *passphrase, const char *file, godwit_error_t **error)
{
    const bool is_input = strcmp (file, "-") == 0;
    const char *const name = is_input ? "the passphrase on the standard input" : file;
    if (is_input && isatty (STDIN_FILENO))
        return refuse (error, name,
                       "that is a terminal, which would show it: leave --passphrase-file out, to be asked");
    godwit_status_t status =
        is_input
            ? realm_read_fd (passphrase, STDIN_FILENO, REALM_PASSPHRASE_MAX + 1, name, error)
            : realm_read_file (passphrase, AT_FDCWD, file, name, REALM_PASSPHRASE_MAX + 1, REALM_KEYS, error);
    if (!status)
        status = check (passphrase, name, error);
    if (status)
        realm_bytes_free (passphrase);
    return status;
}

/* ---- on the terminal ---- */

/* While the terminal does not show what is typed, signals that would end the program wait: it shows it again
 * before they come through. */
static sigset_t
end_signals (void)
{
    sigset_t signals;
    sigemptyset (&signals);
    sigaddset (&signals, SIGINT);
    sigaddset (&signals, SIGTERM);
    sigaddset (&signals, SIGHUP);
    sigaddset (&signals, SIGQUIT);
    return signals;
}

/* True: there is something to read; false: a signal waits, and *error says so, or the system refuses. */
static bool
await_input (int terminal, int signals, godwit_error_t **error)
{
    struct pollfd sources[] = {{terminal, POLLIN, 0}, {signals, POLLIN, 0}};
    int count;
    do
        count = poll (sources, 2, -1);
    while (count < 0 && errno == EINTR);
    if (count > 0 && !sources[1].revents)
        return true;
    godwit__error_set (error, GODWIT_ERR_CANCELLED, "cancelled");
    return false;
}

/* Reads a line, without its newline, byte by byte: what is behind it stays for the next question. */
static godwit_status_t
read_line (realm_bytes_t *line, int terminal, int signals, godwit_error_t **error)
{
    ssize_t got = 1;
    char byte = 0;
    line->size = 0;
    while (got > 0 && byte != '\n') {
        if (!await_input (terminal, signals, error))
            return GODWIT_ERR_CANCELLED;
        got = read (terminal, &byte, 1);
        if (got < 0)
            return realm_system_error (error, "the terminal", "cannot read the passphrase");
        if (got > 0 && byte != '\n' && line->size == REALM_PASSPHRASE_MAX)
            return refuse (error, "the passphrase", "more than 1023 bytes");
        if (got > 0 && byte != '\n')
            line->data[line->size++] = byte;
    }
    line->data[line->size] = '\0';
    sodium_memzero (&byte, 1);
    return GODWIT_OK;
}

static godwit_status_t
read_silently (realm_bytes_t *line, int terminal, int signals, const char *prompt, godwit_error_t **error)
{
    struct termios shown, silent;
    if (tcgetattr (terminal, &shown) < 0)
        return realm_system_error (error, "the terminal", "cannot ask for the passphrase");
    silent = shown;
    /* A shell would show what is typed again when the program is stopped, and go on doing so after `fg`. */
    silent.c_cc[VSUSP] = _POSIX_VDISABLE;
    silent.c_lflag = (silent.c_lflag & ~(tcflag_t) ECHO) | ECHONL | ICANON | ISIG;
    if (tcsetattr (terminal, TCSAFLUSH, &silent) < 0)
        return realm_system_error (error, "the terminal", "cannot stop it from showing what is typed");
    /* Only now: what is typed at the prompt is not shown. */
    godwit_status_t status = realm_write_fd (terminal, prompt, strlen (prompt), "the terminal", error);
    if (!status)
        status = read_line (line, terminal, signals, error);
    tcsetattr (terminal, TCSAFLUSH, &shown);
    return status;
}

static godwit_status_t
ask_at (realm_bytes_t *line, int terminal, const char *prompt, godwit_error_t **error)
{
    const sigset_t signals_of_end = end_signals ();
    sigset_t before;
    sigprocmask (SIG_BLOCK, &signals_of_end, &before);
    const int signals = signalfd (-1, &signals_of_end, SFD_CLOEXEC);
    const godwit_status_t status = signals < 0
                                       ? realm_system_error (error, "the passphrase", "cannot ask for it")
                                       : read_silently (line, terminal, signals, prompt, error);
    if (signals >= 0)
        close (signals);
    sigprocmask (SIG_SETMASK, &before, NULL); /* one that has waited ends the program here */
    return status;
}

static godwit_status_t
ask (realm_bytes_t *passphrase, const char *prompt, godwit_error_t **error)
{
    const int terminal = open ("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0)
        return refuse (error, "the passphrase of the realm's key",
                       "there is no terminal to ask for it: give --passphrase-file=FILE");
    godwit_status_t status = realm_bytes_new (passphrase, REALM_PASSPHRASE_MAX, error);
    if (!status)
        status = ask_at (passphrase, terminal, prompt, error);
    if (!status && passphrase->size == 0)
        status = refuse (error, "the passphrase", "expected one, got an empty line");
    if (status)
        realm_bytes_free (passphrase);
    close (terminal);
    return status;
}

godwit_status_t
realm_passphrase_get (realm_bytes_t *passphrase, const char *file, const char *prompt, godwit_error_t **error)
{
    return file ? read_file (passphrase, file, error) : ask (passphrase, prompt, error);
}

godwit_status_t
realm_passphrase_new (realm_bytes_t *passphrase, const char *file, godwit_error_t **error)
{
    realm_bytes_t again = {0};
    godwit_status_t status =
        realm_passphrase_get (passphrase, file, "New passphrase of the realm's key: ", error);
    if (status || file)
        return status;
    status = ask (&again, "The same again: ", error);
    if (!status &&
        (again.size != passphrase->size || sodium_memcmp (again.data, passphrase->data, again.size) != 0))
        status = refuse (error, "the passphrase", "the two were not the same");
    realm_bytes_free (&again);
    if (status)
        realm_bytes_free (passphrase);
    return status;
}
