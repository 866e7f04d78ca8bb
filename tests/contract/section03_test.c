/* Contract 3: the client. */
#include "tests/contract/contract.h"

static void
no_call_with_fanout (core_t *core)
{
    godwit_client_t *all = NULL;
    MUST (godwit_client_prepare (&all, core->client, GODWIT_OVERRIDES (.fanout = GODWIT_YES), &error));
    FAILS (GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, "A call cannot be used with fanout",
           godwit_client_call (all, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&all);
}

static const contract_row_t rows[] = {
    {"3: call + fanout = InvalidTarget \"A call cannot be used with fanout\".", no_call_with_fanout},
};
CONTRACT (section03, rows)
