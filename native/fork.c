#define _GNU_SOURCE
#include "fork.h"

#include <errno.h>
#include <features.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "heap.h"
#include "workers.h"

#ifndef __GLIBC__
#error "How threads come back in a child is known of glibc only"
#endif

int uv_loop_fork(struct uv_loop_s *loop);

enum { BROKEN_CHILD = 70 };

static void become_child(struct uv_loop_s *loop, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  /* It may have died before the kernel was asked. */
  if (getppid() != parent) _exit(BROKEN_CHILD);
  setpgid(0, 0);
  if (!revive_workers() || uv_loop_fork(loop) != 0) _exit(BROKEN_CHILD);
}

napi_value carom_fork(napi_env env, napi_callback_info info) {
  struct uv_loop_s *loop = NULL;
  if (!read_integers(env, info, 0, NULL)) return NULL;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return throw_errno(env, ENOTSUP, "find the event loop");
  /* Joins what was freed. malloc would get round to it in the child, and write to megabytes of what is shared. */
  malloc_trim(0);
  if (!park_workers()) return throw_errno(env, errno, "bring V8's workers to rest");
  /* After they rest: a worker maps memory too, and the child would lack what it maps later. */
  if (!share_heap_with_child()) {
    int error = errno;
    release_workers();
    return throw_errno(env, error, "share the heap with a child");
  }

  /* A signal that came to the child before it has a loop of its own would be written to this process's. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t parent = getpid();
  pid_t child = fork();
  int error = errno;
  if (child == 0) become_child(loop, parent);
  else release_workers();
  /* Both sides ask: whoever is told the pid can signal the group. */
  if (child > 0) setpgid(child, child);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (child < 0) return throw_errno(env, error, "fork");
  return make_integer(env, child);
}
