/*
 * The real kernel's UFFDIO_WRITEPROTECT over populated pages, on and off.
 * Request: `arm PAGES TIMES`; answer: nanoseconds per page for on and for off.
 */
#include "uffd.h"

static char *armed;
static size_t armed_pages;

static void prepare(size_t pages)
{
	if (pages == armed_pages)
		return;
	if (armed_pages > 0)
		munmap(armed, armed_pages * 4096);
	armed = map_pages(pages);
	armed_pages = pages;
	touch_pages(armed, pages);
	register_range(armed, pages, UFFDIO_REGISTER_MODE_WP);
}

static void answer(int count, char **words)
{
	check(count == 3, "arm PAGES TIMES");
	size_t pages = strtoul(words[1], NULL, 10);
	unsigned long times = strtoul(words[2], NULL, 10);
	uint64_t on = 0, off = 0;
	prepare(pages);
	for (unsigned long i = 0; i < times; i++) {
		uint64_t start = now_ns();
		write_protect((uintptr_t)armed, pages, UFFDIO_WRITEPROTECT_MODE_WP);
		uint64_t between = now_ns();
		write_protect((uintptr_t)armed, pages, 0);
		on += between - start;
		off += now_ns() - between;
	}
	double divisor = (double)pages * (double)times;
	printf("%.4f %.4f\n", (double)on / divisor, (double)off / divisor);
}

int main(void)
{
	pin_to_one_cpu();
	open_uffd();
	converse(answer);
	return 0;
}
