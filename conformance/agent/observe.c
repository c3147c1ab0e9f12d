/*
 * Observers of page state: pagemap, peek, mincore, and the count of present pages for swapout.
 * They open /proc/self files anew each time, as the thread's credentials may have changed, and
 * never cause a page fault in a window.
 */
#include "agent.h"
#include "uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ENTRIES = 512, MINCORE_PAGES = 8192, PIECE = 64 << 10 };

static const struct flag LETTERS[] = {
    {"P", PAGEMAP_PRESENT}, {"S", PAGEMAP_SWAP}, {"F", PAGEMAP_FILE},
    {"W", PAGEMAP_UFFD_WP}, {"X", PAGEMAP_EXCLUSIVE}, {"G", PAGEMAP_GUARD},
    {"D", PAGEMAP_SOFT_DIRTY}, {NULL, 0},
};

/* A window onto /proc/self/pagemap; entries beyond user space read as 0. */
struct pagemap {
  int fd;
  uint64_t first, count;
  uint64_t entries[ENTRIES];
};

static bool pagemap_open(struct pagemap *p) {
  p->fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  p->count = 0;
  return p->fd >= 0;
}

static uint64_t pagemap_at(struct pagemap *p, uint64_t addr) {
  uint64_t page = addr / PAGE;
  if (page - p->first >= p->count) {
    ssize_t n = pread(p->fd, p->entries, sizeof p->entries, (off_t)(page * 8));
    p->first = page;
    p->count = n > 0 ? (uint64_t)n / 8 : 0;
    if (p->count == 0) return 0;
  }
  return p->entries[page - p->first];
}

/* The pages that a range touches, one by one, each of its window's unit. */
struct pages {
  uint64_t at, end;
};

static struct pages pages_of(uint64_t addr, uint64_t len) {
  uint64_t start = page_floor(addr, unit_of(addr));
  return (struct pages){start, len ? addr + len : start};
}

static bool pages_more(const struct pages *p) { return p->at < p->end; }

static void pages_next(struct pages *p) { p->at += unit_of(p->at); }

void op_pagemap(struct call *c) {
  uint64_t addr = take_addr(c);
  uint64_t len = take_len(c, unit_of(addr));
  struct pagemap map;
  if (!ready(c)) return;
  if (!pagemap_open(&map)) return report_errno(c, errno);
  struct page_runs runs = {.out = c->result};
  for (struct pages p = pages_of(addr, len); pages_more(&p); pages_next(&p)) {
    uint64_t entry = pagemap_at(&map, p.at);
    char letters[16] = "-";
    size_t n = 0;
    for (const struct flag *l = LETTERS; l->name; l++) {
      if (entry & l->bits) letters[n++] = l->name[0];
    }
    if (n > 0) letters[n] = '\0';
    page_runs_add(&runs, p.at, letters);
  }
  page_runs_end(&runs);
  close(map.fd);
}

int64_t count_present(uint64_t addr, uint64_t len) {
  struct pagemap map;
  int64_t present = 0;
  if (!pagemap_open(&map)) return -1;
  for (uint64_t at = page_floor(addr, PAGE); at < addr + len; at += PAGE) {
    if (pagemap_at(&map, at) & PAGEMAP_PRESENT) present++;
  }
  close(map.fd);
  return present;
}

static void peek_page(struct text *t, int mem, uint64_t addr, uint64_t unit) {
  static uint8_t bytes[PIECE];
  struct summary summary = {.runs = 0};
  for (uint64_t done = 0; done < unit;) {
    size_t want = unit - done < PIECE ? unit - done : PIECE;
    ssize_t n = pread(mem, bytes, want, (off_t)(addr + done));
    if (n <= 0) return put(t, "!%s", errno_name(n < 0 ? errno : EIO));
    summary_add(&summary, bytes, (size_t)n);
    done += (uint64_t)n;
  }
  summary_put(t, &summary);
}

void op_peek(struct call *c) {
  uint64_t addr = take_addr(c);
  uint64_t len = take_len(c, unit_of(addr));
  struct pagemap map;
  if (!ready(c)) return;
  int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  if (mem < 0) return report_errno(c, errno);
  if (!pagemap_open(&map)) {
    report_errno(c, errno);
    close(mem);
    return;
  }
  struct page_runs runs = {.out = c->result};
  for (struct pages p = pages_of(addr, len); pages_more(&p); pages_next(&p)) {
    char page[sizeof runs.text];
    struct text t = text_over(page, sizeof page);
    if (pagemap_at(&map, p.at) & PAGEMAP_PRESENT) peek_page(&t, mem, p.at, unit_of(p.at));
    else put(&t, ".");
    page_runs_add(&runs, p.at, page);
  }
  page_runs_end(&runs);
  close(map.fd);
  close(mem);
}

void op_mincore(struct call *c) {
  uint64_t addr = take_addr(c);
  uint64_t unit = unit_of(addr);
  uint64_t len = take_len(c, unit);
  if (len > MINCORE_PAGES * PAGE) c->bad = true;
  if (!ready(c)) return;
  uint8_t resident[MINCORE_PAGES];
  if (syscall(SYS_mincore, addr, len, resident) != 0) return report_errno(c, errno);
  for (uint64_t i = 0; i < len; i += unit) put(c->result, "%d", resident[i / PAGE] & 1);
}

void op_migrate(struct call *c) {
  enum { UNITS = 1024 };
  uint64_t addr = take_addr(c);
  uint64_t unit = unit_of(addr);
  uint64_t len = take_len(c, unit);
  int node = (int)key_number(c, "node", 1);
  uint64_t count = len / unit + (len % unit != 0);
  if (count > UNITS) c->bad = true;
  if (!ready(c)) return;
  void *pages[UNITS];
  int nodes[UNITS], status[UNITS];
  for (uint64_t i = 0; i < count; i++) {
    pages[i] = (void *)(addr + i * unit);
    nodes[i] = node;
  }
  long rc = syscall(SYS_move_pages, 0, count, pages, nodes, status, MPOL_MF_MOVE_FLAG);
  if (rc < 0) return report_errno(c, errno);
  struct page_runs runs = {.out = c->result};
  for (uint64_t i = 0; i < count; i++) {
    char text[32];
    struct text t = text_over(text, sizeof text);
    if (status[i] < 0) put(&t, "-%s", errno_name(-status[i]));
    else put(&t, "node%d", status[i]);
    page_runs_add(&runs, addr + i * unit, text);
  }
  page_runs_end(&runs);
}
