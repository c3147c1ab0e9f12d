/*
 * The observers vmflags and smaps: the VMAs of a window or range from /proc/self/smaps. Reads the file only
 * as far as the range goes (windows come before program and libraries); never changes a VMA.
 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 32 << 10, FLAG_TEXT = 128 };

static const char *const FLAG_ORDER[] = {"um", "uw", "ui", "ur", "ht", "lo", "dc", "wf",
                                         "hg", "nh", "rr", "sr", "gd", "gu", "mg"};

/* A file read line by line, without the heap. */
struct lines {
  int fd;
  size_t at, end;
  char bytes[CHUNK];
};

/* The next line, cut off in place; NULL at the end. Lines longer than the buffer do not occur. */
static char *lines_next(struct lines *l) {
  for (;;) {
    char *line = l->bytes + l->at;
    char *newline = memchr(line, '\n', l->end - l->at);
    if (newline) {
      *newline = '\0';
      l->at += (size_t)(newline - line) + 1;
      return line;
    }
    memmove(l->bytes, line, l->end - l->at);
    l->end -= l->at;
    l->at = 0;
    ssize_t n = read(l->fd, l->bytes + l->end, CHUNK - l->end);
    if (n <= 0) return NULL;
    l->end += (size_t)n;
  }
}

struct vma {
  uint64_t start, end;
  char permissions[8];
};

static bool vma_parse(const char *line, struct vma *vma) {
  unsigned long long start, end;
  if (sscanf(line, "%llx-%llx %7s ", &start, &end, vma->permissions) != 3) return false;
  vma->start = start;
  vma->end = end;
  return true;
}

static bool has_flag(const char *flags, const char *wanted) {
  for (const char *at = flags; (at = strstr(at, wanted)); at += 2) {
    if (at[-1] == ' ' && (at[2] == ' ' || at[2] == '\0')) return true;
  }
  return false;
}

static void put_vma(struct text *t, const struct vma *vma, const char *flags, uint64_t unit) {
  uint64_t base = window_of(vma->start).base;
  const char *before = "";
  if (t->len > 0) put(t, " ");
  put_units(t, vma->start - base, unit);
  put(t, "-");
  put_units(t, vma->end - base, unit);
  put(t, ":%s:", vma->permissions);
  for (size_t i = 0; i < sizeof FLAG_ORDER / sizeof FLAG_ORDER[0]; i++) {
    if (!has_flag(flags, FLAG_ORDER[i])) continue;
    put(t, "%s%s", before, FLAG_ORDER[i]);
    before = ",";
  }
  if (!*before) put(t, "-");
}

/* Lines of smaps that the observer smaps shows, in pages, with the names that it gives them. */
static const struct {
  const char *line, *name;
} COUNTS[] = {
    {"Rss:", "rss"},       {"Referenced:", "ref"},    {"Anonymous:", "anon"},
    {"Swap:", "swap"},     {"AnonHugePages:", "thp"},
};

enum { COUNT_KINDS = sizeof COUNTS / sizeof COUNTS[0] };

/* Remembers the number of a line that is shown. */
static void count_line(const char *line, unsigned long kb[COUNT_KINDS]) {
  for (size_t i = 0; i < COUNT_KINDS; i++) {
    size_t len = strlen(COUNTS[i].line);
    if (strncmp(line, COUNTS[i].line, len) == 0) kb[i] = strtoul(line + len, NULL, 10);
  }
}

static void put_counts(struct text *t, const struct vma *vma, const unsigned long kb[COUNT_KINDS],
                       uint64_t unit) {
  uint64_t base = window_of(vma->start).base;
  const char *before = "";
  if (t->len > 0) put(t, " ");
  put_units(t, vma->start - base, unit);
  put(t, "-");
  put_units(t, vma->end - base, unit);
  put(t, ":");
  for (size_t i = 0; i < COUNT_KINDS; i++) {
    if (kb[i] == 0) continue;
    put(t, "%s%s=%lu", before, COUNTS[i].name, kb[i] / 4);
    before = ",";
  }
  if (!*before) put(t, "-");
}

enum shown { SHOW_FLAGS, SHOW_COUNTS };

static void put_vmas(struct text *t, struct lines *lines, const struct vma *range, uint64_t unit,
                     enum shown shown) {
  struct vma vma = {.start = 0, .end = 0};
  unsigned long kb[COUNT_KINDS] = {0};
  for (char *line; (line = lines_next(lines));) {
    if (vma_parse(line, &vma)) {
      if (vma.start >= range->end) break;
      memset(kb, 0, sizeof kb);
    } else if (strncmp(line, "VmFlags:", 8) != 0) {
      count_line(line, kb);
    } else if (vma.end > range->start) {
      if (shown == SHOW_FLAGS) put_vma(t, &vma, line, unit);
      else put_counts(t, &vma, kb, unit);
    }
  }
  if (t->len == 0) put(t, "none");
}

static void show_vmas(struct call *c, enum shown shown) {
  uint64_t addr = take_addr(c);
  uint64_t unit = unit_of(addr);
  struct window w = window_of(addr);
  struct vma range = {.start = w.base, .end = w.base + w.size};
  if (more_words(c)) range = (struct vma){.start = addr, .end = addr + take_len(c, unit)};
  if (!ready(c)) return;
  struct lines lines = {.at = 0, .end = 0};
  lines.fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
  if (lines.fd < 0) return report_errno(c, errno);
  put_vmas(c->result, &lines, &range, unit, shown);
  close(lines.fd);
}

void op_vmflags(struct call *c) { show_vmas(c, SHOW_FLAGS); }

void op_smaps(struct call *c) { show_vmas(c, SHOW_COUNTS); }
