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

enum { MOST_WORKERS = 8, MOST_THREADS = 256, TRIES = 200, GLIBC_THREAD_BYTES = 2048, ROOM_BYTES = 32 * 1024 };
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

/* They are the same ones as long as the process lives. */
static bool find_workers(void) {
  static struct thread threads[MOST_THREADS];
  for (int left = TRIES; left > 0 && worker_count == 0; left--) {
    int count = list_threads(threads, MOST_THREADS);
    if (count < 0) return false;
    const char *unnamed = name_of(getpid(), threads, count);
    for (int i = 0; i < count && worker_count < MOST_WORKERS; i++) {
      if (!is_worker(&threads[i], unnamed)) continue;
      struct worker *worker = &workers[worker_count++];
      worker->id = threads[i].id;
      memcpy(worker->name, threads[i].name, sizeof worker->name);
    }
    if (worker_count == 0) nanosleep(&PAUSE, NULL);
  }
  if (worker_count > 0) return true;
  errno = ESRCH;
  return false;
}

/* One that is at work may hold a lock, which nobody would open in the child: it is given some time. */
static bool comes_to_rest(pid_t id) {
  unsigned long address;
  for (int left = TRIES; left > 0; left--) {
    if (waits_for_futex(id, &address)) return true;
    nanosleep(&PAUSE, NULL);
  }
  errno = EAGAIN;
  return false;
}

static bool park_worker(struct worker *worker) {
  if (!comes_to_rest(worker->id)) return false;
  addressed = worker;
  if (syscall(SYS_tgkill, getpid(), worker->id, park_signal()) != 0) return false;
  for (int left = TRIES; left > 0 && !atomic_load(&worker->is_parked); left--) nanosleep(&PAUSE, NULL);
  if (atomic_load(&worker->is_parked) && worker->id_field != NULL) return true;
  errno = atomic_load(&worker->is_parked) ? ENOTSUP : EAGAIN;
  return false;
}

bool park_workers(void) {
  if (!find_workers()) return false;
  struct sigaction action = {.sa_handler = park, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  atomic_store(&may_go, 0);
  if (sigaction(park_signal(), &action, &before) != 0) return false;
  for (int i = 0; i < worker_count; i++) {
    if (park_worker(&workers[i])) continue;
    int error = errno;
    release_workers();
    errno = error;
    return false;
  }
  return true;
}

void release_workers(void) {
  atomic_store(&may_go, 1);
  futex(&may_go, FUTEX_WAKE_PRIVATE, MOST_WORKERS);
  for (int i = 0; i < worker_count; i++) {
    while (atomic_load(&workers[i].is_parked)) sched_yield();
  }
  sigaction(park_signal(), &before, NULL);
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
    while (atomic_load(&worker->is_parked)) sched_yield();
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
  sigaction(park_signal(), &before, NULL);
  return failure == NULL;
}
