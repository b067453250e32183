#define _GNU_SOURCE
#include "threads.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool read_task_file(pid_t thread, const char *file, char *out, size_t room) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/%s", (int)thread, file);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t length = read(fd, out, room - 1);
  close(fd);
  if (length < 0) return false;
  out[length] = 0;
  return true;
}

int list_threads(struct thread *out, int room) {
  DIR *tasks = opendir("/proc/self/task");
  if (tasks == NULL) return -1;
  int count = 0;
  struct dirent *entry;
  while (count < room && (entry = readdir(tasks)) != NULL) {
    struct thread *thread = &out[count];
    thread->id = atoi(entry->d_name);
    if (thread->id == 0) continue;
    if (!read_task_file(thread->id, "comm", thread->name, sizeof thread->name)) continue;
    thread->name[strcspn(thread->name, "\n")] = 0;
    count++;
  }
  closedir(tasks);
  return count;
}

bool waits_for_futex(pid_t thread, unsigned long *address) {
  char text[256];
  long number;
  if (!read_task_file(thread, "syscall", text, sizeof text)) return false;
  return sscanf(text, "%ld 0x%lx", &number, address) == 2 && number == SYS_futex;
}
