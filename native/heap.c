#define _GNU_SOURCE
#include "heap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct range {
  unsigned long from, to;
};

/* V8's heap is among the private mappings that no file is behind; a shared one is in the child anyway. */
static bool is_anonymous_private(const char *line, struct range *found) {
  char permissions[8], path[32] = "";
  unsigned long inode = 0;
  int fields = sscanf(line, "%lx-%lx %7s %*s %*s %lu %31s", &found->from, &found->to, permissions, &inode, path);
  if (fields < 4 || inode != 0 || permissions[3] != 'p') return false;
  return path[0] == 0 || strncmp(path, "[anon", 5) == 0 || strcmp(path, "[heap]") == 0;
}

static bool share(const struct range *range) {
  if (range->from == range->to) return true;
  return madvise((void *)range->from, range->to - range->from, MADV_DOFORK) == 0;
}

bool share_heap_with_child(void) {
  FILE *maps = fopen("/proc/self/maps", "re");
  if (maps == NULL) return false;
  char line[512];
  struct range pending = {0, 0}, found;
  bool done = true;
  /* Neighbours are asked for in one call: there are hundreds of mappings. */
  while (done && fgets(line, sizeof line, maps) != NULL) {
    if (!is_anonymous_private(line, &found)) continue;
    if (pending.to != found.from) {
      done = share(&pending);
      pending.from = found.from;
    }
    pending.to = found.to;
  }
  done = done && share(&pending);
  int error = errno;
  fclose(maps);
  errno = error;
  return done;
}
