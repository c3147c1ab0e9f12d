/*
 * A swap device for scenarios that swap: one zram block device that the agent adds, formats,
 * switches on and removes again. Touches no device that it did not add itself.
 */
#include "agent.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define HOT_ADD "/sys/class/zram-control/hot_add"
#define HOT_REMOVE "/sys/class/zram-control/hot_remove"
#define SWAP_BYTES (512ull << 20)
#define FIRST_IN_LINE (SWAP_FLAG_PREFER | 0x7fff) /* before any other swap of the machine */

bool swap_possible(void) { return access(HOT_ADD, R_OK) == 0; }

static void device_path(char *path, size_t cap, int device) {
  snprintf(path, cap, "/dev/zram%d", device);
}

/* Where nothing makes nodes in /dev the agent does, as /sys says. */
static void device_node(int device) {
  char path[64], numbers[32];
  unsigned major, minor;
  snprintf(path, sizeof path, "/sys/block/zram%d/dev", device);
  if (!file_read(path, numbers, sizeof numbers)) return;
  if (sscanf(numbers, "%u:%u", &major, &minor) != 2) return;
  device_path(path, sizeof path, device);
  mknod(path, S_IFBLK | 0600, makedev(major, minor));
}

/* The header that mkswap writes: version 1, last page, signature at the end of the first page. */
static bool format(const char *path) {
  static unsigned char header[PAGE];
  uint32_t words[2] = {1, (uint32_t)(SWAP_BYTES / PAGE - 1)};
  memset(header, 0, sizeof header);
  memcpy(header + 1024, words, sizeof words);
  memcpy(header + PAGE - 10, "SWAPSPACE2", 10);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  bool written = pwrite(fd, header, sizeof header, 0) == (ssize_t)sizeof header;
  if (fsync(fd) != 0) written = false;
  return close(fd) == 0 && written;
}

int swap_make(void) {
  char number[32], path[64], size[32];
  if (!file_read(HOT_ADD, number, sizeof number)) return -1;
  int device = atoi(number);
  snprintf(path, sizeof path, "/sys/block/zram%d/disksize", device);
  snprintf(size, sizeof size, "%llu", SWAP_BYTES);
  bool sized = file_write(path, size);
  device_node(device);
  device_path(path, sizeof path, device);
  if (sized && format(path) && swapon(path, FIRST_IN_LINE) == 0) return device;
  perror("agent: zram swap");
  swap_drop(device);
  return -1;
}

void swap_drop(int device) {
  char path[64], number[32];
  device_path(path, sizeof path, device);
  swapoff(path);
  snprintf(number, sizeof number, "%d", device);
  for (int tries = 0; tries < 100; tries++) { /* somebody may just be looking at the new device */
    snprintf(path, sizeof path, "/sys/block/zram%d/reset", device);
    if (file_write(path, "1") && file_write(HOT_REMOVE, number)) return;
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
  }
  fprintf(stderr, "agent: zram%d could not be removed\n", device);
}
