#define _GNU_SOURCE
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

napi_value carom_make_memory(napi_env env, napi_callback_info info) {
  int64_t bytes;
  if (!read_integers(env, info, 1, &bytes)) return NULL;
  int fd = memfd_create("carom", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd == -1) return throw_errno(env, errno, "make memory to share");
  /* Whoever looks at memory that another one has made smaller is ended by the kernel. */
  int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  if (ftruncate(fd, bytes) == 0 && fcntl(fd, F_ADD_SEALS, seals) == 0) return make_integer(env, fd);
  int error = errno;
  close(fd);
  return throw_errno(env, error, "make memory to share");
}

static void unmap(napi_env env, void *memory, void *bytes) {
  (void)env;
  munmap(memory, (size_t)(intptr_t)bytes);
}

napi_value carom_map_memory(napi_env env, napi_callback_info info) {
  int64_t arguments[2];
  if (!read_integers(env, info, 2, arguments)) return NULL;
  int fd = (int)arguments[0];
  size_t bytes = (size_t)arguments[1];
  /* Memory past the end of what is shared would end whoever looks at it. */
  struct stat facts;
  if (fstat(fd, &facts) != 0) return throw_errno(env, errno, "look at the memory to share");
  if (bytes == 0 || (uint64_t)facts.st_size < bytes) return throw_errno(env, EINVAL, "share so much memory");
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return throw_errno(env, errno, "map the memory to share");
  napi_value buffer = NULL;
  if (napi_create_external_arraybuffer(env, memory, bytes, unmap, (void *)(intptr_t)bytes, &buffer) == napi_ok) {
    return buffer;
  }
  munmap(memory, bytes);
  return throw_errno(env, ENOTSUP, "show the memory to JavaScript");
}
