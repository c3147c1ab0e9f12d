/**
 * The guest's memory as a list of ranges, made from the pages that a trace touches: the addresses
 * stay as they are, neighbours become one mapping. Numbers the pages from 0 on, in address order;
 * that number is how the rest of the tool names a page. Maps nothing.
 */

/** 4 KiB, as on x86-64. */
export const PAGE_BYTES = 4096;

/** So many mappings at most: Linux itself refuses at 65,530, and each is one registration. */
const RANGES_MAX = 4096;

/** A half-open range of whole pages. */
export interface PageRange {
  /** Address of the first byte. */
  readonly start: number;
  readonly pages: number;
}

/** The ranges of a guest, ascending, with the number of the first page of each. */
export class MemoryLayout {
  readonly ranges: readonly PageRange[];
  readonly pages: number;
  readonly #firstIndex: readonly number[];

  constructor(ranges: readonly PageRange[]) {
    this.ranges = ranges;
    let pages = 0;
    this.#firstIndex = ranges.map((range) => {
      pages += range.pages;
      return pages - range.pages;
    });
    this.pages = pages;
  }

  /** The address of a page, by its number. */
  addressOf(index: number): number {
    const at = lastNotAbove(this.#firstIndex, index);
    const range = this.ranges[at];
    const offset = index - (this.#firstIndex[at] ?? 0);
    if (!range || offset >= range.pages) throw new RangeError(`the guest has no page ${index}`);
    return range.start + offset * PAGE_BYTES;
  }

  /** The number of the page that holds an address; undefined outside the ranges. */
  indexOf(address: number): number | undefined {
    let low = 0;
    let high = this.ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.ranges[middle]!.start <= address) low = middle + 1;
      else high = middle;
    }
    const range = this.ranges[low - 1];
    if (!range) return undefined;
    const offset = Math.floor((address - range.start) / PAGE_BYTES);
    return offset < range.pages ? this.#firstIndex[low - 1]! + offset : undefined;
  }

  /** The numbers of all pages, ascending. */
  *indexes(): Generator<number> {
    for (let index = 0; index < this.pages; index++) yield index;
  }
}

/** Makes the layout of a guest from the numbers of its pages (address / 4096), ascending. */
export function layoutOf(pageNumbers: Float64Array): MemoryLayout {
  for (let gap = 0; ; gap = gap * 2 + 1) {
    const ranges = mergedRanges(pageNumbers, gap);
    if (ranges.length <= RANGES_MAX) return new MemoryLayout(ranges);
  }
}

/** Joins pages with at most `gapPages` untouched ones between them; these become part of it. */
function mergedRanges(pageNumbers: Float64Array, gapPages: number): PageRange[] {
  const ranges: { start: number; pages: number }[] = [];
  let end = -1; // number of the page after the last range
  for (const page of pageNumbers) {
    const range = ranges.at(-1);
    if (range && page - end <= gapPages) range.pages += page - end + 1;
    else ranges.push({ start: page * PAGE_BYTES, pages: 1 });
    end = page + 1;
  }
  return ranges;
}

/** The last index whose value is not above the limit; the values ascend and begin with 0. */
function lastNotAbove(values: readonly number[], limit: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
