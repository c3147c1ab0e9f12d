/*
 * Operations that are userfaultfd calls: create, handshake, register, and the ioctls that resolve,
 * protect and move. Prints the status, then the 8-byte result field whether it succeeded or not;
 * never checks an argument that the kernel checks.
 */
#include "agent.h"
#include "uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define UNTOUCHED ((int64_t)0x7e7e7e7e7e7e7e7ell)

static const struct flag UFFD_FLAGS[] = {
    {"nonblock", O_NONBLOCK}, {"cloexec", O_CLOEXEC},
    {"usermode", UFFD_USER_MODE_ONLY_FLAG}, {NULL, 0},
};

static const struct flag FEATURES[] = {
    {"PAGEFAULT_FLAG_WP", 1u << 0}, {"EVENT_FORK", 1u << 1}, {"EVENT_REMAP", 1u << 2},
    {"EVENT_REMOVE", 1u << 3}, {"MISSING_HUGETLBFS", 1u << 4}, {"MISSING_SHMEM", 1u << 5},
    {"EVENT_UNMAP", 1u << 6}, {"SIGBUS", 1u << 7}, {"THREAD_ID", 1u << 8},
    {"MINOR_HUGETLBFS", 1u << 9}, {"MINOR_SHMEM", 1u << 10}, {"EXACT_ADDRESS", 1u << 11},
    {"WP_HUGETLBFS_SHMEM", 1u << 12}, {"WP_UNPOPULATED", 1u << 13}, {"POISON", 1u << 14},
    {"WP_ASYNC", 1u << 15}, {"MOVE", 1u << 16}, {"RWP", 1u << 17}, {"RWP_ASYNC", 1u << 18},
    {NULL, 0},
};

static const struct flag IOCTLS[] = {
    {"REGISTER", 1u << 0}, {"UNREGISTER", 1u << 1}, {"WAKE", 1u << 2}, {"COPY", 1u << 3},
    {"ZEROPAGE", 1u << 4}, {"MOVE", 1u << 5}, {"WRITEPROTECT", 1u << 6},
    {"CONTINUE", 1u << 7}, {"POISON", 1u << 8}, {"RWPROTECT", 1u << 9},
    {"SET_MODE", 1u << 10}, {"API", 1ull << 63}, {NULL, 0},
};

static const struct flag REGISTER_MODES[] = {
    {"missing", 1}, {"wp", 2}, {"minor", 4}, {"rwp", 8}, {NULL, 0},
};
static const struct flag FILL_MODES[] = {
    {"dontwake", 1}, {"wp", 2}, {NULL, 0},
};
static const struct flag MOVE_MODES[] = {
    {"dontwake", 1}, {"holes", 2}, {NULL, 0},
};
static const struct flag PROTECT_MODES[] = {
    {"on", 1}, {"off", 0}, {"dontwake", 2}, {NULL, 0},
};

static int uffd_open_device(unsigned flags) {
  int device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
  if (device < 0) return -2;
  int fd = ioctl(device, UFFD_IOC_NEW, flags);
  int error = errno;
  close(device);
  errno = error;
  return fd;
}

void op_uffd(struct call *c) {
  const char *name = take_new_name(c);
  unsigned flags = (unsigned)key_set(c, "flags", UFFD_FLAGS, O_NONBLOCK);
  const char *via = key_text(c, "via");
  if (via && strcmp(via, "dev") != 0) c->bad = true;
  if (!ready(c)) return;
  int fd = via ? uffd_open_device(flags) : (int)syscall(SYS_userfaultfd, flags);
  if (fd == -2) put(c->result, "open ");
  if (report(c, fd)) name_bind(name, fd, false);
}

void op_api(struct call *c) {
  struct name *uffd = take_name(c);
  struct uffd_api_arg arg = {.ioctls = 0};
  arg.features = key_set(c, "features", FEATURES, 0);
  arg.api = key_number(c, "api", UFFD_API_VERSION);
  if (!ready(c)) return;
  report(c, ioctl(uffd->fd, UFFD_IOC_API, &arg));
  if (!has_word(c, "show")) return;
  put(c->result, " api=0x%llx features=0x%llx ioctls=", (unsigned long long)arg.api,
      (unsigned long long)arg.features);
  put_set(c->result, arg.ioctls, IOCTLS, ',');
}

void op_register(struct call *c) {
  struct name *uffd = take_name(c);
  struct uffd_register_arg arg = {.start = take_addr(c)};
  arg.len = take_len(c, unit_of(arg.start));
  arg.mode = take_set(c, REGISTER_MODES);
  if (!ready(c)) return;
  if (!report(c, ioctl(uffd->fd, UFFD_IOC_REGISTER, &arg))) return;
  put(c->result, " ioctls=");
  put_set(c->result, arg.ioctls, IOCTLS, ',');
}

static void range_call(struct call *c, unsigned request) {
  struct name *uffd = take_name(c);
  struct uffd_range_arg arg = {.start = take_addr(c)};
  arg.len = take_len(c, unit_of(arg.start));
  if (ready(c)) report(c, ioctl(uffd->fd, request, &arg));
}

void op_unregister(struct call *c) { range_call(c, UFFD_IOC_UNREGISTER); }

void op_wake(struct call *c) { range_call(c, UFFD_IOC_WAKE); }

/* ` copy=2`, ` copy=-EEXIST`, ` copy=untouched`. */
static void put_done(struct call *c, const char *field, int64_t done, uint64_t unit) {
  put(c->result, " %s=", field);
  if (done == UNTOUCHED) put(c->result, "untouched");
  else if (done < 0) put(c->result, "-%s", errno_name((int)-done));
  else put_units(c->result, (uint64_t)done, unit);
}

struct buf_fill {
  struct fill fill;
  uint64_t unit, units;
};

static void buf_fill_body(void *arg) {
  struct buf_fill *f = arg;
  for (uint64_t i = 0; i < f->units; i++) {
    memset((void *)(BUF_BASE + i * f->unit), fill_at(f->fill, i), f->unit);
  }
}

/* A fault here (a scenario may unmap BUF) is left to UFFDIO_COPY, which reports it. */
static void buf_fill(struct fill fill, uint64_t len, uint64_t unit) {
  uint64_t units = len / unit + (len % unit != 0);
  if (units > BUF_BYTES / unit) units = BUF_BYTES / unit;
  struct buf_fill arg = {fill, unit, units};
  struct trap trap;
  guarded(buf_fill_body, &arg, &trap);
}

void op_copy(struct call *c) {
  struct name *uffd = take_name(c);
  struct uffd_transfer_arg arg = {.dst = take_addr(c), .done = UNTOUCHED};
  uint64_t unit = unit_of(arg.dst);
  arg.len = take_len(c, unit);
  arg.src = key_addr(c, "src", BUF_BASE);
  arg.mode = key_set(c, "mode", FILL_MODES, 0);
  struct fill fill = key_fill(c, 0x5a);
  if (!ready(c)) return;
  const char *src = key_text(c, "src");
  if (!src || strncmp(src, "BUF", 3) == 0) buf_fill(fill, arg.len, unit);
  report(c, ioctl(uffd->fd, UFFD_IOC_COPY, &arg));
  put_done(c, "copy", arg.done, unit);
}

void op_move(struct call *c) {
  struct name *uffd = take_name(c);
  struct uffd_transfer_arg arg = {.dst = take_addr(c), .done = UNTOUCHED};
  uint64_t unit = unit_of(arg.dst);
  arg.src = take_addr(c);
  arg.len = take_len(c, unit);
  arg.mode = key_set(c, "mode", MOVE_MODES, 0);
  if (!ready(c)) return;
  report(c, ioctl(uffd->fd, UFFD_IOC_MOVE, &arg));
  put_done(c, "move", arg.done, unit);
}

static void fill_call(struct call *c, unsigned request, const char *field) {
  struct name *uffd = take_name(c);
  struct uffd_fill_arg arg = {.start = take_addr(c), .done = UNTOUCHED};
  uint64_t unit = unit_of(arg.start);
  arg.len = take_len(c, unit);
  arg.mode = key_set(c, "mode", FILL_MODES, 0);
  if (!ready(c)) return;
  report(c, ioctl(uffd->fd, request, &arg));
  put_done(c, field, arg.done, unit);
}

void op_zeropage(struct call *c) { fill_call(c, UFFD_IOC_ZEROPAGE, "zeropage"); }

void op_continue(struct call *c) { fill_call(c, UFFD_IOC_CONTINUE, "mapped"); }

void op_poison(struct call *c) { fill_call(c, UFFD_IOC_POISON, "updated"); }

static void protect_call(struct call *c, unsigned request) {
  struct name *uffd = take_name(c);
  struct uffd_protect_arg arg = {.start = take_addr(c)};
  arg.len = take_len(c, unit_of(arg.start));
  arg.mode = take_set(c, PROTECT_MODES);
  if (ready(c)) report(c, ioctl(uffd->fd, request, &arg));
}

void op_wp(struct call *c) { protect_call(c, UFFD_IOC_WRITEPROTECT); }

void op_rwp(struct call *c) { protect_call(c, UFFD_IOC_RWPROTECT); }

void op_setmode(struct call *c) {
  struct name *uffd = take_name(c);
  struct uffd_set_mode_arg arg;
  arg.enable = key_set(c, "enable", FEATURES, 0);
  arg.disable = key_set(c, "disable", FEATURES, 0);
  if (ready(c)) report(c, ioctl(uffd->fd, UFFD_IOC_SET_MODE, &arg));
}

void op_ioctl(struct call *c) {
  static uint64_t zeroes[64];
  struct name *uffd = take_name(c);
  uint64_t request = take_number(c);
  if (!ready(c)) return;
  memset(zeroes, 0, sizeof zeroes);
  report(c, ioctl(uffd->fd, request, zeroes));
}
