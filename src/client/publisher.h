/* The sending side of fanouts. */
#ifndef GODWIT_SRC_CLIENT_PUBLISHER_H
#define GODWIT_SRC_CLIENT_PUBLISHER_H

#include "src/client/call.h"

/* Waits until every live server of the call's topic is subscribed, or its deadline, and publishes the request
 * once. Any thread, no lock held. */
godwit_status_t godwit__publisher_fanout (godwit__call_t *call, godwit_fanout_report_t *report,
                                          godwit_error_t **error);

/* Closes the channels and frees it. Control thread, when nobody publishes any more. */
void godwit__publisher_destroy (struct godwit__publisher **publisher);

#endif
