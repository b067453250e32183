#ifndef CAROM_WAITERS_H
#define CAROM_WAITERS_H

#include <stdbool.h>

/*
 * V8's worker threads sleep on condition variables. In a forked process those threads do not exist, but the condition
 * variables count them as waiters, and whoever signals waits for them without end. So their addresses are noted before
 * a fork and the variables made as new in the child.
 */

/* False with errno set if a worker does not come to rest, or its condition variable cannot be told. */
bool note_waiters(void);

/* To be called in the child, with nothing allocated or locked. */
void forget_waiters(void);

#endif
