#ifndef CAROM_PROCESS_H
#define CAROM_PROCESS_H

#include "values.h"

/* exit(code): ends the process at once; nothing that waits is written, nobody is told. */
napi_value carom_exit(napi_env env, napi_callback_info info);

/*
 * wait(pid): null while that child lives, else what it left, and it is reaped:
 * [exit code, signal, user microseconds, system microseconds, most resident bytes]; code or signal is 0.
 */
napi_value carom_wait(napi_env env, napi_callback_info info);

/* dieWithParent(pid): from now on this process is killed when its parent dies. False if that is not `pid` any more. */
napi_value carom_die_with_parent(napi_env env, napi_callback_info info);

/* randomWords(): four random numbers of 32 bits, from the system. */
napi_value carom_random_words(napi_env env, napi_callback_info info);

/* threads(): [[id, name], ...] of this process. */
napi_value carom_threads(napi_env env, napi_callback_info info);

#endif
