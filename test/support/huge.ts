/**
 * Guests with huge pages, and what a range looks like: runs of pages that are alike.
 */
import {
  MADV_HUGEPAGE,
  PAGE_IS_HUGE,
  PAGE_IS_PFNZERO,
  PAGE_IS_PRESENT,
  PAGE_IS_SWAPPED,
  PAGE_IS_WRITTEN,
  type Process,
} from 'uffd-emulator';
import { BASE, type Guest, type GuestOptions, machineWith, PAGE, span } from './guest.js';

/** Pages of a huge page. */
export const H = 512;

/** A guest with two huge pages' worth of memory that wants them. */
export function hugeGuest(options: GuestOptions = {}): Guest {
  const guest = machineWith({ pages: 2 * H, modes: 0, ...options });
  guest.main.madviseSync({ ...span(BASE, options.pages ?? 2 * H), advice: MADV_HUGEPAGE });
  return guest;
}

const LETTERS = [
  [PAGE_IS_HUGE, 'H'],
  [PAGE_IS_PFNZERO, 'Z'],
  [PAGE_IS_PRESENT, 'P'],
  [PAGE_IS_SWAPPED, 'S'],
] as const;

/**
 * What a range holds, as runs: `0-511:HP` is a huge page, `HZP` huge zeros, `P` single pages, `ZP`
 * zero pages, `S` swapped pages or markers; `w` behind it says write-protected. Empty slots show not.
 */
export function shape(proc: Process, pages = 2 * H, addr = BASE): string {
  const all = LETTERS.reduce((set, [bit]) => set | bit, PAGE_IS_WRITTEN);
  const { regions } = proc.pagemapScan({
    start: addr,
    end: addr + pages * PAGE,
    anyof: PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
    returned: all,
  });
  return regions
    .map(({ start, end, categories }) => {
      const [from, to] = [(start - addr) / PAGE, (end - addr) / PAGE - 1];
      const letters = LETTERS.filter(([bit]) => (categories & bit) !== 0).map(([, text]) => text);
      const isProtected = (categories & PAGE_IS_WRITTEN) === 0;
      return `${from === to ? from : `${from}-${to}`}:${letters.join('')}${isProtected ? 'w' : ''}`;
    })
    .join(' ');
}
