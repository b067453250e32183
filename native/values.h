/* Between JavaScript's values and C's. Every function that can fail leaves a JavaScript error pending. */
#ifndef CAROM_VALUES_H
#define CAROM_VALUES_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Throws an Error whose code is the name of `error` ("EAGAIN"), and whose text says what was tried. Gives NULL. */
napi_value throw_errno(napi_env env, int error, const char *tried);

/* Reads exactly `count` integers from the call's arguments; false with an error pending if they are not that. */
bool read_integers(napi_env env, napi_callback_info info, size_t count, int64_t *out);

napi_value make_integer(napi_env env, int64_t value);
napi_value make_integers(napi_env env, const int64_t *values, size_t count);
napi_value make_undefined(napi_env env);
napi_value make_null(napi_env env);

#endif
