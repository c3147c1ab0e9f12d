/*
 * Reading a userfaultfd: event, drain, poll, fdinfo, and the text of a message. Descriptors that
 * FORK messages bring are bound to names or closed at once; none is ever leaked.
 */
#include "agent.h"
#include "uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MESSAGES = 32, AT_ONCE = 16, MESSAGE_TEXT = 160, NAME_STEM = 12 };

static const struct flag FAULT_FLAGS[] = {
    {"WRITE", 1}, {"WP", 2}, {"MINOR", 4}, {"RWP", 8}, {NULL, 0},
};
static const struct flag POLL_FLAGS[] = {
    {"POLLIN", POLLIN}, {"POLLERR", POLLERR}, {"POLLHUP", POLLHUP}, {NULL, 0},
};

static void put_tid(struct text *t, pid_t tid) {
  int process, worker;
  if (tid == 0) put(t, "0");
  else if (board_find_tid(tid, &process, &worker)) put(t, "P%d.%s", process, worker_name(worker));
  else put(t, "?");
}

static void put_pagefault(struct text *t, const struct uffd_message *m) {
  put(t, "PAGEFAULT flags=");
  put_set(t, m->arg[0], FAULT_FLAGS, '|');
  put(t, " addr=");
  put_addr(t, m->arg[1]);
  put(t, " tid=");
  put_tid(t, (pid_t)m->arg[2]);
}

/* NAME for the first of several, NAME1, NAME2.. for the others. */
static void put_fork(struct text *t, const struct uffd_message *m, const char *as, int number) {
  int fd = (int)m->arg[0];
  char name[16];
  struct text stem = text_over(name, sizeof name);
  if (as && number == 0) put(&stem, "%s", as);
  else if (as) put(&stem, "%.*s%d", NAME_STEM, as, number);
  if (as) name_bind(name, fd, false);
  else close(fd);
  put(t, "FORK ufd=%s", as ? name : "closed");
}

static void put_span(struct text *t, const struct uffd_message *m, const char *kind) {
  put(t, "%s start=", kind);
  put_addr(t, m->arg[0]);
  put(t, " end=");
  put_addr(t, m->arg[1]);
}

static void put_message(struct text *t, const struct uffd_message *m, const char *as, int number) {
  switch (m->event) {
    case UFFD_MSG_PAGEFAULT: return put_pagefault(t, m);
    case UFFD_MSG_FORK: return put_fork(t, m, as, number);
    case UFFD_MSG_REMOVE: return put_span(t, m, "REMOVE");
    case UFFD_MSG_UNMAP: return put_span(t, m, "UNMAP");
    case UFFD_MSG_REMAP: break;
    default: return put(t, "EVENT 0x%x", m->event);
  }
  put(t, "REMAP from=");
  put_addr(t, m->arg[0]);
  put(t, " to=");
  put_addr(t, m->arg[1]);
  put(t, " len=");
  put_units(t, m->arg[2], unit_of(m->arg[0]));
}

void op_event(struct call *c) {
  struct name *uffd = take_name(c);
  const char *as = key_new_name(c, "as");
  uint64_t wanted = key_number(c, "n", 1);
  uint64_t size = key_number(c, "size", wanted * sizeof(struct uffd_message));
  struct uffd_message messages[AT_ONCE];
  if (wanted > AT_ONCE || size > sizeof messages) c->bad = true;
  if (!ready(c)) return;
  ssize_t n = read(uffd->fd, messages, size);
  if (n < 0) return report_errno(c, errno);
  int count = (int)((size_t)n / sizeof messages[0]);
  if (wanted != 1) put(c->result, "%d", count);
  for (int i = 0; i < count; i++) {
    char line[MESSAGE_TEXT];
    struct text text = text_over(line, sizeof line);
    put_message(&text, &messages[i], as, i);
    if (wanted != 1) put(c->result, "\n%s", line);
    else if (i == 0) put(c->result, "%s", line);
  }
}

static int compare_lines(const void *a, const void *b) { return strcmp(a, b); }

void op_drain(struct call *c) {
  struct name *uffd = take_name(c);
  const char *as = key_new_name(c, "as");
  if (!ready(c)) return;
  int fd = uffd->fd, count = 0, forks = 0;
  if (!(fcntl(fd, F_GETFL) & O_NONBLOCK)) {
    put(c->result, "notnonblock");
    return;
  }
  char lines[MESSAGES][MESSAGE_TEXT];
  for (; count < MESSAGES; count++) {
    struct uffd_message m;
    ssize_t n = read(fd, &m, sizeof m);
    if (n != sizeof m) {
      if (n < 0 && count == 0 && errno != EAGAIN) return report_errno(c, errno);
      break;
    }
    struct text text = text_over(lines[count], MESSAGE_TEXT);
    put_message(&text, &m, as, forks);
    if (m.event == UFFD_MSG_FORK) forks++;
  }
  qsort(lines, (size_t)count, MESSAGE_TEXT, compare_lines);
  put(c->result, "%d", count);
  for (int i = 0; i < count; i++) put(c->result, "\n%s", lines[i]);
}

void op_poll(struct call *c) {
  struct name *uffd = take_name(c);
  if (!ready(c)) return;
  struct pollfd p = {.fd = uffd->fd, .events = POLLIN};
  if (poll(&p, 1, 0) < 0) return report_errno(c, errno);
  put_set(c->result, (uint16_t)p.revents, POLL_FLAGS, '|');
}

void op_fdinfo(struct call *c) {
  struct name *uffd = take_name(c);
  if (!ready(c)) return;
  char path[64], info[1024];
  struct text t = text_over(path, sizeof path);
  put(&t, "/proc/self/fdinfo/%d", uffd->fd);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return report_errno(c, errno);
  ssize_t n = read(fd, info, sizeof info - 1);
  close(fd);
  info[n < 0 ? 0 : n] = '\0';
  unsigned long pending = 0, total = 0;
  const char *at = strstr(info, "pending:");
  if (!at || sscanf(at, "pending: %lu total: %lu", &pending, &total) != 2) {
    put(c->result, "EINVAL");
    return;
  }
  put(c->result, "pending=%lu total=%lu", pending, total);
}
