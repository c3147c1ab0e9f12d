/*
 * Operations on processes and credentials: fork, exit, setuid, clearrefs, nop. fork is the raw
 * clone call, because the library's fork holds locks while it would sleep in its event; the child
 * is the controller's child too, so that its end is seen whoever else has ended.
 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void op_fork(struct call *c) {
  int number = take_process(c);
  if (number == 0) c->bad = true;
  if (!ready(c)) return;
  struct process *child = &board->processes[number];
  if (child->life != UNBORN) {
    put(c->result, "busy");
    return;
  }
  child->life = FORKING;
  long pid = syscall(SYS_clone, SIGCHLD | CLONE_PARENT, 0, 0, 0, 0);
  if (pid == 0) process_main(number);
  if (pid > 0) child->pid = (pid_t)pid;
  child->life = pid > 0 ? ALIVE : UNBORN;
  report(c, pid);
}

void op_exit(struct call *c) {
  if (!ready(c)) return;
  board->processes[own_process].exits = true;
  syscall(SYS_exit_group, 0);
}

/* For this thread alone: the library's setresuid would change all of them. */
void op_setuid(struct call *c) {
  uint64_t id = take_number(c);
  if (ready(c)) report(c, syscall(SYS_setresuid, id, id, id));
}

void op_clearrefs(struct call *c) {
  const char *text = take_word(c);
  if (!ready(c)) return;
  int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return report_errno(c, errno);
  report(c, write(fd, text, strlen(text)));
  close(fd);
}

void op_nop(struct call *c) { put(c->result, "ok"); }
