/**
 * UFFDIO_MOVE and huge pages: whole where both ends are aligned, page by page otherwise.
 */
import { MADV_HUGEPAGE, UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { BASE, type Guest, M, mapAt, PAGE, pagesAt, span } from '../support/guest.js';
import { H, hugeGuest, shape } from '../support/huge.js';
import { ending } from '../support/observe.js';

const SRC = BASE + 2 ** 30;

/** The area is registered for missing pages; a huge page to move is in another one. */
function sender(write = true): Guest {
  const guest = hugeGuest({ modes: M, memory: 32 * 2 ** 20 });
  mapAt(guest.main, SRC, 2 * H);
  guest.main.madviseSync({ ...span(SRC, 2 * H), advice: MADV_HUGEPAGE });
  if (write) guest.t0.store8Sync(SRC + PAGE, 7);
  else guest.t0.load8Sync(SRC);
  return guest;
}

const move = ({ uffd }: Guest, dst: number, src: number, pages: number, mode = 0) =>
  ending(() => uffd.moveSync({ dst, src, len: pages * PAGE, mode }));

describe('UFFDIO_MOVE', () => {
  test('moves a huge page whole, and leaves nothing behind', () => {
    const guest = sender();
    expect(move(guest, BASE, SRC, H)).toEqual({ value: H * PAGE });
    expect(shape(guest.proc)).toBe('0-511:HP');
    expect(shape(guest.proc, H, SRC)).toBe('');
    expect(guest.t0.load8Sync(BASE + PAGE)).toBe(7);
    expect(move(guest, BASE, SRC, 1)).toEqual({ code: 'EEXIST', progress: -17 });
  });

  test('moves huge zeros whole', () => {
    const guest = sender(false);
    expect(move(guest, BASE, SRC, H)).toEqual({ value: H * PAGE });
    expect(shape(guest.proc)).toBe('0-511:HZP');
  });

  test('splits for a part, whose neighbours that hold zeros become the zero page', () => {
    const guest = sender();
    expect(move(guest, BASE + 3 * PAGE, SRC + PAGE, 1)).toEqual({ value: PAGE });
    expect(shape(guest.proc)).toBe('3:P');
    expect(shape(guest.proc, H, SRC)).toBe('0:ZP 2-511:ZP');
  });

  test('moves page by page where the destination is not aligned or has a page table', () => {
    const guest = sender();
    expect(move(guest, BASE + PAGE, SRC, H)).toEqual({ value: H * PAGE });
    expect(shape(guest.proc)).toBe('1:ZP 2:P 3-512:ZP');
    const other = sender();
    other.uffd.zeropageSync({ ...pagesAt(BASE + 600 * PAGE), mode: 0 });
    expect(move(other, BASE + 512 * PAGE, SRC, 4)).toEqual({ value: 4 * PAGE });
    expect(shape(other.proc)).toBe('512:ZP 513:P 514-515:ZP 600:ZP');
  });

  test('passes over holes before a huge page', () => {
    const guest = sender(false);
    const mode = UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES;
    guest.t0.store8Sync(SRC + 600 * PAGE, 1);
    guest.main.madviseSync({ ...span(SRC, H), advice: 4 });
    expect(move(guest, BASE, SRC, 2 * H, mode)).toEqual({ value: 2 * H * PAGE });
    expect(shape(guest.proc)).toBe('512-1023:HP');
  });

  test('refuses a huge page that fork shares: EBUSY', () => {
    const guest = sender();
    guest.main.forkSync('child');
    expect(move(guest, BASE, SRC, H)).toEqual({ code: 'EBUSY', progress: -16 });
    expect(shape(guest.proc, H, SRC)).toBe('0-511:HP');
  });
});
