#ifndef CAROM_THREADS_H
#define CAROM_THREADS_H

#include <stdbool.h>
#include <sys/types.h>

struct thread {
  pid_t id;
  char name[32];
};

/* Fills in the threads of this process and gives how many there are, or -1 with errno set; more than `room` are cut. */
int list_threads(struct thread *out, int room);

/* Whether the thread waits for a futex just now; then `address` is its. */
bool waits_for_futex(pid_t thread, unsigned long *address);

#endif
