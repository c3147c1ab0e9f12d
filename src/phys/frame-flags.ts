/**
 * Flags of a frame: a set of bits, kept for a page and not for one of its mappings.
 * Answers to: enum pageflags.
 */

import type { Pfn } from '../base/brand.js';

/** Byte that fills a freed frame. */
export const POISON_BYTE = 0x6b;

/** No frame: memory is full. Frame 0 is never handed out. */
export const NO_FRAME = 0 as Pfn;

/** The shared zero page. Always there, never counted. */
export const ZERO_PFN = 1 as Pfn;

/** Anonymous: of no file. */
export const FRAME_ANON = 1;
/** Anonymous and known to be reachable from one address space only. */
export const FRAME_EXCLUSIVE = 2;
/** MADV_FREE was called on it: clean content may be dropped. */
export const FRAME_LAZYFREE = 4;

/** Allocated for a file ahead of its use: counts as there, but not as readable content. */
export const FRAME_NOT_UPTODATE = 8;

/** Content that a file would have to write before it is dropped. */
export const FRAME_DIRTY = 16;

/** Its use starts the next piece of read-ahead; also a dirty page that reclaim had to leave. */
export const FRAME_READAHEAD = 128;

/** Locked by an area that is locked no more: reclaim leaves it alone until it is freed. */
export const FRAME_MLOCKED = 256;

/** Flags that a page takes along when it moves to another frame; exclusiveness is each entry's. */
export const FLAGS_OF_PAGE =
  FRAME_ANON | FRAME_LAZYFREE | FRAME_NOT_UPTODATE | FRAME_DIRTY | FRAME_READAHEAD | FRAME_MLOCKED;

/** One of the 512 frames of a huge page; stays when single entries map it, until it is split. */
export const FRAME_LARGE = 32;

/** Lost to a hardware error: never used again. */
export const FRAME_HWPOISON = 64;

/** One of the frames of a hugetlb page, which its first one counts for; the pool keeps them. */
export const FRAME_HUGETLB = 512;

/** Frames of a huge page; the first has a number that is a multiple of it. */
export const HUGE_FRAMES = 512;

/** Number of the first frame of the huge page that a frame belongs to, if it does. */
export const headOf = (pfn: Pfn): Pfn => (pfn - (pfn % HUGE_FRAMES)) as Pfn;
