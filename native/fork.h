#ifndef CAROM_FORK_H
#define CAROM_FORK_H

#include "values.h"

/* fork(): the child's pid, and in the child 0. The child leads a process group, and dies when this process dies. */
napi_value carom_fork(napi_env env, napi_callback_info info);

#endif
