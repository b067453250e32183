#define _GNU_SOURCE
#include "waiters.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "threads.h"

enum { MOST_WAITERS = 64, MOST_THREADS = 256, TRIES = 200, CONDITION_BYTES = 48 };
static const struct timespec PAUSE = {.tv_nsec = 100 * 1000};

static uintptr_t conditions[MOST_WAITERS];
static int condition_count = 0;

/*
 * A waiter's futex is one of two words inside the glibc condition variable, aligned to eight bytes together; the word
 * before them holds the waiters and, in its low three bits, the variable's clock. Where the two words lie depends on the
 * glibc that runs: a thread of ours that waits on a variable of ours shows it.
 */
static long signals_offset = -1;

static pthread_mutex_t trial_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t trial_condition = PTHREAD_COND_INITIALIZER;
static bool trial_over;
static volatile pid_t trial_thread;

static uintptr_t words_of(unsigned long futex) { return (uintptr_t)futex & ~(uintptr_t)7; }

static void *wait_on_trial(void *unused) {
  pthread_mutex_lock(&trial_lock);
  trial_thread = gettid();
  while (!trial_over) pthread_cond_wait(&trial_condition, &trial_lock);
  pthread_mutex_unlock(&trial_lock);
  return unused;
}

static bool is_inside(long offset) { return offset > 0 && offset <= CONDITION_BYTES - 8; }

static bool learn_offset(void) {
  pthread_t thread;
  long offset = -1;
  trial_over = false;
  trial_thread = 0;
  int error = pthread_create(&thread, NULL, wait_on_trial, NULL);
  if (error != 0) {
    errno = error;
    return false;
  }
  for (int left = TRIES; left > 0 && !is_inside(offset); left--) {
    unsigned long futex;
    if (trial_thread != 0 && waits_for_futex(trial_thread, &futex)) {
      offset = (long)(words_of(futex) - (uintptr_t)&trial_condition);
    }
    if (!is_inside(offset)) nanosleep(&PAUSE, NULL);
  }
  pthread_mutex_lock(&trial_lock);
  trial_over = true;
  pthread_cond_signal(&trial_condition);
  pthread_mutex_unlock(&trial_lock);
  pthread_join(thread, NULL);
  if (!is_inside(offset)) {
    errno = ENOTSUP;
    return false;
  }
  signals_offset = offset;
  return true;
}

/* A worker that is just waking up may hold its lock, which would stay locked in the child: it is given some time. */
static bool note_waiter(pid_t worker) {
  if (condition_count == MOST_WAITERS) {
    errno = EAGAIN;
    return false;
  }
  for (int left = TRIES; left > 0; left--) {
    unsigned long futex;
    if (waits_for_futex(worker, &futex)) {
      conditions[condition_count++] = words_of(futex) - (uintptr_t)signals_offset;
      return true;
    }
    nanosleep(&PAUSE, NULL);
  }
  errno = EAGAIN;
  return false;
}

bool note_waiters(void) {
  condition_count = 0;
  if (signals_offset == -1 && !learn_offset()) return false;
  static struct thread threads[MOST_THREADS];
  int count = list_threads(threads, MOST_THREADS);
  if (count < 0) return false;
  for (int i = 0; i < count; i++) {
    if (strstr(threads[i].name, "V8Worker") != NULL && !note_waiter(threads[i].id)) return false;
  }
  return true;
}

void forget_waiters(void) {
  for (int i = 0; i < condition_count; i++) {
    unsigned char *condition = (unsigned char *)conditions[i];
    uint32_t *waiters = (uint32_t *)(condition + signals_offset - sizeof(uint32_t));
    uint32_t clock = *waiters & 7;
    memset(condition, 0, CONDITION_BYTES);
    *waiters = clock;
  }
}
