/*
 * The same address translation as the library's, in C: a direct-mapped cache of 4096 entries with
 * read and write tags of page + generation, and on a miss a walk of four levels of 32-bit words.
 * Request: `load|store random|sequential BYTES COUNT SEED`; answer: nanoseconds and a checksum.
 */
#include "peer.h"

#define ENTRIES 4096
#define PAGES_MAX 65536
#define BASE 0x7ffe00000000ull
#define PRESENT 1u
#define WRITE 2u
#define ACCESSED 4u
#define DIRTY 8u
#define PFN_SHIFT 10

struct space {
	uint64_t read_tags[ENTRIES];
	uint64_t write_tags[ENTRIES];
	uint32_t frame_words[ENTRIES];
	uint64_t generation;
	uint32_t *words;
	uint32_t *tables;
	uint32_t tables_used;
	uint32_t root;
};

static uint32_t *slot_of(struct space *s, uint64_t va, int create)
{
	uint32_t table = s->root;
	for (int shift = 39; shift > 12; shift -= 9) {
		uint32_t *entry = &s->tables[table * 512 + ((va >> shift) & 511)];
		if (*entry == 0) {
			if (!create)
				return NULL;
			*entry = ++s->tables_used;
		}
		table = *entry;
	}
	return &s->tables[table * 512 + ((va >> 12) & 511)];
}

static __attribute__((noinline)) uint32_t *miss(struct space *s, uint64_t va, uint32_t needs)
{
	uint32_t *slot = slot_of(s, va, 0);
	if (slot == NULL || (*slot & needs) != needs)
		abort();
	*slot |= needs & WRITE ? ACCESSED | DIRTY : ACCESSED;
	uint32_t i = (va >> 12) & (ENTRIES - 1);
	uint64_t tag = (va & ~4095ull) + s->generation;
	s->read_tags[i] = tag;
	s->write_tags[i] = (*slot & (WRITE | DIRTY)) == (WRITE | DIRTY) ? tag : 0;
	s->frame_words[i] = (*slot >> PFN_SHIFT) << 10;
	return &s->words[s->frame_words[i] + ((va & 4095) >> 2)];
}

static inline uint32_t load32(struct space *s, uint64_t va)
{
	uint32_t i = (va >> 12) & (ENTRIES - 1);
	if (s->read_tags[i] == (va & ~4095ull) + s->generation && (va & 3) == 0)
		return s->words[s->frame_words[i] + ((va & 4095) >> 2)];
	return *miss(s, va, PRESENT);
}

static inline void store32(struct space *s, uint64_t va, uint32_t value)
{
	uint32_t i = (va >> 12) & (ENTRIES - 1);
	if (s->write_tags[i] == (va & ~4095ull) + s->generation && (va & 3) == 0)
		s->words[s->frame_words[i] + ((va & 4095) >> 2)] = value;
	else
		*miss(s, va, PRESENT | WRITE) = value;
}

static inline uint32_t next(uint32_t x)
{
	x ^= x << 13;
	x ^= x >> 17;
	return x ^ x << 5;
}

static __attribute__((noinline)) uint32_t
load_random(struct space *s, uint32_t mask, uint32_t count, uint32_t x)
{
	uint32_t sum = 0;
	for (uint32_t i = 0; i < count; i++) {
		x = next(x);
		sum += load32(s, BASE + (x & mask));
	}
	return sum;
}

static __attribute__((noinline)) uint32_t
store_random(struct space *s, uint32_t mask, uint32_t count, uint32_t x)
{
	for (uint32_t i = 0; i < count; i++) {
		x = next(x);
		store32(s, BASE + (x & mask), x);
	}
	return x;
}

static __attribute__((noinline)) uint32_t
load_sequential(struct space *s, uint32_t mask, uint32_t count, uint32_t x)
{
	uint32_t sum = 0;
	for (uint32_t i = 0; i < count; i++)
		sum += load32(s, BASE + ((x + i * 4) & mask));
	return sum;
}

static __attribute__((noinline)) uint32_t
store_sequential(struct space *s, uint32_t mask, uint32_t count, uint32_t x)
{
	for (uint32_t i = 0; i < count; i++)
		store32(s, BASE + ((x + i * 4) & mask), i);
	return count;
}

static struct space space;

static void answer(int count, char **words)
{
	check(count == 5, "load|store random|sequential BYTES COUNT SEED");
	uint32_t mask = (uint32_t)strtoul(words[2], NULL, 10) - 4;
	uint32_t accesses = (uint32_t)strtoul(words[3], NULL, 10);
	uint32_t seed = (uint32_t)strtoul(words[4], NULL, 10);
	int loads = words[0][0] == 'l', random = words[1][0] == 'r';
	uint64_t start = now_ns();
	uint32_t sum = loads ? (random ? load_random : load_sequential)(&space, mask, accesses, seed)
			     : (random ? store_random : store_sequential)(&space, mask, accesses, seed);
	printf("%llu %u\n", (unsigned long long)(now_ns() - start), sum);
}

int main(void)
{
	space.generation = 1;
	space.tables_used = 1;
	space.root = 1;
	space.words = (uint32_t *)map_pages(PAGES_MAX + 2);
	space.tables = (uint32_t *)map_pages(PAGES_MAX / 512 + 8);
	for (uint32_t page = 0; page < PAGES_MAX; page++) {
		*slot_of(&space, BASE + page * 4096ull, 1) = (page + 2) << PFN_SHIFT | PRESENT | WRITE;
		for (uint32_t word = page * 1024; word < (page + 1) * 1024; word++)
			space.words[2048 + word] = word * 2654435761u;
	}
	converse(answer);
	return 0;
}
