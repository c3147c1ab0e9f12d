/*
 * Operations on objects: memfds (shmem and hugetlb) and unlinked regular files. Contents go through
 * read and write calls; hugetlb pages, which cannot be written, and fmincore through a temporary
 * mapping in a GiB of its own, so that no page table of a window is touched.
 */
#include "agent.h"
#include "uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *files_folder = "/var/tmp";

enum kind { KIND_SHMEM, KIND_HUGETLB, KIND_REG };

static const struct flag KINDS[] = {
    {"shmem", KIND_SHMEM}, {"hugetlb", KIND_HUGETLB}, {"reg", KIND_REG}, {NULL, 0},
};

static const struct flag FALLOCATE_MODES[] = {
    {"alloc", 0}, {"keep", 1}, {"punch", 3}, {"zero", 0x10}, {"zerokeep", 0x11},
    {"collapse", 8}, {"insert", 0x20}, {"unshare", 0x40}, {NULL, 0},
};

static uint8_t page_bytes[HUGE_PAGE]; /* one page of any object, of this process */

static void *scratch_map(int fd, uint64_t len, int prot, uint64_t off) {
  int flags = MAP_SHARED | MAP_FIXED_NOREPLACE;
  return mmap((void *)SCRATCH_BASE, len, prot, flags, fd, (off_t)off);
}

struct huge_fill {
  void *at;
  uint8_t value;
};

static void huge_fill_body(void *arg) {
  struct huge_fill *fill = arg;
  memset(fill->at, fill->value, HUGE_PAGE);
}

static int huge_write(int fd, uint64_t page, uint8_t value) {
  void *at = scratch_map(fd, HUGE_PAGE, PROT_READ | PROT_WRITE, page * HUGE_PAGE);
  if (at == MAP_FAILED) return errno;
  struct trap trap;
  struct huge_fill fill = {at, value};
  bool filled = guarded(huge_fill_body, &fill, &trap);
  munmap(at, HUGE_PAGE);
  return filled ? 0 : EFAULT;
}

static int small_write(int fd, uint64_t page, uint8_t value) {
  memset(page_bytes, value, PAGE);
  ssize_t n = pwrite(fd, page_bytes, PAGE, (off_t)(page * PAGE));
  if (n < 0) return errno;
  return n == (ssize_t)PAGE ? 0 : ENOSPC;
}

/* Prints `fill ERRNO ` for each page that failed; hugetlb stops at the first. */
static void write_pages(struct call *c, int fd, bool hugetlb, uint64_t first, uint64_t count,
                        struct fill fill) {
  for (uint64_t i = 0; i < count; i++) {
    uint8_t value = fill_at(fill, i);
    int error = hugetlb ? huge_write(fd, first + i, value) : small_write(fd, first + i, value);
    if (!error) continue;
    put(c->result, "fill %s ", errno_name(error));
    if (hugetlb) return;
  }
}

static int object_open(enum kind kind, const char *name) {
  if (kind == KIND_SHMEM) return (int)syscall(SYS_memfd_create, name, 0u);
  if (kind == KIND_HUGETLB) {
    return (int)syscall(SYS_memfd_create, name, MFD_HUGETLB_FLAG | MFD_HUGE_2MB_FLAG);
  }
  return open(files_folder, O_TMPFILE | O_RDWR, 0600);
}

void op_file(struct call *c) {
  const char *name = take_new_name(c);
  enum kind kind = (enum kind)take_choice(c, KINDS);
  bool hugetlb = kind == KIND_HUGETLB;
  uint64_t unit = hugetlb ? HUGE_PAGE : PAGE;
  uint64_t len = take_len(c, unit);
  struct fill fill = key_fill(c, 0);
  if (!ready(c)) return;
  int fd = object_open(kind, name);
  if (fd < 0) return report_errno(c, errno);
  if (ftruncate(fd, (off_t)len) != 0) {
    report_errno(c, errno);
    close(fd);
    return;
  }
  if (fill.given) write_pages(c, fd, hugetlb, 0, len / unit, fill);
  name_bind(name, fd, hugetlb);
  put(c->result, "ok");
}

void op_fwrite(struct call *c) {
  struct name *file = take_name(c);
  uint64_t page = take_number(c);
  uint64_t count = take_number_or(c, 1);
  struct fill fill = key_fill(c, 0x66);
  if (!ready(c)) return;
  write_pages(c, file->fd, file->hugetlb, page, count, fill);
  put(c->result, "ok");
}

void op_fread(struct call *c) {
  struct name *file = take_name(c);
  uint64_t page = take_number(c);
  uint64_t count = take_number_or(c, 1);
  if (!ready(c)) return;
  uint64_t unit = name_unit(file);
  for (uint64_t i = page; i < page + count; i++) {
    ssize_t n = pread(file->fd, page_bytes, unit, (off_t)(i * unit));
    put(c->result, "%s%llu:", i == page ? "" : " ", (unsigned long long)i);
    if (n < 0) report_errno(c, errno);
    else if (n == 0) put(c->result, "eof");
    else put_bytes(c->result, page_bytes, (size_t)n);
  }
}

void op_fmincore(struct call *c) {
  struct name *file = take_name(c);
  if (!ready(c)) return;
  struct stat st;
  if (fstat(file->fd, &st) != 0) return report_errno(c, errno);
  uint64_t unit = name_unit(file);
  uint64_t len = page_ceil((uint64_t)st.st_size, unit);
  if (len == 0) {
    put(c->result, "empty");
    return;
  }
  uint8_t *at = scratch_map(file->fd, len, PROT_READ, 0);
  if (at == MAP_FAILED) return report_errno(c, errno);
  uint8_t resident[512];
  for (uint64_t done = 0; done < len; done += sizeof resident * PAGE) {
    uint64_t part = len - done < sizeof resident * PAGE ? len - done : sizeof resident * PAGE;
    if (mincore(at + done, part, resident) != 0) {
      report_errno(c, errno);
      break;
    }
    for (uint64_t i = 0; i < part; i += unit) put(c->result, "%d", resident[i / PAGE] & 1);
  }
  munmap(at, len);
}

void op_ftruncate(struct call *c) {
  struct name *file = take_name(c);
  uint64_t len = take_len(c, name_unit(file));
  if (ready(c)) report(c, ftruncate(file->fd, (off_t)len));
}

void op_fallocate(struct call *c) {
  struct name *file = take_name(c);
  uint64_t off = take_len(c, name_unit(file));
  uint64_t len = take_len(c, name_unit(file));
  uint64_t mode = take_choice(c, FALLOCATE_MODES);
  if (ready(c)) report(c, fallocate(file->fd, (int)mode, (off_t)off, (off_t)len));
}

void op_close(struct call *c) {
  struct name *name = take_name(c);
  if (!ready(c)) return;
  name_drop(name);
  put(c->result, "ok");
}

static void bind_copy(struct call *c, const struct name *of, const char *name, int fd) {
  if (!report(c, fd)) return;
  name_bind(name, fd, of->hugetlb);
}

void op_dup(struct call *c) {
  struct name *old = take_name(c);
  const char *name = take_new_name(c);
  if (ready(c)) bind_copy(c, old, name, dup(old->fd));
}

void op_reopen(struct call *c) {
  struct name *file = take_name(c);
  const char *name = take_new_name(c);
  if (!ready(c)) return;
  char path[64];
  struct text t = text_over(path, sizeof path);
  put(&t, "/proc/self/fd/%d", file->fd);
  bind_copy(c, file, name, open(path, O_RDONLY));
}
