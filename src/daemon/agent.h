/* daemon/agent.h -- the language model and the agent that the keys models.* describe. */
#ifndef TL_DAEMON_AGENT_H
#define TL_DAEMON_AGENT_H

#include "base/config.h"
#include "skipper/agent.h"

/* Both NULL with models.provider none.  TL_CONFIG says which key cannot be.  The model is not asked. */
TL_CHECKED enum tl_code tl_daemon_agent_open(const tl_config *config, tl_model **ret_model, tl_agent **ret_agent, struct tl_err *err);

#endif
