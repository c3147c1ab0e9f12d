/*
 * What this machine can do: whether userfaultfd works and why not, which features, and the options
 * of the kernel that change transcripts. Prints one JSON line; changes nothing.
 */
#include "agent.h"
#include "uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define POOL "/sys/kernel/mm/hugepages/hugepages-2048kB/"

static int uffd_open(struct uffd_api_arg *api) {
  int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
  *api = (struct uffd_api_arg){.api = UFFD_API_VERSION};
  if (fd < 0) return -1;
  if (ioctl(fd, UFFD_IOC_API, api) == 0) return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

const char *uffd_trouble(const char **remedy) {
  struct uffd_api_arg api;
  int fd = uffd_open(&api);
  if (fd >= 0) {
    close(fd);
    return NULL;
  }
  *remedy = "check the limits of this process and container";
  if (errno == ENOSYS) *remedy = "needs a kernel with CONFIG_USERFAULTFD";
  if (errno == EPERM) {
    *remedy = "run as root (CAP_SYS_PTRACE), or set vm.unprivileged_userfaultfd to 1; in a "
              "container its seccomp profile must allow userfaultfd";
  }
  return errno_name(errno);
}

static void touch(void *arg) { (void)*(volatile char *)arg; }

/* The si_code of an access to a poisoned page: 0 where that cannot be had. */
static int poison_code(void) {
  struct uffd_api_arg api;
  struct trap trap = {.code = 0};
  int fd = uffd_open(&api);
  if (fd < 0) return 0;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  void *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
  struct uffd_register_arg range = {.start = (uint64_t)at, .len = PAGE, .mode = UFFD_MODE_MISSING};
  struct uffd_fill_arg poison = {.start = (uint64_t)at, .len = PAGE};
  bool poisoned = ioctl(fd, UFFD_IOC_REGISTER, &range) == 0 &&
                  ioctl(fd, UFFD_IOC_POISON, &poison) == 0;
  if (poisoned) guarded(touch, at, &trap);
  munmap(at, PAGE);
  close(fd);
  return trap.code;
}

static uint64_t pagemap_entry(const volatile char *addr) {
  uint64_t entry = 0;
  int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t got = pread(fd, &entry, sizeof entry, (off_t)((uintptr_t)addr / PAGE * sizeof entry));
  close(fd);
  return got == sizeof entry ? entry : 0;
}

static bool soft_dirty(void) {
  static volatile char byte[2 * PAGE];
  byte[PAGE] = 1;
  return pagemap_entry(&byte[PAGE]) & PAGEMAP_SOFT_DIRTY;
}

/* Of the shared page of zeros nobody is the only owner. */
static bool zero_page(void) {
  volatile char *at = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return true;
  (void)*at;
  uint64_t entry = pagemap_entry(at);
  munmap((void *)at, PAGE);
  return !(entry & PAGEMAP_EXCLUSIVE);
}

bool fifo_possible(void) {
  pid_t pid = fork();
  if (pid == 0) _exit(scheduling_enter() ? 0 : 1);
  int status = 1;
  return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static int numa_nodes(void) {
  char list[256];
  int nodes = 0;
  if (!file_read("/sys/devices/system/node/online", list, sizeof list)) return 1;
  for (char *at = list; *at;) {
    long first = strtol(at, &at, 10), last = first;
    if (*at == '-') last = strtol(at + 1, &at, 10);
    nodes += (int)(last - first) + 1;
    if (*at != ',') break;
    at++;
  }
  return nodes;
}

static long number_in(const char *path, long otherwise) {
  char text[64];
  return file_read(path, text, sizeof text) ? atol(text) : otherwise;
}

static void print_trouble(const char *trouble, const char *remedy) {
  if (trouble) printf(",\"reason\":\"%s\",\"remedy\":\"%s\"", trouble, remedy);
}

static void print_kernel(void) {
  struct uffd_api_arg api;
  int fd = uffd_open(&api);
  if (fd >= 0) close(fd);
  int code = poison_code();
  printf(",\"features\":\"0x%llx\",\"ioctls\":\"0x%llx\"", (unsigned long long)api.features,
         (unsigned long long)api.ioctls);
  const char *failure = "null";
  if (code) failure = code == BUS_MCEERR_AR_CODE ? "true" : "false";
  printf(",\"memoryFailure\":%s,\"softDirty\":%s", failure, soft_dirty() ? "true" : "false");
  printf(",\"zeroPage\":%s", zero_page() ? "true" : "false");
}

/* Of the device that regular files lie on; -1 if it does not say. */
static long read_ahead_kb(void) {
  struct stat st;
  char path[64];
  if (stat(files_folder, &st) != 0) return -1;
  snprintf(path, sizeof path, "/sys/class/bdi/%u:%u/read_ahead_kb", major(st.st_dev),
           minor(st.st_dev));
  return number_in(path, -1);
}

static void print_machine(void) {
  long pool = number_in(POOL "nr_hugepages", -1);
  bool settable = access(POOL "nr_hugepages", W_OK) == 0;
  printf(",\"fifo\":%s", fifo_possible() ? "true" : "false");
  printf(",\"swapPossible\":%s", swap_possible() ? "true" : "false");
  printf(",\"hugetlb\":{\"pages\":%ld,\"settable\":%s}", pool, settable ? "true" : "false");
  printf(",\"numaNodes\":%d", numa_nodes());
  printf(",\"mmapMinAddr\":%ld", number_in("/proc/sys/vm/mmap_min_addr", -1));
  printf(",\"readAheadKb\":%ld", read_ahead_kb());
  printf(",\"overcommitMemory\":%ld", number_in("/proc/sys/vm/overcommit_memory", -1));
  printf(",\"unprivilegedUserfaultfd\":%ld",
         number_in("/proc/sys/vm/unprivileged_userfaultfd", -1));
}

int probe(void) {
  struct utsname name;
  const char *remedy = NULL, *trouble = uffd_trouble(&remedy);
  uname(&name);
  catch_signals();
  printf("{\"release\":\"%s\",\"usable\":%s", name.release, trouble ? "false" : "true");
  print_trouble(trouble, remedy);
  fflush(stdout); /* before the fork of fifo_possible */
  if (!trouble) print_kernel();
  fflush(stdout);
  print_machine();
  printf("}\n");
  return trouble ? 2 : 0;
}
