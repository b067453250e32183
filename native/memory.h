#ifndef CAROM_MEMORY_H
#define CAROM_MEMORY_H

#include "values.h"

/*
 * makeMemory(bytes): the descriptor of so much memory, all zero, which goes when nobody has it open or mapped any more.
 * Nobody can make it larger or smaller.
 */
napi_value carom_make_memory(napi_env env, napi_callback_info info);

/* mapMemory(fd, bytes): an ArrayBuffer over that memory, the same for all who map it. The descriptor may be closed. */
napi_value carom_map_memory(napi_env env, napi_callback_info info);

#endif
