/*
 * Operations on the address space: map, munmap, mprotect, mlock, mremap, madvise, swapout.
 * Each is the system call of its name; never looks at the memory afterwards (swapout counts
 * present pages through pagemap).
 */
#include "agent.h"
#include "uapi.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct flag PROTS[] = {
    {"rw", PROT_READ | PROT_WRITE},
    {"r", PROT_READ},
    {"w", PROT_WRITE},
    {"none", PROT_NONE},
    {"rx", PROT_READ | PROT_EXEC},
    {"rwx", PROT_READ | PROT_WRITE | PROT_EXEC},
    {NULL, 0},
};

static const struct flag MAP_FLAGS[] = {
    {"fixed", MAP_FIXED}, {"populate", MAP_POPULATE}, {"locked", MAP_LOCKED},
    {"noreserve", MAP_NORESERVE}, {"growsdown", MAP_GROWSDOWN}, {NULL, 0},
};

#define HUGE_ANON (MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_2MB_FLAG)

static const struct flag KINDS[] = {
    {"anon", MAP_PRIVATE | MAP_ANONYMOUS},
    {"anon-shared", MAP_SHARED | MAP_ANONYMOUS},
    {"anon-huge", MAP_PRIVATE | HUGE_ANON},
    {"anon-shared-huge", MAP_SHARED | HUGE_ANON},
    {"shared", MAP_SHARED},
    {"priv", MAP_PRIVATE},
    {NULL, 0},
};

static const struct flag MREMAP_FLAGS[] = {
    {"maymove", MREMAP_MAYMOVE}, {"fixed", MREMAP_FIXED},
    {"dontunmap", MREMAP_DONTUNMAP_FLAG}, {NULL, 0},
};

static const struct flag ADVICES[] = {
    {"NORMAL", 0}, {"RANDOM", 1}, {"SEQUENTIAL", 2}, {"WILLNEED", 3}, {"DONTNEED", 4},
    {"FREE", 8}, {"REMOVE", 9}, {"DONTFORK", 10}, {"DOFORK", 11}, {"MERGEABLE", 12},
    {"UNMERGEABLE", 13}, {"HUGEPAGE", 14}, {"NOHUGEPAGE", 15}, {"DONTDUMP", 16},
    {"DODUMP", 17}, {"WIPEONFORK", 18}, {"KEEPONFORK", 19}, {"COLD", 20}, {"PAGEOUT", 21},
    {"POPULATE_READ", 22}, {"POPULATE_WRITE", 23}, {"DONTNEED_LOCKED", 24},
    {"COLLAPSE", 25}, {"GUARD_INSTALL", 102}, {"GUARD_REMOVE", 103}, {NULL, 0},
};

static uint64_t take_prot(struct call *c) { return take_choice(c, PROTS); }

static uint64_t key_prot(struct call *c) {
  const char *text = key_text(c, "prot");
  if (!text) return PROT_READ | PROT_WRITE;
  for (const struct flag *prot = PROTS; prot->name; prot++) {
    if (strcmp(prot->name, text) == 0) return prot->bits;
  }
  c->bad = true;
  return 0;
}

void op_map(struct call *c) {
  uint64_t addr = take_addr(c);
  uint64_t len = take_len(c, unit_of(addr));
  uint64_t flags = take_choice(c, KINDS);
  uint64_t unit = PAGE, off = 0;
  int fd = -1;
  if (!(flags & MAP_ANONYMOUS) && !c->bad) {
    struct name *file = take_name(c);
    fd = file->fd;
    unit = name_unit(file);
  }
  const char *off_text = key_text(c, "off");
  if (off_text && !parse_len(off_text, unit, &off)) c->bad = true;
  uint64_t prot = key_prot(c);
  flags |= key_set(c, "flags", MAP_FLAGS, 0);
  if (!ready(c)) return;
  if (!(flags & MAP_FIXED)) flags |= MAP_NOREPLACE_FLAG;
  report(c, syscall(SYS_mmap, addr, len, prot, flags, fd, off) == -1 ? -1 : 0);
}

void op_munmap(struct call *c) {
  uint64_t addr = take_addr(c);
  uint64_t len = take_len(c, unit_of(addr));
  if (ready(c)) report(c, syscall(SYS_munmap, addr, len));
}

void op_mprotect(struct call *c) {
  uint64_t addr = take_addr(c);
  uint64_t len = take_len(c, unit_of(addr));
  uint64_t prot = take_prot(c);
  if (ready(c)) report(c, syscall(SYS_mprotect, addr, len, prot));
}

static void lock_call(struct call *c, long number) {
  uint64_t addr = take_addr(c);
  uint64_t len = take_len(c, unit_of(addr));
  if (ready(c)) report(c, syscall(number, addr, len));
}

void op_mlock(struct call *c) { lock_call(c, SYS_mlock); }

void op_munlock(struct call *c) { lock_call(c, SYS_munlock); }

void op_mremap(struct call *c) {
  uint64_t old = take_addr(c);
  uint64_t old_len = take_len(c, unit_of(old));
  uint64_t new_len = take_len(c, unit_of(old));
  uint64_t to = key_addr(c, "to", 0);
  uint64_t flags = key_set(c, "flags", MREMAP_FLAGS, 0);
  if (!ready(c)) return;
  if (key_text(c, "to") && !has_word(c, "rawflags")) flags |= MREMAP_MAYMOVE | MREMAP_FIXED;
  long at = syscall(SYS_mremap, old, old_len, new_len, flags, to);
  if (at == -1) report_errno(c, errno);
  else if (window_of((uint64_t)at).name[0]) put_addr(c->result, (uint64_t)at);
  else put(c->result, "elsewhere");
}

void op_madvise(struct call *c) {
  uint64_t addr = take_addr(c);
  uint64_t len = take_len(c, unit_of(addr));
  uint64_t advice = 0;
  const char *word = take_word(c);
  const struct flag *known = ADVICES;
  while (known->name && strcmp(known->name, word) != 0) known++;
  if (known->name) advice = known->bits;
  else if (!parse_number(word, &advice)) c->bad = true;
  if (ready(c)) report(c, syscall(SYS_madvise, addr, len, (int)advice));
}

void op_swapout(struct call *c) {
  enum { ROUNDS = 30 };
  uint64_t addr = take_addr(c);
  uint64_t len = take_len(c, unit_of(addr));
  if (!ready(c)) return;
  int64_t left = 1;
  for (int round = 0; round < ROUNDS && left != 0; round++) {
    if (syscall(SYS_madvise, addr, len, MADV_PAGEOUT) != 0) return report_errno(c, errno);
    left = count_present(addr, len);
    if (left < 0) return report_errno(c, errno);
  }
  if (left == 0) put(c->result, "ok");
  else put(c->result, "partial left=%lld", (long long)left);
}
