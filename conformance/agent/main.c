/*
 * The kernel agent: runs scenarios of FORMAT.md on the kernel it is started on and prints their
 * transcripts. Owns the command line, the signals that end it early, and entering and leaving the
 * environment; never runs an operation itself.
 */
#include "agent.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char USAGE[] =
    "usage: agent [--swap] [--files DIR] FILE.scn   print the transcript (- reads stdin)\n"
    "       agent [--swap] [--files DIR] --batch    `=== NAME` framed scenarios from stdin\n"
    "       agent --probe                           one JSON line about this machine\n"
    "  --swap       make a zram swap device for the run and remove it afterwards\n"
    "  --files DIR  where regular files are made, unlinked (/var/tmp; should be ext4)\n"
    "exit status: 0 ran, 2 BADOP seen or userfaultfd unusable, 3 watchdog, 4 stuck, 1 usage\n";

static void on_stop(int signal) {
  (void)signal;
  stop_asked = 1;
  close(STDIN_FILENO); /* a wait for input that was just about to begin ends too */
}

/* Without SA_RESTART: waits for input or a scenario end early, and the environment is restored. */
static void catch_stops(void) {
  struct sigaction stop = {.sa_handler = on_stop};
  sigaction(SIGINT, &stop, NULL);
  sigaction(SIGTERM, &stop, NULL);
  sigaction(SIGHUP, &stop, NULL);
  sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
}

static int run(const char *file, bool batch, bool swap) {
  const char *remedy = NULL, *trouble = uffd_trouble(&remedy);
  if (trouble) {
    fprintf(stderr, "agent: userfaultfd: %s: %s\n", trouble, remedy);
    return 2;
  }
  if (!fifo_possible()) fprintf(stderr, "agent: no SCHED_FIFO; orders may differ\n");
  catch_stops();
  env_enter(swap);
  int status = batch ? run_batch() : run_file(file);
  env_leave();
  return status;
}

int main(int argc, char **argv) {
  const char *file = NULL;
  bool batch = false, swap = false, probing = false;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--batch") == 0) batch = true;
    else if (strcmp(argv[i], "--swap") == 0) swap = true;
    else if (strcmp(argv[i], "--probe") == 0) probing = true;
    else if (strcmp(argv[i], "--files") == 0 && i + 1 < argc) files_folder = argv[++i];
    else if (argv[i][0] == '-' && argv[i][1]) return fputs(USAGE, stderr), 1;
    else file = argv[i];
  }
  if (probing) return probe();
  if (!batch == !file) return fputs(USAGE, stderr), 1;
  return run(file, batch, swap);
}
