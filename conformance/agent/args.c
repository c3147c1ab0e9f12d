/*
 * What an operation takes from its line: positional words in order, keys by name. Owns the rule
 * that everything is parsed (BADOP), then every name looked up (NOFD), before any system call.
 */
#include "agent.h"

#include <errno.h>
#include <string.h>

bool ready(struct call *c) {
  if (c->bad) put(c->result, "BADOP");
  else if (c->no_fd) put(c->result, "NOFD");
  return !c->bad && !c->no_fd;
}

bool more_words(const struct call *c) { return c->next < c->op->arg_count; }

const char *take_word(struct call *c) {
  if (more_words(c)) return c->op->args[c->next++];
  c->bad = true;
  return "";
}

uint64_t take_addr(struct call *c) {
  uint64_t addr = 0;
  if (!parse_addr(take_word(c), &addr)) c->bad = true;
  return addr;
}

uint64_t take_len(struct call *c, uint64_t unit) {
  uint64_t bytes = 0;
  if (!parse_len(take_word(c), unit, &bytes)) c->bad = true;
  return bytes;
}

uint64_t take_number(struct call *c) {
  uint64_t value = 0;
  if (!parse_number(take_word(c), &value)) c->bad = true;
  return value;
}

uint64_t take_number_or(struct call *c, uint64_t otherwise) {
  return more_words(c) ? take_number(c) : otherwise;
}

uint64_t take_set(struct call *c, const struct flag *known) {
  uint64_t bits = 0;
  if (!parse_set(take_word(c), known, &bits)) c->bad = true;
  return bits;
}

uint64_t take_choice(struct call *c, const struct flag *known) {
  const char *word = take_word(c);
  for (; known->name; known++) {
    if (strcmp(known->name, word) == 0) return known->bits;
  }
  c->bad = true;
  return 0;
}

int take_process(struct call *c) {
  const char *word = take_word(c);
  if (word[0] == 'P' && word[1] >= '0' && word[1] < '0' + PROCESSES && !word[2]) {
    return word[1] - '0';
  }
  c->bad = true;
  return 0;
}

struct name *take_name(struct call *c) {
  static struct name nobody = {.fd = -1};
  const char *word = take_word(c);
  if (!name_valid(word)) c->bad = true;
  struct name *name = name_find(word);
  if (!name) c->no_fd = true;
  return name ? name : &nobody;
}

const char *take_new_name(struct call *c) {
  const char *word = take_word(c);
  if (!name_valid(word) || !name_room(word)) c->bad = true;
  return word;
}

bool has_word(const struct call *c, const char *word) {
  for (int i = c->next; i < c->op->arg_count; i++) {
    if (strcmp(c->op->args[i], word) == 0) return true;
  }
  return false;
}

const char *key_text(const struct call *c, const char *key) {
  for (int i = 0; i < c->op->key_count; i++) {
    if (strcmp(c->op->keys[i].name, key) == 0) return c->op->keys[i].value;
  }
  return NULL;
}

uint64_t key_number(struct call *c, const char *key, uint64_t otherwise) {
  const char *text = key_text(c, key);
  if (text && !parse_number(text, &otherwise)) c->bad = true;
  return otherwise;
}

uint64_t key_addr(struct call *c, const char *key, uint64_t otherwise) {
  const char *text = key_text(c, key);
  if (text && !parse_addr(text, &otherwise)) c->bad = true;
  return otherwise;
}

uint64_t key_set(struct call *c, const char *key, const struct flag *known, uint64_t otherwise) {
  const char *text = key_text(c, key);
  if (text && !parse_set(text, known, &otherwise)) c->bad = true;
  return otherwise;
}

struct fill key_fill(struct call *c, uint8_t otherwise) {
  const char *text = key_text(c, "fill");
  struct fill fill = {.value = otherwise, .given = text};
  if (!text) return fill;
  uint64_t value = 0x10;
  fill.sequence = strncmp(text, "seq", 3) == 0;
  if (fill.sequence) text += 3;
  if ((!fill.sequence || *text) && !parse_number(text, &value)) c->bad = true;
  fill.value = (uint8_t)value;
  return fill;
}

/* A key that gives a new name; NULL without it. */
const char *key_new_name(struct call *c, const char *key) {
  const char *text = key_text(c, key);
  if (text && !name_valid(text)) c->bad = true;
  return text;
}

uint8_t fill_at(struct fill fill, uint64_t index) {
  return (uint8_t)(fill.sequence ? fill.value + index : fill.value);
}

void report_errno(struct call *c, int error) { put(c->result, "%s", errno_name(error)); }

bool report(struct call *c, long returned) {
  if (returned < 0) report_errno(c, errno);
  else put(c->result, "ok");
  return returned >= 0;
}
