/**
 * Page arithmetic on addresses: sizes, rounding, the end of user space.
 * An address is a plain number; every integer below 2^53 is exact, user space ends at 2^47.
 * `addr & mask` is used on such numbers on purpose: ToInt32 keeps the low 32 bits exactly.
 */

/** Bytes of a base page; the unit of every mapping and of most userfaultfd ranges. */
export const PAGE_SIZE = 4096;

/** log2 of {@link PAGE_SIZE}. */
export const PAGE_SHIFT = 12;

/** Bytes covered by one page table, and the size of a transparent huge page. */
export const PMD_SIZE = 2 * 1024 * 1024;

/** Bytes covered by one table of page tables: the size of the largest hugetlb page. */
export const PUD_SIZE = 512 * PMD_SIZE;

/** First address past user space: 4-level paging, x86-64. */
export const TASK_SIZE = 0x7fff_ffff_f000;

/** Offset of `addr` in its page. */
export const pageOffset = (addr: number): number => addr & (PAGE_SIZE - 1);

/** Start of the page that holds `addr`. */
export const pageDown = (addr: number): number => addr - (addr & (PAGE_SIZE - 1));

/** `value` rounded up to a whole number of pages. */
export const pageUp = (value: number): number =>
  isPageAligned(value) ? value : pageDown(value) + PAGE_SIZE;

/** As {@link pageUp} in 64 bits: what rounds up to 2^64 is 0, as in the kernel's arithmetic. */
export const pageUpWrapped = (value: number): number =>
  pageUp(value) >= 2 ** 64 ? 0 : pageUp(value);

/** Whether `value` is a multiple of the page size. */
export const isPageAligned = (value: number): boolean => pageOffset(value) === 0;

/** Number of the page that holds `addr`. */
export const pageNumber = (addr: number): number => Math.floor(addr / PAGE_SIZE);

/** Pages of a transparent huge page. */
export const PMD_PAGES = PMD_SIZE / PAGE_SIZE;

/** Start of the 2 MiB unit (one page table's reach) that holds `addr`. */
export const pmdDown = (addr: number): number => addr - (addr & (PMD_SIZE - 1));

/** Start of the first 2 MiB unit that begins at `addr` or behind it. */
export const pmdUp = (addr: number): number => pmdDown(addr + PMD_SIZE - 1);
