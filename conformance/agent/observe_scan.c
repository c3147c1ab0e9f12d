/*
 * The observer scan: one PAGEMAP_SCAN call of /proc/self/pagemap, its arguments as written in the
 * scenario and its answer in full. Never repeats the call; what it did not reach is the result.
 */
#include "agent.h"
#include "uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { REGIONS = 1024 };

#define UNTOUCHED 0x7e7e7e7e7e7e7e7eull
#define ALL_CATEGORIES 0x17full
#define BAD_VECTOR 0x10ull

static const struct flag CATEGORIES[] = {
    {"WPALLOWED", 1u << 0}, {"WRITTEN", 1u << 1}, {"FILE", 1u << 2}, {"PRESENT", 1u << 3},
    {"SWAPPED", 1u << 4}, {"PFNZERO", 1u << 5}, {"HUGE", 1u << 6}, {"SOFT_DIRTY", 1u << 7},
    {"GUARD", 1u << 8}, {"ACCESSED", 1u << 9}, {"all", ALL_CATEGORIES}, {NULL, 0},
};

static const struct flag SCAN_FLAGS[] = {
    {"wp_matching", 1}, {"check_wpasync", 2}, {NULL, 0},
};

static void put_regions(struct text *t, const struct pagemap_region *region, int count) {
  for (; count > 0; count--, region++) {
    put(t, " [");
    put_addr(t, region->start);
    put(t, " ");
    put_units(t, region->end - region->start, unit_of(region->start));
    put(t, " ");
    put_set(t, region->categories, CATEGORIES, '|');
    put(t, "]");
  }
}

static struct pagemap_scan_arg take_scan(struct call *c) {
  struct pagemap_scan_arg arg = {.start = take_addr(c), .walk_end = UNTOUCHED};
  arg.end = arg.start + take_len(c, unit_of(arg.start));
  arg.size = key_number(c, "size", sizeof arg);
  arg.flags = key_set(c, "flags", SCAN_FLAGS, 0);
  arg.max_pages = key_number(c, "max", 0);
  arg.vec_len = key_number(c, "vec", REGIONS);
  arg.category_mask = key_set(c, "mask", CATEGORIES, 0);
  arg.category_inverted = key_set(c, "inv", CATEGORIES, 0);
  arg.category_anyof_mask = key_set(c, "anyof", CATEGORIES, 0);
  arg.return_mask = key_set(c, "ret", CATEGORIES, ALL_CATEGORIES);
  if (arg.vec_len > REGIONS) c->bad = true;
  return arg;
}

void op_scan(struct call *c) {
  static struct pagemap_region regions[REGIONS];
  struct pagemap_scan_arg arg = take_scan(c);
  arg.vec = has_word(c, "badvec") ? BAD_VECTOR : (uint64_t)regions;
  if (has_word(c, "novec")) arg.vec = arg.vec_len = 0;
  if (!ready(c)) return;
  int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return report_errno(c, errno);
  int count = ioctl(fd, PAGEMAP_SCAN_IOC, &arg);
  if (count < 0) report_errno(c, errno);
  else put(c->result, "%d", count);
  put(c->result, " end=");
  if (arg.walk_end == UNTOUCHED) put(c->result, "untouched");
  else put_addr(c->result, arg.walk_end);
  if (arg.vec == (uint64_t)regions) put_regions(c->result, regions, count);
  close(fd);
}
