/*
 * When is the system quiet? The controller may go on when every worker is idle or asleep inside
 * userfaultfd and every ended process is gone. Reads /proc of the scenario's own processes and
 * reaps them; never touches scenario memory.
 */
#include "agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

enum { WATCHDOG_MS = 2000, STUCK_MS = 400, NAP_US = 50, STILL_NAP_US = 500, STILL_PASSES = 10 };

static double start_ms;
static bool names_sleepers; /* /proc/PID/wchan says in which function a thread sleeps */

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void nap(long us) { nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL); }

/* Before 5.16 wchan names none of userfaultfd's waits. */
static bool kernel_names_sleepers(void) {
  struct utsname name;
  int major = 0, minor = 0;
  uname(&name);
  if (sscanf(name.release, "%d.%d", &major, &minor) != 2) return true;
  return major > 5 || (major == 5 && minor >= 16);
}

void quiet_start(void) {
  start_ms = now_ms();
  names_sleepers = kernel_names_sleepers();
}

static void reap(void) {
  for (pid_t pid; (pid = waitpid(-1, NULL, WNOHANG)) > 0;) {
    for (int i = 0; i < PROCESSES; i++) {
      struct process *p = &board->processes[i];
      if (p->pid == pid && p->life != UNBORN) p->life = ENDED;
    }
  }
}

static bool task_file(const struct process *p, const struct worker *w, const char *file, char *line,
                      size_t cap) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task/%d/%s", p->pid, w->tid, file);
  return file_read(path, line, cap);
}

/* Off the run queue, and (where the kernel tells) in a function of userfaultfd. */
static bool asleep(const struct process *p, const struct worker *w) {
  char line[512];
  if (!task_file(p, w, "stat", line, sizeof line)) return false;
  const char *state = strrchr(line, ')');
  if (!state || !strchr("SD", state[2])) return false;
  if (!names_sleepers) return true;
  return task_file(p, w, "wchan", line, sizeof line) && strstr(line, "userfault");
}

static bool process_quiet(const struct process *p) {
  if (p->life == ENDING) return false;
  if (p->life != ALIVE) return true;
  if (!p->ready) return false;
  for (int i = 0; i < WORKERS; i++) {
    const struct worker *w = &p->workers[i];
    if (w->finished != w->ordered && !asleep(p, w)) return false;
  }
  return true;
}

static bool all_quiet(void) {
  for (int i = 0; i < PROCESSES; i++) {
    if (!process_quiet(&board->processes[i])) return false;
  }
  return true;
}

/* Grows with every finished operation, birth and end. */
static uint64_t progress(void) {
  uint64_t sum = 0;
  for (int i = 0; i < PROCESSES; i++) {
    const struct process *p = &board->processes[i];
    sum += (uint64_t)p->life + p->ready;
    for (int j = 0; j < WORKERS; j++) sum += p->workers[j].finished;
  }
  return sum;
}

enum quiet quiet_wait(void) {
  double begin = now_ms();
  uint64_t before = UINT64_MAX;
  int wanted = names_sleepers ? 2 : STILL_PASSES;
  for (int passes = 0;;) {
    reap();
    uint64_t now = progress();
    if (now != before) passes = 0;
    before = now;
    bool quiet = all_quiet();
    passes = quiet ? passes + 1 : 0;
    if (passes == wanted) return QUIET;
    double time = now_ms();
    if (time - start_ms > WATCHDOG_MS) return OUT_OF_TIME;
    if (time - begin > STUCK_MS) return NOT_QUIET;
    if (!quiet) nap(NAP_US);
    else if (!names_sleepers) nap(STILL_NAP_US);
  }
}

/* Kills what is left and waits, for at most a second, until it is gone. */
void processes_end(void) {
  bool left = true;
  for (double begin = now_ms(); left && now_ms() - begin < 1000; nap(NAP_US)) {
    left = false;
    reap();
    for (int i = 0; i < PROCESSES; i++) {
      struct process *p = &board->processes[i];
      if (p->pid == 0 || p->life == ENDED || p->life == UNBORN) continue;
      kill(p->pid, SIGKILL);
      left = true;
    }
  }
}
