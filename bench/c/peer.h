/*
 * What the peers share: a clock, one CPU, and the conversation. A peer says `ready` or
 * `skip REASON`, then answers each line of words with one line of numbers, until its input ends.
 */
#ifndef PEER_H
#define PEER_H

#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define WORDS_MAX 8

static inline uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void skip(const char *reason)
{
	printf("skip %s\n", reason);
	fflush(stdout);
	exit(0);
}

static inline void skip_errno(const char *what)
{
	static char reason[256];
	snprintf(reason, sizeof reason, "%s: %s", what, strerror(errno));
	skip(reason);
}

/* What cannot fail once the peer has said `ready`. */
static inline void check(int holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	exit(1);
}

/* Pins the process to the last CPU that it may use: threads made later inherit it. */
static inline void pin_to_one_cpu(void)
{
	cpu_set_t allowed, one;
	CPU_ZERO(&one);
	check(sched_getaffinity(0, sizeof allowed, &allowed) == 0, "sched_getaffinity");
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		CPU_SET(cpu, &one);
		check(sched_setaffinity(0, sizeof one, &one) == 0, "sched_setaffinity");
		return;
	}
}

/* Private anonymous memory of base pages. */
static inline char *map_pages(size_t pages)
{
	char *at = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(at != MAP_FAILED, "mmap");
	madvise(at, pages * 4096, MADV_NOHUGEPAGE);
	return at;
}

static inline void touch_pages(char *at, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		at[i * 4096] = 1;
}

static inline void converse(void (*answer)(int count, char **words))
{
	char line[256];
	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof line, stdin) != NULL) {
		char *words[WORDS_MAX];
		int count = 0;
		for (char *word = strtok(line, " \n"); word && count < WORDS_MAX; word = strtok(NULL, " \n"))
			words[count++] = word;
		if (count > 0)
			answer(count, words);
		fflush(stdout);
	}
}

#endif
