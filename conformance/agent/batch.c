/*
 * Many scenarios over one pair of pipes. In: `=== NAME`, then the scenario; the next such line, a
 * bare `===` or the end of the input ends it. Out, for each: `=== NAME STATUS`, then the
 * transcript, flushed. Each runs in processes of its own.
 */
#include "agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct growing {
  char *at;
  size_t len, cap;
};

static void grow(struct growing *g, const char *bytes, size_t n) {
  if (g->len + n + 1 > g->cap) {
    g->cap = (g->len + n + 1) * 2;
    g->at = realloc(g->at, g->cap);
    if (!g->at) abort();
  }
  memcpy(g->at + g->len, bytes, n);
  g->len += n;
  g->at[g->len] = '\0';
}

static void run_one(const char *name, const struct growing *text, struct transcript *transcript) {
  int status = scenario_run(text->at, transcript);
  printf("=== %s %d\n", name, status);
  fwrite(transcript->text, 1, transcript->len, stdout);
  fflush(stdout);
}

int run_batch(void) {
  struct transcript *transcript = transcript_make();
  struct growing text = {NULL, 0, 0};
  char *line = NULL, *name = NULL;
  size_t cap = 0;
  for (;;) {
    ssize_t n = stop_asked ? -1 : getline(&line, &cap, stdin);
    bool frame = n >= 3 && strncmp(line, "===", 3) == 0;
    if (n >= 0 && !frame) {
      if (name) grow(&text, line, (size_t)n);
      continue;
    }
    if (name && !stop_asked) run_one(name, &text, transcript);
    free(name);
    name = NULL;
    if (n < 0) break;
    line[strcspn(line, "\n")] = '\0';
    if (line[3]) name = strdup(line + 3 + strspn(line + 3, " "));
    text.len = 0;
    grow(&text, "", 0);
  }
  free(line);
  free(text.at);
  return ferror(stdout) ? 1 : 0;
}
