/*
 * The processes P0..P5: five threads each that wait for an operation, perform it and leave its
 * result on the board. Owns the signal handlers, hence faults that become signals. Everything
 * runs under SCHED_FIFO on one CPU; no thread is ever preempted by another one.
 */
#include "agent.h"
#include "uapi.h"

#include <linux/futex.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int own_process;

enum { STACK_BYTES = 256 << 10 };

/* --- faults that become signals -------------------------------------------------------------- */

static __thread struct {
  volatile bool armed;
  struct trap trap;
  sigjmp_buf jump;
} guard;

static void on_fault(int signal, siginfo_t *info, void *context) {
  (void)context;
  if (!guard.armed) { /* not an access of the scenario: fault again, and die of it */
    sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    return;
  }
  guard.armed = false;
  guard.trap = (struct trap){signal, info->si_code, (uint64_t)info->si_addr, 0};
  if (signal == SIGBUS && info->si_code == BUS_MCEERR_AR_CODE) {
    guard.trap.lsb = info->si_addr_lsb;
  }
  siglongjmp(guard.jump, 1);
}

static void on_user_signal(int signal) { (void)signal; }

void catch_signals(void) {
  struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigaction(SIGSEGV, &fault, NULL);
  sigaction(SIGBUS, &fault, NULL);
  struct sigaction user = {.sa_handler = on_user_signal, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &user, NULL);
}

bool guarded(void (*body)(void *), void *arg, struct trap *trap) {
  if (sigsetjmp(guard.jump, 0)) {
    *trap = guard.trap;
    return false;
  }
  guard.armed = true;
  body(arg);
  guard.armed = false;
  return true;
}

/* --- workers --------------------------------------------------------------------------------- */

static void perform(struct worker *w) {
  struct op op;
  struct text result = text_over(w->result, sizeof w->result);
  struct call call = {.op = &op, .result = &result};
  op_parse(&op, w->line);
  operation *perform_it = operation_find(op.name);
  if (perform_it) perform_it(&call);
  else put(&result, "BADOP");
  w->result_len = result.len;
}

static _Noreturn void worker_loop(struct worker *w) {
  for (uint32_t done = 0;;) {
    while (w->ordered == done) {
      syscall(SYS_futex, &w->ordered, FUTEX_WAIT, done, NULL, NULL, 0);
    }
    perform(w);
    w->finished = ++done;
  }
}

static void *thread_main(void *arg) {
  struct worker *w = arg;
  w->tid = (pid_t)syscall(SYS_gettid);
  worker_loop(w);
}

static void threads_start(struct process *p) {
  pthread_attr_t attr;
  pthread_t thread;
  pthread_attr_init(&attr);
  pthread_attr_setstacksize(&attr, STACK_BYTES);
  for (int i = 1; i < WORKERS; i++) {
    if (pthread_create(&thread, &attr, thread_main, &p->workers[i]) != 0) abort();
  }
  pthread_attr_destroy(&attr);
}

/* The calling thread becomes worker M of the process, whatever it was in the one it forked from. */
void process_main(int process) {
  struct process *p = &board->processes[process];
  own_process = process;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  p->pid = getpid();
  p->workers[0].tid = (pid_t)syscall(SYS_gettid);
  threads_start(p);
  p->ready = true;
  worker_loop(&p->workers[0]);
}

void process_first(void) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
  void *buf = mmap((void *)BUF_BASE, BUF_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (buf != (void *)BUF_BASE) abort();
  syscall(SYS_close_range, 3u, ~0u, 0u);
  catch_signals();
  scheduling_enter();
  process_main(0);
}
