/*
 * The machine's settings that FORMAT.md "Environment facts" presumes: huge pages, THP, khugepaged,
 * swap. Sets them when it may and restores them when the last agent leaves. What they were is kept
 * in the lock file, so that an agent after a killed one restores them too. Also the turn: one
 * scenario at a time on the machine, as they share the pool of huge pages.
 */
#include "agent.h"

#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOCK_FILE "/run/uffd-agent.lock"
#define THP "/sys/kernel/mm/transparent_hugepage/"
#define POOL_PAGES 64
#define POOL "/sys/kernel/mm/hugepages/hugepages-2048kB/"

static const struct {
  const char *path, *value;
} SETTINGS[] = {
    {THP "enabled", "madvise"},
    {THP "defrag", "madvise"},
    {THP "shmem_enabled", "never"},
    {THP "use_zero_page", "1"},
    {THP "khugepaged/scan_sleep_millisecs", "3600000"},
    {THP "khugepaged/alloc_sleep_millisecs", "3600000"},
    {POOL "nr_overcommit_hugepages", "0"},
    {POOL "nr_hugepages", "64"},
};

/* Bytes of the lock file that stand for the three locks. */
enum lock { LOCK_SETUP, LOCK_USERS, LOCK_TURN };

static int lock_fd = -1;

static bool lock(enum lock which, short type, bool wait) {
  struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = which, .l_len = 1};
  if (lock_fd < 0) return true;
  return fcntl(lock_fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &l) == 0;
}

/* --- settings -------------------------------------------------------------------------------- */

/* `always [madvise] never` means madvise. */
static bool setting_read(const char *path, char *value, size_t cap) {
  if (!file_read(path, value, cap)) return false;
  char *chosen = strchr(value, '[');
  if (!chosen) return true;
  size_t n = strcspn(chosen + 1, "]");
  memmove(value, chosen + 1, n);
  value[n] = '\0';
  return true;
}

static void setting_keep(FILE *kept, const char *path, const char *value) {
  char now[256];
  if (!setting_read(path, now, sizeof now) || strcmp(now, value) == 0) return;
  if (!file_write(path, value)) {
    fprintf(stderr, "agent: %s stays %s, should be %s\n", path, now, value);
    return;
  }
  if (kept) fprintf(kept, "%s=%s\n", path, now);
}

/* Only 2 MiB pages are huge. */
static void sizes_keep(FILE *kept) {
  glob_t sizes;
  if (glob(THP "hugepages-*kB/enabled", 0, NULL, &sizes) != 0) return;
  for (size_t i = 0; i < sizes.gl_pathc; i++) {
    bool two_mib = strstr(sizes.gl_pathv[i], "hugepages-2048kB");
    setting_keep(kept, sizes.gl_pathv[i], two_mib ? "inherit" : "never");
  }
  globfree(&sizes);
}

static void settings_apply(FILE *kept) {
  for (size_t i = 0; i < sizeof SETTINGS / sizeof SETTINGS[0]; i++) {
    setting_keep(kept, SETTINGS[i].path, SETTINGS[i].value);
  }
  sizes_keep(kept);
}

static void settings_restore(FILE *kept) {
  char line[512];
  rewind(kept);
  while (fgets(line, sizeof line, kept)) {
    line[strcspn(line, "\n")] = '\0';
    char *equals = strchr(line, '=');
    if (!equals) continue;
    *equals = '\0';
    if (strcmp(line, "zram") == 0) swap_drop(atoi(equals + 1));
    else if (!file_write(line, equals + 1)) fprintf(stderr, "agent: %s not restored\n", line);
  }
  if (ftruncate(lock_fd, 0) != 0) perror("agent: lock file");
  rewind(kept);
}

static bool swap_kept(FILE *kept) {
  char line[512];
  rewind(kept);
  while (fgets(line, sizeof line, kept)) {
    if (strncmp(line, "zram=", 5) == 0) return true;
  }
  return false;
}

static void swap_keep(FILE *kept) {
  if (kept && swap_kept(kept)) return;
  int device = swap_make();
  if (device < 0) fprintf(stderr, "agent: no zram swap; scenarios that swap will differ\n");
  else if (kept) fprintf(kept, "zram=%d\n", device);
}

/* The lock file as a stream of its own; NULL without one. */
static FILE *kept_open(void) {
  if (lock_fd < 0) return NULL;
  FILE *kept = fdopen(dup(lock_fd), "r+");
  if (kept) fseek(kept, 0, SEEK_END);
  return kept;
}

/* --- entering and leaving --------------------------------------------------------------------- */

void env_enter(bool with_swap) {
  lock_fd = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  lock(LOCK_SETUP, F_WRLCK, true);
  FILE *kept = kept_open();
  if (kept && lock(LOCK_USERS, F_WRLCK, false)) settings_restore(kept); /* of a killed agent */
  lock(LOCK_USERS, F_RDLCK, true);
  settings_apply(kept);
  if (with_swap) swap_keep(kept);
  if (kept) fclose(kept);
  lock(LOCK_SETUP, F_UNLCK, true);
}

void env_leave(void) {
  lock(LOCK_SETUP, F_WRLCK, true);
  FILE *kept = kept_open();
  if (kept && lock(LOCK_USERS, F_WRLCK, false)) settings_restore(kept);
  if (kept) fclose(kept);
  if (lock_fd >= 0) close(lock_fd);
  lock_fd = -1;
}

/*
 * Some kernels lose reservations for good (6.18: mremap of a part of a private huge mapping).
 * Nobody else uses the pool now, so what is reserved is lost: the pool grows by it, and POOL_PAGES
 * can be had as before.
 */
static void pool_make_up(const char *total) {
  char reserved[32], wanted[32];
  if (!file_read(POOL "resv_hugepages", reserved, sizeof reserved)) return;
  snprintf(wanted, sizeof wanted, "%d", POOL_PAGES + atoi(reserved));
  if (strcmp(wanted, total) != 0) file_write(POOL "nr_hugepages", wanted);
}

/* Waits for its turn, then for the huge pages of the scenario before to come back. */
void env_turn_take(void) {
  char total[32], unused[32];
  lock(LOCK_TURN, F_WRLCK, true);
  for (int tries = 0; tries < 500; tries++) {
    if (!file_read(POOL "nr_hugepages", total, sizeof total)) return;
    if (!file_read(POOL "free_hugepages", unused, sizeof unused)) return;
    if (strcmp(total, unused) == 0) return pool_make_up(total);
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
  fprintf(stderr, "agent: %s of %s huge pages are free\n", unused, total);
}

void env_turn_give(void) { lock(LOCK_TURN, F_UNLCK, true); }

/* --- scheduling ------------------------------------------------------------------------------ */

bool scheduling_enter(void) {
  struct sched_param param = {.sched_priority = 1};
  return sched_setscheduler(0, SCHED_FIFO, &param) == 0;
}
