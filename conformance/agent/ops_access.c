/*
 * Accesses to scenario memory: single instructions (read, write, rmw) and system calls that copy
 * from or to it (sysread, syswrite, vmread, vmwrite). The only places that touch a window's
 * contents on purpose; a fault that becomes a signal is the result.
 */
#include "agent.h"
#include "uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

enum { TRANSFER_BYTES = 16384 };

struct access {
  uint64_t addr, value;
  uint64_t size;
  struct rusage before, after;
};

/* --- one instruction ------------------------------------------------------------------------- */

static void load(void *arg) {
  struct access *a = arg;
  uint8_t v1 = 0;
  uint16_t v2 = 0;
  uint32_t v4 = 0;
  uint64_t v8 = 0;
  switch (a->size) {
    case 1: __asm__ volatile("movb (%1), %0" : "=q"(v1) : "r"(a->addr) : "memory"); break;
    case 2: __asm__ volatile("movw (%1), %0" : "=r"(v2) : "r"(a->addr) : "memory"); break;
    case 4: __asm__ volatile("movl (%1), %0" : "=r"(v4) : "r"(a->addr) : "memory"); break;
    default: __asm__ volatile("movq (%1), %0" : "=r"(v8) : "r"(a->addr) : "memory"); break;
  }
  a->value = v1 | v2 | v4 | v8;
}

static void store(void *arg) {
  struct access *a = arg;
  uint64_t v = a->value;
  switch (a->size) {
    case 1: __asm__ volatile("movb %0, (%1)" ::"q"((uint8_t)v), "r"(a->addr) : "memory"); break;
    case 2: __asm__ volatile("movw %0, (%1)" ::"r"((uint16_t)v), "r"(a->addr) : "memory"); break;
    case 4: __asm__ volatile("movl %0, (%1)" ::"r"((uint32_t)v), "r"(a->addr) : "memory"); break;
    default: __asm__ volatile("movq %0, (%1)" ::"r"(v), "r"(a->addr) : "memory"); break;
  }
}

static void add_locked(void *arg) {
  struct access *a = arg;
  uint8_t old = (uint8_t)a->value;
  __asm__ volatile("lock xaddb %0, (%1)" : "+q"(old) : "r"(a->addr) : "memory");
  a->value = old;
}

static void put_trap(struct text *t, const struct trap *trap) {
  const char *code = "?";
  if (trap->signal == SIGBUS && trap->code == BUS_ADRERR_CODE) code = "ADRERR";
  if (trap->signal == SIGBUS && trap->code == BUS_MCEERR_AR_CODE) code = "MCEERR_AR";
  if (trap->code == SI_KERNEL) code = "KERNEL"; /* an address that is not canonical */
  if (trap->signal == SIGSEGV && trap->code == SEGV_MAPERR_CODE) code = "MAPERR";
  if (trap->signal == SIGSEGV && trap->code == SEGV_ACCERR_CODE) code = "ACCERR";
  put(t, "%s/%s addr=", trap->signal == SIGBUS ? "SIGBUS" : "SIGSEGV", code);
  put_addr(t, trap->addr);
  if (trap->lsb) put(t, " lsb=%d", trap->lsb);
}

/* False: the access became a signal, which is the result. */
static bool access_memory(struct call *c, struct access *a, void (*body)(void *)) {
  struct trap trap;
  getrusage(RUSAGE_THREAD, &a->before);
  getrusage(RUSAGE_THREAD, &a->before); /* what the first one touches is there now */
  bool done = guarded(body, a, &trap);
  getrusage(RUSAGE_THREAD, &a->after);
  if (!done) put_trap(c->result, &trap);
  return done;
}

/* The faults that the access took, when the word `faults` asks for them. */
static void put_faults(struct call *c, const struct access *a) {
  if (!has_word(c, "faults")) return;
  put(c->result, " min=%ld maj=%ld", a->after.ru_minflt - a->before.ru_minflt,
      a->after.ru_majflt - a->before.ru_majflt);
}

static struct access take_access(struct call *c) {
  struct access a = {.addr = take_addr(c)};
  a.addr += key_number(c, "off", 0);
  a.size = key_number(c, "size", 1);
  a.value = key_number(c, "val", 0x41);
  if (a.size != 1 && a.size != 2 && a.size != 4 && a.size != 8) c->bad = true;
  return a;
}

void op_read(struct call *c) {
  struct access a = take_access(c);
  if (!ready(c) || !access_memory(c, &a, load)) return;
  put(c->result, "0x%02llx", (unsigned long long)a.value);
  put_faults(c, &a);
}

void op_write(struct call *c) {
  struct access a = take_access(c);
  if (!ready(c) || !access_memory(c, &a, store)) return;
  put(c->result, "ok");
  put_faults(c, &a);
}

void op_rmw(struct call *c) {
  struct access a = take_access(c);
  if (!ready(c) || !access_memory(c, &a, add_locked)) return;
  put(c->result, "0x%02llx", (unsigned long long)a.value);
  put_faults(c, &a);
}

/* --- kernel-mode copies ---------------------------------------------------------------------- */

struct transfer {
  uint64_t addr, len;
  uint8_t value;
};

static struct transfer take_transfer(struct call *c) {
  struct transfer t = {.addr = take_addr(c)};
  t.addr += key_number(c, "off", 0);
  t.len = key_number(c, "n", 8);
  t.value = (uint8_t)key_number(c, "val", 0x41);
  if (t.len > TRANSFER_BYTES) c->bad = true;
  return t;
}

static void put_data(struct call *c, const uint8_t *bytes, ssize_t n) {
  if (n < 0) return report_errno(c, errno);
  put(c->result, "%zd data=", n);
  put_bytes(c->result, bytes, (size_t)n);
}

static void put_count(struct call *c, ssize_t n) {
  if (n < 0) report_errno(c, errno);
  else put(c->result, "%zd", n);
}

void op_sysread(struct call *c) {
  struct transfer t = take_transfer(c);
  if (!ready(c)) return;
  uint8_t bytes[TRANSFER_BYTES];
  int ends[2];
  memset(bytes, t.value, t.len);
  if (pipe2(ends, O_CLOEXEC) != 0) return report_errno(c, errno);
  ssize_t n = write(ends[1], bytes, t.len);
  if (n >= 0) n = read(ends[0], (void *)t.addr, t.len);
  put_count(c, n);
  close(ends[0]);
  close(ends[1]);
}

void op_syswrite(struct call *c) {
  struct transfer t = take_transfer(c);
  if (!ready(c)) return;
  uint8_t bytes[TRANSFER_BYTES];
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return report_errno(c, errno);
  ssize_t n = write(ends[1], (void *)t.addr, t.len);
  if (n > 0) n = read(ends[0], bytes, (size_t)n);
  put_data(c, bytes, n);
  close(ends[0]);
  close(ends[1]);
}

typedef ssize_t vm_call(pid_t, const struct iovec *, unsigned long, const struct iovec *,
                        unsigned long, unsigned long);

/* process_vm_readv and writev have the same form. */
static ssize_t vm_transfer(int process, const struct transfer *t, uint8_t *bytes, vm_call *call) {
  const struct process *p = &board->processes[process];
  if (p->life != ALIVE) {
    errno = ESRCH;
    return -1;
  }
  struct iovec local = {bytes, t->len}, remote = {(void *)t->addr, t->len};
  return call(p->pid, &local, 1, &remote, 1, 0);
}

void op_vmread(struct call *c) {
  int process = take_process(c);
  struct transfer t = take_transfer(c);
  if (!ready(c)) return;
  uint8_t bytes[TRANSFER_BYTES];
  put_data(c, bytes, vm_transfer(process, &t, bytes, process_vm_readv));
}

void op_vmwrite(struct call *c) {
  int process = take_process(c);
  struct transfer t = take_transfer(c);
  if (!ready(c)) return;
  uint8_t bytes[TRANSFER_BYTES];
  memset(bytes, t.value, t.len);
  put_count(c, vm_transfer(process, &t, bytes, process_vm_writev));
}
