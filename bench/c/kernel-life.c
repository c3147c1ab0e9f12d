/*
 * The real kernel's life of a page and of a process, without a userfaultfd.
 * Request: `touch|fork|mprotect|dontneed|munmap PAGES`, answer: nanoseconds per page;
 * `process`, answer: nanoseconds of fork, _exit and wait of a small process.
 */
#include "peer.h"
#include <sys/wait.h>
#include <unistd.h>

static double per_page(uint64_t start, size_t pages)
{
	return (double)(now_ns() - start) / (double)pages;
}

static double fork_and_wait(size_t pages)
{
	uint64_t start = now_ns();
	pid_t child = fork();
	if (child == 0)
		_exit(0);
	double took = per_page(start, pages);
	check(child > 0 && waitpid(child, NULL, 0) == child, "fork");
	return took;
}

static double measure(const char *what, char *at, size_t pages)
{
	uint64_t start = now_ns();
	if (strcmp(what, "touch") == 0) {
		touch_pages(at, pages);
		return per_page(start, pages);
	}
	touch_pages(at, pages);
	if (strcmp(what, "fork") == 0)
		return fork_and_wait(pages);
	start = now_ns();
	if (strcmp(what, "mprotect") == 0) {
		check(mprotect(at, pages * 4096, PROT_READ) == 0, "mprotect");
		check(mprotect(at, pages * 4096, PROT_READ | PROT_WRITE) == 0, "mprotect");
		return per_page(start, pages * 2);
	}
	if (strcmp(what, "dontneed") == 0)
		check(madvise(at, pages * 4096, MADV_DONTNEED) == 0, "MADV_DONTNEED");
	else
		check(munmap(at, pages * 4096) == 0, "munmap");
	return per_page(start, pages);
}

static double process(void)
{
	uint64_t start = now_ns();
	pid_t child = fork();
	if (child == 0)
		_exit(0);
	check(child > 0 && waitpid(child, NULL, 0) == child, "fork");
	return per_page(start, 1);
}

static void answer(int count, char **words)
{
	if (count == 1) {
		printf("%.1f\n", process());
		return;
	}
	size_t pages = strtoul(words[1], NULL, 10);
	char *at = map_pages(pages);
	printf("%.4f\n", measure(words[0], at, pages));
	munmap(at, pages * 4096);
}

int main(void)
{
	pin_to_one_cpu();
	converse(answer);
	return 0;
}
