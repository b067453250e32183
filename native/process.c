#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "threads.h"

enum { MOST_THREADS = 1024 };

napi_value carom_exit(napi_env env, napi_callback_info info) {
  int64_t code;
  if (!read_integers(env, info, 1, &code)) return NULL;
  _exit((int)(code & 255));
}

static int64_t microseconds(struct timeval time) { return (int64_t)time.tv_sec * 1000000 + time.tv_usec; }

napi_value carom_wait(napi_env env, napi_callback_info info) {
  int64_t pid;
  int status;
  struct rusage usage;
  if (!read_integers(env, info, 1, &pid)) return NULL;
  pid_t ended = wait4((pid_t)pid, &status, WNOHANG, &usage);
  if (ended < 0) return throw_errno(env, errno, "wait for a child");
  if (ended == 0) return make_null(env);
  int64_t facts[] = {
      WIFEXITED(status) ? WEXITSTATUS(status) : 0, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
      microseconds(usage.ru_utime),                microseconds(usage.ru_stime),
      (int64_t)usage.ru_maxrss * 1024,
  };
  return make_integers(env, facts, sizeof facts / sizeof *facts);
}

napi_value carom_die_with_parent(napi_env env, napi_callback_info info) {
  int64_t parent;
  napi_value result = NULL;
  if (!read_integers(env, info, 1, &parent)) return NULL;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return throw_errno(env, errno, "ask for a parent-death signal");
  napi_get_boolean(env, getppid() == (pid_t)parent, &result);
  return result;
}

napi_value carom_random_words(napi_env env, napi_callback_info info) {
  uint32_t words[4];
  if (!read_integers(env, info, 0, NULL)) return NULL;
  /* So few bytes come whole. */
  if (getrandom(words, sizeof words, 0) < 0) return throw_errno(env, errno, "get random numbers");
  return make_integers(env, (int64_t[]){words[0], words[1], words[2], words[3]}, 4);
}

napi_value carom_threads(napi_env env, napi_callback_info info) {
  static struct thread threads[MOST_THREADS];
  napi_value result = NULL;
  if (!read_integers(env, info, 0, NULL)) return NULL;
  int count = list_threads(threads, MOST_THREADS);
  if (count < 0) return throw_errno(env, errno, "list the threads of this process");
  if (napi_create_array(env, &result) != napi_ok) return NULL;
  for (int i = 0; i < count; i++) {
    napi_value pair, name;
    napi_create_array_with_length(env, 2, &pair);
    napi_create_string_latin1(env, threads[i].name, NAPI_AUTO_LENGTH, &name);
    napi_set_element(env, pair, 0, make_integer(env, threads[i].id));
    napi_set_element(env, pair, 1, name);
    napi_set_element(env, result, (uint32_t)i, pair);
  }
  return result;
}
