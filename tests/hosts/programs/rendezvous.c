/* A rendezvous as a process of its own: rendezvous URL. Says "ready", and ends with its input. */
#include <godwit/godwit.h>

#include <stdio.h>
#include <unistd.h>

int
main (int argc, char **argv)
{
    godwit_transport_t *transport = NULL;
    godwit_error_t *error = NULL;
    char byte;
    if (argc != 2)
        return 2;
    if (godwit_transport_new (&transport, argv[1], NULL, &error)) {
        fprintf (stderr, "rendezvous: %s\n", godwit_error_print (error));
        return 1;
    }
    printf ("ready\n");
    fflush (stdout);
    while (read (STDIN_FILENO, &byte, 1) > 0)
        ;
    godwit_transport_destroy (&transport);
    return 0;
}
