/* The list of what JavaScript can call. What is what is said in the headers. */
#include <gnu/libc-version.h>

#include "fork.h"
#include "memory.h"
#include "process.h"
#include "sockets.h"
#include "values.h"

static const struct {
  const char *name;
  napi_callback function;
} EXPORTS[] = {
    {"fork", carom_fork},
    {"exit", carom_exit},
    {"wait", carom_wait},
    {"dieWithParent", carom_die_with_parent},
    {"randomWords", carom_random_words},
    {"threads", carom_threads},
    {"socketPair", carom_socket_pair},
    {"packetPair", carom_packet_pair},
    {"sendDescriptors", carom_send_descriptors},
    {"receiveDescriptors", carom_receive_descriptors},
    {"moveDescriptor", carom_move_descriptor},
    {"makeMemory", carom_make_memory},
    {"mapMemory", carom_map_memory},
    {"closeDescriptor", carom_close_descriptor},
};

NAPI_MODULE_INIT() {
  /* All else that is used here another C library has too: by this name the addon does not load where it would not work. */
  (void)gnu_get_libc_version();
  for (size_t i = 0; i < sizeof EXPORTS / sizeof *EXPORTS; i++) {
    napi_value function = NULL;
    if (napi_create_function(env, EXPORTS[i].name, NAPI_AUTO_LENGTH, EXPORTS[i].function, NULL, &function) != napi_ok ||
        napi_set_named_property(env, exports, EXPORTS[i].name, function) != napi_ok) {
      return NULL;
    }
  }
  return exports;
}
