/*
 * One line of a scenario: comment cut, words split, WHO recognised, keys set apart from positional
 * words. Owns the grammar of FORMAT.md "Scenario text" up to the words; never their values.
 */
#include "agent.h"

#include <string.h>

static const char *const WORKER_NAMES[WORKERS] = {"M", "T0", "T1", "T2", "T3"};

const char *worker_name(int worker) { return WORKER_NAMES[worker]; }

static bool worker_parse(const char *word, int *worker) {
  for (int i = 0; i < WORKERS; i++) {
    if (strcmp(word, WORKER_NAMES[i]) != 0) continue;
    *worker = i;
    return true;
  }
  return false;
}

bool who_parse(const char *word, int *process, int *worker) {
  *process = 0;
  *worker = 0;
  if (word[0] == 'T') return worker_parse(word, worker);
  if (word[0] != 'P' || word[1] < '0' || word[1] >= '0' + PROCESSES) return false;
  *process = word[1] - '0';
  if (word[2] == '\0') return true;
  return word[2] == '.' && worker_parse(word + 3, worker);
}

static void op_add_word(struct op *op, char *word) {
  char *equals = strchr(word, '=');
  if (equals) {
    *equals = '\0';
    op->keys[op->key_count++] = (struct key){word, equals + 1};
  } else {
    op->args[op->arg_count++] = word;
  }
}

/* The first word is WHO or the operation, never a key: `a=b` alone is an unknown operation. */
bool op_parse(struct op *op, const char *line) {
  memset(op, 0, sizeof *op);
  size_t n = strcspn(line, "#\n");
  if (n >= LINE_BYTES) n = LINE_BYTES - 1;
  memcpy(op->words, line, n);
  struct text joined = text_over(op->line, sizeof op->line);
  char *rest = op->words;
  for (int i = 0; i < WORDS; i++) {
    char *word = strtok_r(i == 0 ? op->words : NULL, " \t\r", &rest);
    if (!word) break;
    put(&joined, i == 0 ? "%s" : " %s", word);
    if (i == 0 && who_parse(word, &op->process, &op->worker)) {
      op->has_who = true;
    } else if (!op->name) {
      op->name = word;
    } else {
      op_add_word(op, word);
    }
  }
  return joined.len > 0;
}
