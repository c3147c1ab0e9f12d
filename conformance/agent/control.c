/*
 * The controller: gives one operation at a time, waits until the system is quiet and prints. An
 * ordinary process on the workers' CPU, so it runs only while all of them sleep. Owns the
 * transcript; answers to FORMAT.md "Execution model" and "Transcript".
 */
#include "agent.h"

#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct transcript *transcript;
static struct text out;

static void saw(int status) {
  int now = transcript->status;
  if (now == WATCHDOG || (now == STUCK && status != WATCHDOG)) return;
  transcript->status = status;
}

static bool pending(const struct worker *w) { return w->ordered != w->finished; }

/* --- printing -------------------------------------------------------------------------------- */

/* A result's first line goes on the line that was begun, each other one gets its own. */
static void put_result(const struct worker *w) {
  const char *at = w->result, *end = w->result + w->result_len;
  for (const char *bar = ""; at <= end; bar = "| ") {
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    const char *stop = newline ? newline : end;
    put(&out, "%s%.*s\n", bar, (int)(stop - at), at);
    at = stop + 1;
  }
}

static void put_finished(void) {
  for (int i = 0; i < PROCESSES; i++) {
    for (int j = 0; j < WORKERS; j++) {
      struct worker *w = &board->processes[i].workers[j];
      if (w->printed == w->finished) continue;
      w->printed = w->finished;
      put(&out, "~ P%d.%s ", i, worker_name(j));
      put_result(w);
    }
  }
}

static void put_end(void) {
  const char *before = " blocked=";
  put(&out, ". end");
  for (int i = 0; i < PROCESSES; i++) {
    if (board->processes[i].life != ALIVE) continue;
    for (int j = 0; j < WORKERS; j++) {
      if (!pending(&board->processes[i].workers[j])) continue;
      put(&out, "%sP%d.%s", before, i, worker_name(j));
      before = ",";
    }
  }
  put(&out, "\n");
}

/* --- one operation --------------------------------------------------------------------------- */

/* False: time is up, the scenario is over. */
static bool settle(void) {
  switch (quiet_wait()) {
    case QUIET: return true;
    case NOT_QUIET:
      put(&out, "! stuck\n");
      saw(STUCK);
      return true;
    default:
      put(&out, "! watchdog\n");
      saw(WATCHDOG);
      return false;
  }
}

static void give(struct worker *w, const char *line) {
  memcpy(w->line, line, strlen(line) + 1);
  w->ordered++;
  syscall(SYS_futex, &w->ordered, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void put_outcome(struct process *p, struct worker *w) {
  put(&out, "= ");
  if (!pending(w)) {
    w->printed = w->finished;
    if (w->result_len == 5 && memcmp(w->result, "BADOP", 5) == 0) saw(SAW_BADOP);
    put_result(w);
  } else if (p->life == ALIVE) {
    put(&out, "blocked\n");
  } else {
    put(&out, p->exits ? "exited\n" : "died\n");
  }
}

static bool step_worker(const struct op *op) {
  struct process *p = &board->processes[op->process];
  struct worker *w = &p->workers[op->worker];
  if (!op->name) {
    put(&out, "= BADOP\n");
    saw(SAW_BADOP);
  } else if (p->life != ALIVE) {
    put(&out, "= dead\n");
  } else if (pending(w)) {
    put(&out, "= busy\n");
  } else {
    give(w, op->line);
    if (!settle()) return false;
    put_outcome(p, w);
    put_finished();
  }
  return true;
}

/* --- the controller's own operations ---------------------------------------------------------- */

static void put_joined(const struct worker *w) {
  put(&out, "= ");
  if (pending(w)) put(&out, "blocked\n");
  else if (w->finished) put_result(w);
  else put(&out, "idle\n");
}

static bool is_own(const char *name) {
  return name && (!strcmp(name, "join") || !strcmp(name, "signal") || !strcmp(name, "kill"));
}

static bool step_own(const struct op *op) {
  int process, worker;
  if (op->arg_count == 0 || !who_parse(op->args[0], &process, &worker)) {
    put(&out, "= BADOP\n");
    saw(SAW_BADOP);
    return true;
  }
  struct process *p = &board->processes[process];
  struct worker *w = &p->workers[worker];
  if (p->life != ALIVE) {
    put(&out, "= dead\n");
    return true;
  }
  if (strcmp(op->name, "join") == 0) {
    put_joined(w);
    return true;
  }
  bool kills = strcmp(op->name, "kill") == 0;
  if (kills) {
    p->life = ENDING;
    kill(p->pid, SIGKILL);
  } else {
    syscall(SYS_tgkill, p->pid, w->tid, SIGUSR1);
  }
  if (!settle()) return false;
  put(&out, kills ? "= killed\n" : "= ok\n");
  put_finished();
  return true;
}

/* --- one scenario ---------------------------------------------------------------------------- */

static bool step(const char *line) {
  struct op op;
  if (!op_parse(&op, line)) return true;
  put(&out, "> %s\n", op.line);
  return is_own(op.name) ? step_own(&op) : step_worker(&op);
}

static bool first_process(void) {
  struct process *p = &board->processes[0];
  p->life = ALIVE;
  pid_t pid = fork();
  if (pid == 0) process_first();
  if (pid > 0) p->pid = pid;
  return pid > 0 && settle();
}

void scenario_control(const char *scenario, struct transcript *into) {
  transcript = into;
  out = text_over(into->text, sizeof into->text);
  quiet_start();
  board_make();
  bool goes_on = first_process();
  while (goes_on && *scenario) {
    size_t n = strcspn(scenario, "\n");
    char line[LINE_BYTES];
    snprintf(line, sizeof line, "%.*s", (int)n, scenario);
    goes_on = step(line);
    scenario += n + (scenario[n] == '\n');
    transcript->len = out.len;
  }
  put_end();
  transcript->len = out.len;
  processes_end();
}
