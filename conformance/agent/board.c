/*
 * The shared memory over which the controller gives operations to workers and reads results.
 * It is mapped before P0 is made, so every process of a scenario has it at the same address, far
 * from the windows. Never holds scenario memory.
 */
#include "agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

struct board *board;

void board_make(void) {
  int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE;
  board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (board == MAP_FAILED) {
    perror("agent: board");
    exit(1);
  }
}

static bool find_tid_in(int process, pid_t tid, int *worker) {
  for (int i = 0; i < WORKERS; i++) {
    if (board->processes[process].workers[i].tid != tid) continue;
    *worker = i;
    return true;
  }
  return false;
}

/* The living first: a number may have been used again. */
bool board_find_tid(pid_t tid, int *process, int *worker) {
  for (int dead = 0; dead < 2; dead++) {
    for (*process = 0; *process < PROCESSES; ++*process) {
      bool living = board->processes[*process].life == ALIVE;
      if (living != !dead) continue;
      if (find_tid_in(*process, tid, worker)) return true;
    }
  }
  return false;
}
