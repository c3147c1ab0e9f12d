/**
 * Huge pages as things of their own: what is one page although single entries map it, who shares
 * it, and when advice about a part makes small pages of it.
 */
import {
  MADV_COLD,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_PAGEOUT,
  PM_MMAP_EXCLUSIVE_BIT,
  type Process,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { BASE, type Guest, pagesAt, span, W } from '../support/guest.js';
import { H, hugeGuest, shape } from '../support/huge.js';

/** A huge page that single entries map, written at its first and its last page. */
function splitGuest(options: Parameters<typeof hugeGuest>[0] = {}): Guest {
  const guest = hugeGuest({ modes: W, ...options });
  guest.machine.swapOn({ size: 8 * 2 ** 20 });
  guest.t0.store8Sync(BASE, 1);
  guest.t0.store8Sync(guest.at(H - 1), 2);
  guest.uffd.writeprotectSync({ ...pagesAt(guest.at(3)), mode: 0 });
  expect(shape(guest.proc)).toBe('0-511:P');
  return guest;
}

const advise = ({ main, at }: Guest, page: number, pages: number, advice: number): void => {
  main.madviseSync({ ...span(at(page), pages), advice });
};

const exclusive = (proc: Process, addr: number): boolean =>
  ((proc.pagemap(span(addr))[0] ?? 0n) & (1n << BigInt(PM_MMAP_EXCLUSIVE_BIT))) !== 0n;

describe('A huge page that single entries map', () => {
  test.each([MADV_FREE, MADV_COLD])('stays one for advice %i about all of it', (advice) => {
    const guest = splitGuest();
    advise(guest, 0, H, advice);
    expect(shape(guest.proc)).toBe('0-511:P');
  });

  test.each([MADV_FREE, MADV_COLD])('is split for advice %i about a part of it', (advice) => {
    const guest = splitGuest();
    advise(guest, 7, 1, advice);
    expect(shape(guest.proc)).toBe('0:P 1-510:ZP 511:P');
  });

  test('gives the memory of its zeros back when it is split, not before 6.12', () => {
    for (const [splitMapsZeroPages, pages] of [
      [false, 0],
      [true, H - 2],
    ] as const) {
      const guest = splitGuest({ quirks: { splitMapsZeroPages } });
      const free = guest.machine.freePages;
      advise(guest, 7, 1, MADV_COLD);
      expect(guest.machine.freePages - free).toBe(pages);
    }
  });

  test('keeps the pages of locked memory when it is split', () => {
    const guest = splitGuest();
    const child = guest.machine.process(guest.main.forkSync('child'));
    child.exit();
    guest.main.mlockSync(span(guest.at(100), 50));
    advise(guest, 7, 1, MADV_COLD);
    expect(shape(guest.proc)).toBe('0:P 1-99:ZP 100-149:P 150-510:ZP 511:P');
  });

  test('goes to swap whole, and is split when a protected page tells its entries apart', () => {
    const whole = splitGuest();
    advise(whole, 0, H, MADV_PAGEOUT);
    expect(shape(whole.proc)).toBe('0-511:S');
    const marked = splitGuest();
    marked.uffd.writeprotectSync({ ...pagesAt(marked.at(H - 1)), mode: 1 });
    advise(marked, 0, H, MADV_PAGEOUT);
    expect(shape(marked.proc)).toBe('0:S 1-510:ZP 511:Sw');
  });

  test('is left alone by advice while another process maps a part of it', () => {
    const guest = splitGuest();
    const child = guest.machine.process(guest.main.forkSync('child'));
    child.main.munmapSync(span(guest.at(1), 2 * H - 1));
    for (const advice of [MADV_FREE, MADV_COLD, MADV_PAGEOUT]) {
      advise(guest, 7, 1, advice);
      advise(guest, 0, H, advice);
      expect(shape(guest.proc)).toBe('0-511:P');
    }
  });

  test('is reused page by page once nobody else maps any of it; before 6.15 copied', () => {
    const frame = (proc: Process, addr: number): bigint =>
      (proc.pagemap(span(addr))[0] ?? 0n) & ((1n << 55n) - 1n);
    for (const kernel of ['6.12', '6.18'] as const) {
      const guest = splitGuest({ kernel });
      const child = guest.machine.process(guest.main.forkSync('child'));
      advise({ ...guest, main: child.main }, 0, H, MADV_DONTNEED);
      expect(exclusive(guest.proc, guest.at(9))).toBe(true);
      const before = frame(guest.proc, guest.at(9));
      guest.t0.store8Sync(guest.at(9), 1);
      expect(frame(guest.proc, guest.at(9)) === before).toBe(kernel === '6.18');
    }
  });
});
