/*
 * The real kernel's fault round trip: a thread touches a page, another one that sleeps in poll
 * reads the message and resolves it, the first goes on. Both threads are on one CPU.
 * Request: `missing PAGES` (UFFDIO_COPY of 4 KiB) or `wp PAGES`; answer: nanoseconds per fault.
 */
#include "uffd.h"
#include <poll.h>
#include <pthread.h>

static char source[4096] __attribute__((aligned(4096)));

static void resolve(const struct uffd_msg *msg)
{
	uintptr_t page = msg->arg.pagefault.address & ~4095ull;
	if (msg->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP) {
		write_protect(page, 1, 0);
		return;
	}
	struct uffdio_copy copy = { .dst = page, .src = (uintptr_t)source, .len = 4096 };
	check(ioctl(uffd, UFFDIO_COPY, &copy) == 0, "UFFDIO_COPY");
}

static void *handle(void *unused)
{
	(void)unused;
	for (;;) {
		struct pollfd polled = { .fd = uffd, .events = POLLIN };
		struct uffd_msg msg;
		check(poll(&polled, 1, -1) == 1, "poll");
		check(read(uffd, &msg, sizeof msg) == sizeof msg, "read");
		resolve(&msg);
	}
	return NULL;
}

static uint64_t missing(size_t pages)
{
	char *at = map_pages(pages);
	volatile char *bytes = at;
	register_range(at, pages, UFFDIO_REGISTER_MODE_MISSING);
	uint64_t start = now_ns();
	for (size_t i = 0; i < pages; i++)
		(void)bytes[i * 4096];
	uint64_t took = now_ns() - start;
	munmap(at, pages * 4096);
	return took;
}

static uint64_t wp(size_t pages)
{
	char *at = map_pages(pages);
	touch_pages(at, pages);
	register_range(at, pages, UFFDIO_REGISTER_MODE_WP);
	write_protect((uintptr_t)at, pages, UFFDIO_WRITEPROTECT_MODE_WP);
	uint64_t start = now_ns();
	touch_pages(at, pages);
	uint64_t took = now_ns() - start;
	munmap(at, pages * 4096);
	return took;
}

static void answer(int count, char **words)
{
	check(count == 2, "missing|wp PAGES");
	size_t pages = strtoul(words[1], NULL, 10);
	uint64_t took = words[0][0] == 'm' ? missing(pages) : wp(pages);
	printf("%.3f\n", (double)took / (double)pages);
}

int main(void)
{
	pthread_t handler;
	pin_to_one_cpu();
	open_uffd();
	memset(source, 7, sizeof source);
	if (pthread_create(&handler, NULL, handle, NULL) != 0)
		skip("pthread_create failed");
	converse(answer);
	return 0;
}
