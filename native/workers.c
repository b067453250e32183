#define _GNU_SOURCE
#include "workers.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "threads.h"

enum { MOST_WORKERS = 8, MOST_THREADS = 256, GLIBC_THREAD_BYTES = 2048, ROOM_BYTES = 32 * 1024 };
/* A thread that has nothing to do needs a moment of a processor all the same, for which others may stand in line. */
#ifndef PATIENCE_MS
#define PATIENCE_MS 2000
#endif
static const struct timespec PAUSE = {.tv_nsec = 100 * 1000};

struct worker {
  pid_t id;
  char name[32];
  jmp_buf context;
  void *thread_pointer;
  /* Where glibc keeps the thread's id: a stack without one is free to be used again. */
  pid_t *id_field;
  char *stack;
  _Atomic int is_parked;
};

static struct worker workers[MOST_WORKERS];
static int worker_count = 0;
static struct sigaction before;
static bool is_listening = false;
/* A signal that nobody waits for any more is on its way, or was: without a handler it would end the process. */
static bool is_signal_owed = false;
static struct worker *volatile addressed;
/* A futex; its waiters are the parked threads. */
static _Atomic int may_go;

static int park_signal(void) { return SIGRTMAX - 3; }

static long futex(_Atomic int *word, int operation, int value) {
  return syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

static void *thread_pointer(void) {
#ifdef __x86_64__
  return (void *)pthread_self();
#else
  return __builtin_thread_pointer();
#endif
}

static pid_t *find_id_field(pid_t id) {
  pid_t *field = (pid_t *)pthread_self();
  for (size_t i = 0; i < GLIBC_THREAD_BYTES / sizeof *field; i++) {
    if (field[i] == id) return &field[i];
  }
  return NULL;
}

static void park(int signal) {
  (void)signal;
  struct worker *volatile mine = addressed;
  int error = errno;
  mine->thread_pointer = thread_pointer();
  mine->id_field = find_id_field(mine->id);
  mine->stack = (char *)__builtin_frame_address(0) - ROOM_BYTES;
  /* In a child this returns once more, in the thread that goes on there. */
  if (_setjmp(mine->context) == 0) {
    atomic_store(&mine->is_parked, 1);
    futex(&mine->is_parked, FUTEX_WAKE_PRIVATE, 1);
    while (!atomic_load(&may_go)) futex(&may_go, FUTEX_WAIT_PRIVATE, 0);
  }
  atomic_store(&mine->is_parked, 0);
  errno = error;
}

/*
 * Threads have names in newer versions of Node only. Of those without, V8's workers are those that wait for something that
 * was allocated: libuv's and the inspector's wait for static variables, and others do not wait for a futex at all.
 */
static bool is_worker(const struct thread *thread, const char *unnamed) {
  unsigned long address;
  Dl_info owner;
  if (strstr(thread->name, "V8Worker") != NULL) return true;
  if (strcmp(thread->name, unnamed) != 0 || thread->id == getpid()) return false;
  return waits_for_futex(thread->id, &address) && dladdr((void *)address, &owner) == 0;
}

static const char *name_of(pid_t id, const struct thread *threads, int count) {
  for (int i = 0; i < count; i++) {
    if (threads[i].id == id) return threads[i].name;
  }
  return "";
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* They are the same ones as long as the process lives. */
static bool find_workers(void) {
  static struct thread threads[MOST_THREADS];
  for (int64_t end = now_ms() + PATIENCE_MS; worker_count == 0;) {
    int count = list_threads(threads, MOST_THREADS);
    if (count < 0) return false;
    const char *unnamed = name_of(getpid(), threads, count);
    for (int i = 0; i < count && worker_count < MOST_WORKERS; i++) {
      if (!is_worker(&threads[i], unnamed)) continue;
      struct worker *worker = &workers[worker_count++];
      worker->id = threads[i].id;
      memcpy(worker->name, threads[i].name, sizeof worker->name);
    }
    if (worker_count > 0) break;
    if (now_ms() >= end) {
      errno = ESRCH;
      return false;
    }
    nanosleep(&PAUSE, NULL);
  }
  return true;
}

static bool is_at_rest(const struct worker *worker) {
  unsigned long address;
  return waits_for_futex(worker->id, &address);
}

static bool is_parked(const struct worker *worker) { return atomic_load(&worker->is_parked); }

static bool becomes(bool (*is_so)(const struct worker *), const struct worker *worker) {
  for (int64_t end = now_ms() + PATIENCE_MS; !is_so(worker);) {
    if (now_ms() >= end) {
      errno = EAGAIN;
      return false;
    }
    nanosleep(&PAUSE, NULL);
  }
  return true;
}

static bool park_worker(struct worker *worker) {
  /* One that is at work may hold a lock, which nobody would open in the child. */
  if (!becomes(is_at_rest, worker)) return false;
  addressed = worker;
  if (syscall(SYS_tgkill, getpid(), worker->id, park_signal()) != 0) return false;
  if (!becomes(is_parked, worker)) {
    is_signal_owed = true;
    return false;
  }
  if (worker->id_field == NULL) errno = ENOTSUP;
  return worker->id_field != NULL;
}

static void let_go(void) {
  atomic_store(&may_go, 1);
  futex(&may_go, FUTEX_WAKE_PRIVATE, MOST_WORKERS);
  for (int i = 0; i < worker_count; i++) {
    while (is_parked(&workers[i])) sched_yield();
  }
}

static bool listen(void) {
  struct sigaction action = {.sa_handler = park, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  if (!is_listening && sigaction(park_signal(), &action, &before) != 0) return false;
  is_listening = true;
  return true;
}

static void listen_no_more(void) {
  is_listening = false;
  sigaction(park_signal(), &before, NULL);
}

bool park_workers(void) {
  if (!find_workers() || !listen()) return false;
  atomic_store(&may_go, 0);
  for (int i = 0; i < worker_count; i++) {
    if (park_worker(&workers[i])) continue;
    int error = errno;
    let_go();
    errno = error;
    return false;
  }
  return true;
}

void release_workers(void) {
  let_go();
  if (!is_signal_owed) listen_no_more();
}

static int go_on(void *argument) {
  struct worker *worker = argument;
  prctl(PR_SET_NAME, worker->name);
  _longjmp(worker->context, 1);
}

/* In a thread that glibc knows, so that it does not take the process for one of a single thread. */
static void *revive_all(void *unused) {
  const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |
                    CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
  (void)unused;
  for (int i = 0; i < worker_count; i++) {
    struct worker *worker = &workers[i];
    char *stack = (char *)((uintptr_t)worker->stack & ~(uintptr_t)15);
    pid_t *id = worker->id_field;
    worker->id = clone(go_on, stack, flags, worker, id, worker->thread_pointer, id);
    if (worker->id < 0) return (void *)-1;
    while (is_parked(worker)) sched_yield();
  }
  return NULL;
}

bool revive_workers(void) {
  pthread_t thread;
  void *failure = NULL;
  /* fork() has marked their stacks as free. */
  for (int i = 0; i < worker_count; i++) *workers[i].id_field = workers[i].id;
  atomic_store(&may_go, 1);
  if (pthread_create(&thread, NULL, revive_all, NULL) != 0) return false;
  pthread_join(thread, &failure);
  /* Those on their way are the parent's. */
  is_signal_owed = false;
  listen_no_more();
  return failure == NULL;
}
