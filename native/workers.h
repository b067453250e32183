#ifndef CAROM_WORKERS_H
#define CAROM_WORKERS_H

#include <stdbool.h>

/*
 * V8 gives work to threads of its own and waits for it: at the end of a Worker, say. A forked process has none of them,
 * only what they had on their stacks. So each is parked in a signal handler before the fork, and in the child a thread is
 * started that goes on from there, on the same stack and with the same thread-local memory. To V8, and to the locks it
 * uses, it is the same thread.
 */

/* False with errno set if they cannot be found, or do not come to rest. Then nothing is parked. */
bool park_workers(void);

/* In the parent: they go on. */
void release_workers(void);

/* In the child, before anything else starts a thread: they go on here. False if they cannot. */
bool revive_workers(void);

#endif
