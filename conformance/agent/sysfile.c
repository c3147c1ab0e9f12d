/*
 * Reading and writing one-line files of /proc and /sys. Never creates a file, never uses the heap.
 */
#include "agent.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool file_read(const char *path, char *buffer, size_t cap) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t n = read(fd, buffer, cap - 1);
  close(fd);
  if (n < 0) return false;
  buffer[n] = '\0';
  buffer[strcspn(buffer, "\n")] = '\0';
  return true;
}

bool file_write(const char *path, const char *value) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  size_t n = strlen(value);
  bool written = write(fd, value, n) == (ssize_t)n;
  close(fd);
  return written;
}
