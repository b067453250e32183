#ifndef CAROM_HEAP_H
#define CAROM_HEAP_H

#include <stdbool.h>

/*
 * V8 asks the kernel to leave its heap out of forked processes, since those mostly exec at once. This takes that back
 * for all memory that is mapped now; what is mapped later needs another call. False with errno set if it cannot.
 */
bool share_heap_with_child(void);

#endif
