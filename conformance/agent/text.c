/*
 * A bounded buffer that is only ever appended to. Owns no memory; never overruns: what does not
 * fit is cut. Used from workers, so it must not allocate or lock (vsnprintf does neither here).
 */
#include "agent.h"

#include <stdarg.h>
#include <stdio.h>

struct text text_over(char *buffer, size_t cap) {
  buffer[0] = '\0';
  return (struct text){.at = buffer, .len = 0, .cap = cap};
}

void put(struct text *t, const char *format, ...) {
  va_list list;
  va_start(list, format);
  int n = vsnprintf(t->at + t->len, t->cap - t->len, format, list);
  va_end(list);
  size_t room = t->cap - t->len - 1;
  if (n > 0) t->len += (size_t)n < room ? (size_t)n : room;
}
