#include "values.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Node exports libuv, but its header is not everywhere where there is a Node. */
const char *uv_err_name(int error);

napi_value throw_errno(napi_env env, int error, const char *tried) {
  char text[256];
  snprintf(text, sizeof text, "Cannot %s: %s", tried, strerror(error));
  /* The one that libuv has no name for. */
  napi_throw_error(env, error == ECHILD ? "ECHILD" : uv_err_name(-error), text);
  return NULL;
}

bool read_integers(napi_env env, napi_callback_info info, size_t count, int64_t *out) {
  napi_value arguments[8];
  size_t given = sizeof arguments / sizeof *arguments;
  if (napi_get_cb_info(env, info, &given, arguments, NULL, NULL) == napi_ok && given == count) {
    size_t read = 0;
    while (read < count && napi_get_value_int64(env, arguments[read], &out[read]) == napi_ok) read++;
    if (read == count) return true;
  }
  char text[64];
  snprintf(text, sizeof text, "expected %zu integer arguments", count);
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", text);
  return false;
}

napi_value make_integer(napi_env env, int64_t value) {
  napi_value result = NULL;
  napi_create_int64(env, value, &result);
  return result;
}

napi_value make_integers(napi_env env, const int64_t *values, size_t count) {
  napi_value result = NULL;
  if (napi_create_array_with_length(env, count, &result) != napi_ok) return NULL;
  for (size_t i = 0; i < count; i++) napi_set_element(env, result, (uint32_t)i, make_integer(env, values[i]));
  return result;
}

napi_value make_undefined(napi_env env) {
  napi_value result = NULL;
  napi_get_undefined(env, &result);
  return result;
}

napi_value make_null(napi_env env) {
  napi_value result = NULL;
  napi_get_null(env, &result);
  return result;
}
