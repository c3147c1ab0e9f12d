/*
 * What the files of the agent share: the parsed operation, the text it prints into, the board in
 * shared memory over which the controller and the workers talk, and each file's entry points.
 * FORMAT.md is the authority for everything that is parsed or printed.
 */
#ifndef AGENT_H
#define AGENT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PAGE 4096ull
#define HUGE_PAGE (2ull << 20)
#define GIB (1ull << 30)

#define BUF_BASE 0x300000000000ull
#define BUF_BYTES (16ull << 20)
#define SCRATCH_BASE 0x310000000000ull /* temporary mappings: their page tables are their own */

enum { LINE_BYTES = 608, WORDS = 64, PROCESSES = 6, WORKERS = 5 };

enum { RESULT_BYTES = 4 << 20, TRANSCRIPT_BYTES = 64 << 20 };

/* --- text.c: a bounded buffer that is only ever appended to -------------------------------- */

struct text {
  char *at;
  size_t len, cap;
};

struct text text_over(char *buffer, size_t cap);
__attribute__((format(printf, 2, 3))) void put(struct text *t, const char *format, ...);

/* --- scenario.c: one line of a scenario, cut into words ------------------------------------ */

struct key {
  const char *name, *value;
};

struct op {
  char line[LINE_BYTES]; /* the words joined by one blank */
  char words[LINE_BYTES];
  bool has_who;
  int process, worker;  /* of WHO; P0.M without one */
  const char *name;     /* NULL: no operation */
  const char *args[WORDS];
  int arg_count;
  struct key keys[WORDS];
  int key_count;
};

bool op_parse(struct op *op, const char *line); /* false: no word in it */
bool who_parse(const char *word, int *process, int *worker);
const char *worker_name(int worker);

/* --- value.c: numbers, addresses, lengths, sets -------------------------------------------- */

struct flag {
  const char *name;
  uint64_t bits;
};

struct window {
  char name[5]; /* empty: no window */
  uint64_t base, size, unit;
};

struct window window_of(uint64_t addr);
struct window place_of(uint64_t addr);
uint64_t unit_of(uint64_t addr);
uint64_t page_floor(uint64_t addr, uint64_t unit);
uint64_t page_ceil(uint64_t addr, uint64_t unit);
bool parse_number(const char *s, uint64_t *value);
bool parse_addr(const char *s, uint64_t *addr);
bool parse_len(const char *s, uint64_t unit, uint64_t *bytes);
bool parse_set(const char *s, const struct flag *known, uint64_t *bits);

/* --- print.c: the same on the way out ------------------------------------------------------ */

void put_addr(struct text *t, uint64_t addr);
void put_units(struct text *t, uint64_t bytes, uint64_t unit);
void put_set(struct text *t, uint64_t bits, const struct flag *known, char separator);
const char *errno_name(int error);

/* Runs of equal bytes, `5a*16,41*1`. */
struct summary {
  uint8_t byte[8];
  uint64_t count[8];
  int runs; /* 9: more than fit */
};

void summary_add(struct summary *s, const uint8_t *bytes, size_t n);
void summary_put(struct text *t, const struct summary *s);
void put_bytes(struct text *t, const uint8_t *bytes, size_t n);

/* Runs of pages with equal texts, `0-2:PX 3:-`. */
struct page_runs {
  struct text *out;
  bool open;
  uint64_t window, first, last;
  char text[224];
};

void page_runs_add(struct page_runs *r, uint64_t addr, const char *text);
void page_runs_end(struct page_runs *r);

/* --- board.c: the shared memory of controller and workers ---------------------------------- */

enum life { UNBORN, FORKING, ALIVE, ENDING, ENDED };

struct worker {
  _Atomic uint32_t ordered, finished; /* operations so far; `ordered` is the futex */
  _Atomic pid_t tid;
  uint32_t printed; /* the controller's: finished operations whose result is out */
  char line[LINE_BYTES];
  size_t result_len;
  char result[RESULT_BYTES];
};

struct process {
  _Atomic int life;   /* enum life */
  _Atomic bool ready; /* all its workers wait for operations */
  _Atomic bool exits; /* it said so itself */
  _Atomic pid_t pid;
  struct worker workers[WORKERS];
};

struct board {
  struct process processes[PROCESSES];
};

extern struct board *board;
void board_make(void);
bool board_find_tid(pid_t tid, int *process, int *worker);

/* --- worker.c: the processes P0..P5 -------------------------------------------------------- */

extern int own_process;
_Noreturn void process_main(int process);
_Noreturn void process_first(void); /* process_main of P0, after its set-up */

/* A fault that became a signal, or none. */
struct trap {
  int signal, code;
  uint64_t addr;
  int lsb;
};

bool guarded(void (*body)(void *), void *arg, struct trap *trap); /* false: trapped */
void catch_signals(void);

/* --- args.c: what an operation takes from its line ----------------------------------------- */

struct fill {
  uint8_t value;
  bool sequence, given;
};

struct call {
  const struct op *op;
  int next; /* positional word */
  bool bad, no_fd;
  struct text *result;
};

bool ready(struct call *c); /* false: BADOP or NOFD is the result */
uint64_t take_addr(struct call *c);
uint64_t take_len(struct call *c, uint64_t unit);
uint64_t take_number(struct call *c);
uint64_t take_number_or(struct call *c, uint64_t otherwise);
uint64_t take_set(struct call *c, const struct flag *known);
uint64_t take_choice(struct call *c, const struct flag *known);
int take_process(struct call *c);
const char *take_word(struct call *c);
struct name *take_name(struct call *c);
const char *take_new_name(struct call *c);
bool more_words(const struct call *c);
bool has_word(const struct call *c, const char *word);
const char *key_text(const struct call *c, const char *key);
uint64_t key_number(struct call *c, const char *key, uint64_t otherwise);
uint64_t key_addr(struct call *c, const char *key, uint64_t otherwise);
uint64_t key_set(struct call *c, const char *key, const struct flag *known, uint64_t otherwise);
struct fill key_fill(struct call *c, uint8_t otherwise);
const char *key_new_name(struct call *c, const char *key);
uint8_t fill_at(struct fill fill, uint64_t index);
bool report(struct call *c, long returned); /* `ok` or the errno name; true: ok */
void report_errno(struct call *c, int error);

/* --- names.c: names of descriptors, one table per process ----------------------------------- */

struct name {
  char text[16]; /* empty: free */
  int fd;
  bool hugetlb;
};

bool name_valid(const char *text);
struct name *name_find(const char *text);
bool name_room(const char *text);
void name_bind(const char *text, int fd, bool hugetlb);
void name_drop(struct name *name);
uint64_t name_unit(const struct name *name);

/* --- operations ------------------------------------------------------------------------------ */

typedef void operation(struct call *c);

operation *operation_find(const char *name);

operation op_map, op_munmap, op_mprotect, op_mlock, op_munlock, op_mremap, op_madvise, op_swapout;
operation op_file, op_fallocate, op_ftruncate, op_fwrite, op_fread, op_fmincore;
operation op_close, op_dup, op_reopen;
operation op_uffd, op_api, op_register, op_unregister, op_wake, op_copy, op_zeropage, op_continue;
operation op_poison, op_move, op_wp, op_rwp, op_setmode, op_ioctl;
operation op_event, op_drain, op_poll, op_fdinfo;
operation op_read, op_write, op_rmw, op_sysread, op_syswrite, op_vmread, op_vmwrite;
operation op_pagemap, op_peek, op_mincore, op_scan, op_vmflags, op_smaps, op_migrate, op_clearrefs;
operation op_fork, op_exit, op_setuid, op_nop;

extern const char *files_folder; /* of regular files; should be on ext4 */

/* observe.c, for swapout: 4 KiB pages present in the range, or -1 with errno. */
int64_t count_present(uint64_t addr, uint64_t len);

/* --- control.c, quiet.c: one scenario, from its first line to `. end` ------------------------ */

enum { RAN = 0, SAW_BADOP = 2, WATCHDOG = 3, STUCK = 4 };

struct transcript {
  _Atomic int status;
  size_t len;
  char text[TRANSCRIPT_BYTES];
};

enum quiet { QUIET, NOT_QUIET, OUT_OF_TIME };

void quiet_start(void);
enum quiet quiet_wait(void);
void processes_end(void);
void scenario_control(const char *scenario, struct transcript *transcript);

/* --- run.c, batch.c: scenarios in processes of their own ------------------------------------- */

extern volatile sig_atomic_t stop_asked;
int scenario_run(const char *scenario, struct transcript *transcript);
struct transcript *transcript_make(void);
int run_file(const char *path);
int run_batch(void);

/* --- env.c, swap.c, sysfile.c, probe.c: the machine ------------------------------------------ */

bool file_read(const char *path, char *buffer, size_t cap); /* one line, without its newline */
bool file_write(const char *path, const char *value);
void env_enter(bool with_swap);
void env_leave(void);
void env_turn_take(void);
void env_turn_give(void);
int swap_make(void); /* the number of the zram device, or -1 */
void swap_drop(int device);
bool swap_possible(void);
bool scheduling_enter(void); /* the calling thread, and what it makes, becomes SCHED_FIFO */
bool fifo_possible(void);
const char *uffd_trouble(const char **remedy); /* NULL: it works */
int probe(void);

#endif
