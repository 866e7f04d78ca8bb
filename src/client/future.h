/* Futures: asynchronous calls whose callback wakes who waits. Destroying one before that gives its call up.
 */
#ifndef GODWIT_SRC_CLIENT_FUTURE_H
#define GODWIT_SRC_CLIENT_FUTURE_H

struct godwit__completion;

/* Ends the calls whose futures were destroyed meanwhile. The completion reactor, which ends all calls. */
void godwit__futures_give_up (struct godwit__completion *completion);

#endif
