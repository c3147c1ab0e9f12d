/*
 * Values of the scenario language: numbers, addresses, lengths and sets. Owns the layout of the
 * windows (FORMAT.md "Values"); never touches the memory it names. All sums wrap at 64 bits.
 */
#include "agent.h"

#include <string.h>

#define SLOT_BASE 0x200000000000ull

enum { SMALL_SLOTS = 16, HUGE_SLOTS = 4, SLOTS = SMALL_SLOTS + HUGE_SLOTS };

/* Named places outside the windows; below A lies nothing. */
static const struct window OUTSIDE[] = {
    {"NULL", 0, GIB, PAGE},
    {"LIM", 0x7ffffffff000ull, GIB, PAGE},
    {"TOP", 0xfffffffffffff000ull, PAGE, PAGE},
    {"BUF", BUF_BASE, BUF_BYTES, PAGE},
};

enum { OUTSIDES = sizeof OUTSIDE / sizeof OUTSIDE[0] };

static struct window slot_window(unsigned slot) {
  struct window w = {.base = SLOT_BASE + slot * GIB, .size = GIB, .unit = PAGE};
  if (slot < SMALL_SLOTS) {
    w.name[0] = (char)('A' + slot);
  } else {
    w.name[0] = 'H';
    w.name[1] = (char)('A' + slot - SMALL_SLOTS);
    w.unit = HUGE_PAGE;
  }
  return w;
}

/* The window of a slot, or the aligned GiB that the address lies in (without a name). */
struct window window_of(uint64_t addr) {
  uint64_t slot = (addr - SLOT_BASE) / GIB;
  if (slot < SLOTS) return slot_window((unsigned)slot);
  return (struct window){.base = addr & ~(GIB - 1), .size = GIB, .unit = PAGE};
}

/* The place that names the address in print; without a name none does. */
struct window place_of(uint64_t addr) {
  for (unsigned i = 0; i < OUTSIDES; i++) {
    if (addr - OUTSIDE[i].base < OUTSIDE[i].size) return OUTSIDE[i];
  }
  return window_of(addr);
}

uint64_t unit_of(uint64_t addr) { return window_of(addr).unit; }

uint64_t page_floor(uint64_t addr, uint64_t unit) { return addr & ~(unit - 1); }

uint64_t page_ceil(uint64_t addr, uint64_t unit) { return (addr + unit - 1) & ~(unit - 1); }

static int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

static bool parse_digits(const char *s, size_t n, int base, uint64_t *value) {
  uint64_t sum = 0;
  if (n == 0) return false;
  for (size_t i = 0; i < n; i++) {
    int digit = digit_of(s[i]);
    if (digit >= base) return false;
    if (__builtin_mul_overflow(sum, (uint64_t)base, &sum)) return false;
    if (__builtin_add_overflow(sum, (uint64_t)digit, &sum)) return false;
  }
  *value = sum;
  return true;
}

static bool is_hex(const char *s, size_t n) {
  return n > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
}

static bool parse_number_part(const char *s, size_t n, uint64_t *value) {
  if (is_hex(s, n)) return parse_digits(s + 2, n - 2, 16, value);
  return parse_digits(s, n, n > 1 && s[0] == '0' ? 8 : 10, value);
}

bool parse_number(const char *s, uint64_t *value) { return parse_number_part(s, strlen(s), value); }

/* `0x1f` after `.` or `b`. */
static bool parse_bytes(const char *s, uint64_t *bytes) {
  size_t n = strlen(s);
  return is_hex(s, n) && parse_digits(s + 2, n - 2, 16, bytes);
}

static bool parse_place(const char *s, size_t n, struct window *place) {
  for (unsigned i = 0; i < SLOTS + OUTSIDES; i++) {
    *place = i < SLOTS ? slot_window(i) : OUTSIDE[i - SLOTS];
    if (strlen(place->name) == n && memcmp(place->name, s, n) == 0) return true;
  }
  return false;
}

bool parse_addr(const char *s, uint64_t *addr) {
  struct window place;
  uint64_t count = 0, bytes = 0;
  size_t n = strcspn(s, "+-.");
  if (!parse_place(s, n, &place)) return false;
  s += n;
  char sign = *s;
  if (sign == '+' || sign == '-') {
    n = strcspn(++s, ".");
    if (!parse_number_part(s, n, &count)) return false;
    s += n;
  }
  if (*s == '.' && !parse_bytes(s + 1, &bytes)) return false;
  uint64_t offset = count * place.unit;
  *addr = place.base + (sign == '-' ? -offset : offset) + bytes;
  return true;
}

bool parse_len(const char *s, uint64_t unit, uint64_t *bytes) {
  if (*s == 'b') return parse_bytes(s + 1, bytes);
  uint64_t count = 0, extra = 0;
  size_t n = strcspn(s, ".");
  if (!parse_number_part(s, n, &count)) return false;
  if (s[n] == '.' && !parse_bytes(s + n + 1, &extra)) return false;
  *bytes = count * unit + extra;
  return true;
}

static bool parse_element(const char *s, size_t n, const struct flag *known, uint64_t *bits) {
  if (n == 4 && memcmp(s, "none", 4) == 0) return *bits = 0, true;
  for (; known->name; known++) {
    if (strlen(known->name) != n || memcmp(known->name, s, n) != 0) continue;
    *bits = known->bits;
    return true;
  }
  return parse_number_part(s, n, bits);
}

bool parse_set(const char *s, const struct flag *known, uint64_t *bits) {
  *bits = 0;
  while (*s) {
    uint64_t element;
    size_t n = strcspn(s, ",");
    if (!parse_element(s, n, known, &element)) return false;
    *bits |= element;
    s += n;
    if (*s == ',') s++;
  }
  return true;
}
