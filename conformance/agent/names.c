/*
 * Names of descriptors. The table is ordinary memory of the process: its workers share it and a
 * fork copies it together with the descriptors. Never prints; closing is its only system call.
 */
#include "agent.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

enum { NAMES = 32 };

static struct name names[NAMES];

bool name_valid(const char *text) {
  size_t n = strlen(text);
  if (n == 0 || n > 15) return false;
  for (size_t i = 0; i < n; i++) {
    if (!isalnum((unsigned char)text[i])) return false;
  }
  return true;
}

struct name *name_find(const char *text) {
  for (int i = 0; i < NAMES; i++) {
    if (names[i].text[0] && strcmp(names[i].text, text) == 0) return &names[i];
  }
  return NULL;
}

static struct name *name_free(void) {
  for (int i = 0; i < NAMES; i++) {
    if (!names[i].text[0]) return &names[i];
  }
  return NULL;
}

bool name_room(const char *text) { return name_find(text) || name_free(); }

/* A descriptor that the name had before is closed last. Without room the new one is closed. */
void name_bind(const char *text, int fd, bool hugetlb) {
  struct name *name = name_find(text);
  int old = name ? name->fd : -1;
  if (!name) name = name_free();
  if (name) {
    *name = (struct name){.fd = fd, .hugetlb = hugetlb};
    memcpy(name->text, text, strlen(text) + 1);
  } else {
    old = fd;
  }
  if (old >= 0) close(old);
}

void name_drop(struct name *name) {
  name->text[0] = '\0';
  close(name->fd);
}

uint64_t name_unit(const struct name *name) { return name->hugetlb ? HUGE_PAGE : PAGE; }
