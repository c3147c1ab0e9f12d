/*
 * Values on the way out: addresses by window, lengths in units, sets, errno names, runs of bytes
 * and runs of pages. Owns the spelling of FORMAT.md "Transcript"; never makes a system call.
 */
#include "agent.h"

#include <string.h>

void put_addr(struct text *t, uint64_t addr) {
  struct window place = place_of(addr);
  if (!place.name[0]) {
    put(t, "?");
    return;
  }
  uint64_t offset = addr - place.base;
  put(t, "%s+%llu", place.name, (unsigned long long)(offset / place.unit));
  if (offset % place.unit) put(t, ".0x%llx", (unsigned long long)(offset % place.unit));
}

void put_units(struct text *t, uint64_t bytes, uint64_t unit) {
  put(t, "%llu", (unsigned long long)(bytes / unit));
  if (bytes % unit) put(t, ".0x%llx", (unsigned long long)(bytes % unit));
}

void put_set(struct text *t, uint64_t bits, const struct flag *known, char separator) {
  if (bits == 0) {
    put(t, "0");
    return;
  }
  char before[2] = "";
  for (; known->name; known++) {
    if (!(bits & known->bits)) continue;
    put(t, "%s%s", before, known->name);
    bits &= ~known->bits;
    before[0] = separator;
  }
  if (bits) put(t, "%s0x%llx", before, (unsigned long long)bits);
}

const char *errno_name(int error) {
  const char *name = strerrorname_np(error);
  return name ? name : "EUNKNOWN";
}

void summary_add(struct summary *s, const uint8_t *bytes, size_t n) {
  for (size_t i = 0; i < n && s->runs <= 8;) {
    size_t same = i + 1;
    while (same < n && bytes[same] == bytes[i]) same++;
    if (s->runs > 0 && s->byte[s->runs - 1] == bytes[i]) {
      s->count[s->runs - 1] += same - i;
    } else if (s->runs == 8) {
      s->runs = 9;
    } else {
      s->byte[s->runs] = bytes[i];
      s->count[s->runs++] = same - i;
    }
    i = same;
  }
}

void summary_put(struct text *t, const struct summary *s) {
  if (s->runs == 1) {
    put(t, "%02x", s->byte[0]);
    return;
  }
  for (int i = 0; i < s->runs && i < 8; i++) {
    put(t, "%s%02x*%llu", i ? "," : "", s->byte[i], (unsigned long long)s->count[i]);
  }
  if (s->runs > 8) put(t, ",...");
}

void put_bytes(struct text *t, const uint8_t *bytes, size_t n) {
  struct summary s = {.runs = 0};
  summary_add(&s, bytes, n);
  summary_put(t, &s);
}

void page_runs_end(struct page_runs *r) {
  if (!r->open) return;
  if (r->out->len > 0) put(r->out, " ");
  put(r->out, "%llu", (unsigned long long)r->first);
  if (r->last != r->first) put(r->out, "-%llu", (unsigned long long)r->last);
  put(r->out, ":%s", r->text);
  r->open = false;
}

void page_runs_add(struct page_runs *r, uint64_t addr, const char *text) {
  struct window w = window_of(addr);
  uint64_t index = (addr - w.base) / w.unit;
  bool goes_on = r->open && r->window == w.base && strcmp(r->text, text) == 0;
  if (!goes_on) {
    page_runs_end(r);
    struct text copy = text_over(r->text, sizeof r->text);
    put(&copy, "%s", text);
    r->open = true;
    r->window = w.base;
    r->first = index;
  }
  r->last = index;
}
