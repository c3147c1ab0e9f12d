/*
 * One scenario in processes of its own: a controller, pinned to one CPU, and its P0..P5. The
 * transcript comes back through shared memory, so that it is there even if the controller had to
 * be killed. Never runs anything of a scenario in the calling process.
 */
#include "agent.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT_MS = 6000 }; /* the controller gives up after two seconds and one to clean up */

volatile sig_atomic_t stop_asked;

struct transcript *transcript_make(void) {
  int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE;
  void *at = mmap(NULL, sizeof(struct transcript), PROT_READ | PROT_WRITE, flags, -1, 0);
  if (at == MAP_FAILED) {
    perror("agent: transcript");
    exit(1);
  }
  return at;
}

/* The last CPU allowed: interrupts prefer the first ones. */
static void pin(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return;
  int cpu = CPU_SETSIZE - 1;
  while (cpu > 0 && !CPU_ISSET(cpu, &set)) cpu--;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof set, &set);
}

static _Noreturn void controller_main(const char *scenario, struct transcript *transcript) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  signal(SIGHUP, SIG_DFL);
  signal(SIGPIPE, SIG_DFL);
  pin();
  setpriority(PRIO_PROCESS, 0, -20);
  scenario_control(scenario, transcript);
  _exit(0);
}

/* False: it had to be killed. */
static bool await(pid_t pid) {
  int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  struct pollfd p = {.fd = fd, .events = POLLIN};
  bool ended = fd < 0 || poll(&p, 1, LIMIT_MS) == 1;
  if (fd >= 0) close(fd);
  if (!ended) kill(pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return ended && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int scenario_run(const char *scenario, struct transcript *transcript) {
  transcript->status = RAN;
  transcript->len = 0;
  env_turn_take();
  pid_t pid = fork();
  if (pid == 0) controller_main(scenario, transcript);
  if (pid < 0 || !await(pid)) transcript->status = WATCHDOG;
  env_turn_give();
  return transcript->status;
}

static char *file_text(const char *path) {
  FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
  char *text = NULL;
  size_t cap = 0;
  if (!file) return NULL;
  if (getdelim(&text, &cap, '\0', file) < 0 && !ferror(file)) text = strdup("");
  fclose(file);
  return text;
}

int run_file(const char *path) {
  char *scenario = file_text(path);
  if (!scenario) {
    perror(path);
    return 1;
  }
  struct transcript *transcript = transcript_make();
  int status = scenario_run(scenario, transcript);
  fwrite(transcript->text, 1, transcript->len, stdout);
  free(scenario);
  return status;
}
