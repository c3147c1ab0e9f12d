/**
 * Merging: which pages become one, which of them stays, what an entry loses, and how the page is
 * written, unmerged, forked, moved and lost. As 6.12.107 and 6.1.174 answered.
 */
import {
  MADV_HWPOISON,
  MADV_MERGEABLE,
  MADV_UNMERGEABLE,
  SignalError,
  UFFDIO_WRITEPROTECT_MODE_WP,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import {
  BASE,
  type Guest,
  type GuestOptions,
  M,
  machineWith,
  PAGE,
  page,
  pagesAt,
  span,
  W,
} from '../support/guest.js';
import { drain, errno } from '../support/observe.js';
import { pageState, statesOf } from './page-state.js';

const ON = UFFDIO_WRITEPROTECT_MODE_WP;
const COUNT = 8;

const frame = ({ proc }: Guest, n: number): bigint =>
  (proc.pagemap(span(BASE + n * PAGE))[0] ?? 0n) & ((1n << 55n) - 1n);

/** Pages filled with these bytes, in a mergeable area. */
function filled(bytes: readonly number[], options: GuestOptions = {}): Guest {
  const guest = machineWith({ pages: COUNT, modes: W, ...options });
  bytes.forEach((byte, n) => {
    guest.main.writeSync(guest.at(n), page(byte));
  });
  guest.main.madviseSync({ ...span(BASE, COUNT), advice: MADV_MERGEABLE });
  return guest;
}

describe('a pass', () => {
  test('merges equal pages into the second of them; the zero page and single ones stay', () => {
    const guest = filled([5, 5, 5, 7, 9, 9]);
    guest.main.load8Sync(guest.at(6));
    const second = [frame(guest, 1), frame(guest, 5)];
    expect(guest.machine.ksm.run()).toBe(3);
    expect([0, 1, 2].map((n) => frame(guest, n))).toEqual([second[0], second[0], second[0]]);
    expect([4, 5].map((n) => frame(guest, n))).toEqual([second[1], second[1]]);
    expect(statesOf(guest.proc, BASE, COUNT)).toEqual([
      ...['P', 'P', 'P', 'PX', 'P', 'P', 'P', '-'],
    ]);
    expect([guest.machine.ksm.pagesShared, guest.machine.ksm.pagesSharing]).toEqual([2, 3]);
  });

  test('takes uffd-wp from every entry but that of the page that stays: writes are silent', () => {
    const guest = filled([5, 5, 5]);
    guest.uffd.writeprotectSync({ ...pagesAt(BASE, 3), mode: ON });
    guest.machine.ksm.run();
    expect(statesOf(guest.proc, BASE, 3)).toEqual(['P', 'PW', 'P']);
    guest.main.store8Sync(guest.at(0), 1);
    expect(drain(guest.uffd, BASE)).toEqual([]);
    expect(() => guest.t0.store8Sync(guest.at(1), 1)).toThrow('UFFDIO_WRITEPROTECT');
  });

  test('gives memory back', () => {
    const guest = filled([5, 5, 5, 5]);
    const free = guest.machine.freePages;
    guest.machine.ksm.run();
    expect(guest.machine.freePages).toBe(free + 3);
    expect(guest.machine.ksm.run()).toBe(0);
  });

  test('leaves areas that are not mergeable, and everything until it is asked for', () => {
    const guest = filled([5, 5]);
    expect(statesOf(guest.proc, BASE, 2)).toEqual(['PX', 'PX']);
    guest.main.madviseSync({ ...span(BASE, COUNT), advice: MADV_UNMERGEABLE });
    expect(guest.machine.ksm.run()).toBe(0);
  });

  test('merges a page with one that was merged before, across processes', () => {
    const guest = filled([5, 5]);
    guest.machine.ksm.run();
    const child = guest.machine.process(guest.main.forkSync());
    child.main.writeSync(guest.at(3), page(5));
    expect(guest.machine.ksm.run()).toBe(1);
    expect(child.pagemap(span(guest.at(3)))[0]).toBe(guest.proc.pagemap(span(BASE))[0]);
  });

  test('finds a PROT_NONE page from 6.12 on', () => {
    for (const [kernel, merged] of [
      ['6.1', 0],
      ['6.12', 1],
    ] as const) {
      const guest = filled([5, 5], { kernel, modes: 0 });
      guest.main.mprotectSync({ ...span(BASE, 2), prot: 0 });
      expect(guest.machine.ksm.run()).toBe(merged);
    }
  });

  test('leaves a page that somebody uses', async () => {
    const guest = machineWith({ pages: COUNT, modes: M });
    guest.uffd.copySync({ dst: BASE, src: page(5, 2), len: 2 * PAGE });
    guest.main.madviseSync({ ...span(BASE, COUNT), advice: MADV_MERGEABLE });
    const read = guest.t0.processVmReadv({ pid: guest.proc.pid, ...span(guest.at(1), 2) });
    expect(guest.machine.ksm.run()).toBe(0);
    guest.uffd.zeropageSync({ start: guest.at(2), len: PAGE });
    await read;
    expect(guest.machine.ksm.run()).toBe(1);
  });
});

describe('a merged page', () => {
  test('is copied by every write, the last one too', () => {
    const guest = filled([5, 5]);
    guest.machine.ksm.run();
    const merged = frame(guest, 1);
    guest.main.store8Sync(guest.at(0), 1);
    guest.main.store8Sync(guest.at(1), 2);
    expect([frame(guest, 0), frame(guest, 1)]).not.toContain(merged);
    expect(guest.main.load8Sync(guest.at(0) + 1)).toBe(5);
    expect(guest.machine.ksm.pagesShared).toBe(0);
  });

  test('takes protection on and off, and cannot be the source of UFFDIO_MOVE', () => {
    const guest = filled([5, 5]);
    guest.machine.ksm.run();
    guest.uffd.writeprotectSync({ ...pagesAt(BASE), mode: ON });
    expect(pageState(guest.proc, BASE)).toBe('PW');
    guest.uffd.writeprotectSync({ ...pagesAt(BASE), mode: 0 });
    const move = () => guest.uffd.moveSync({ dst: guest.at(6), src: BASE, len: PAGE });
    expect([pageState(guest.proc, BASE), errno(move)]).toEqual(['P', 'EBUSY']);
  });

  test('moves to another frame for all who map it', () => {
    const guest = filled([5, 5]);
    guest.machine.ksm.run();
    const before = frame(guest, 1);
    expect(guest.machine.compact(guest.proc)).toBe(2); // once for each address
    expect(frame(guest, 0)).toBe(frame(guest, 1));
    expect(frame(guest, 0)).not.toBe(before + 1n);
    expect(guest.machine.ksm.pagesSharing).toBe(1);
  });

  test('is lost to all who map it; before 6.12 it could not be taken away', () => {
    const advise = ({ main }: Guest) => main.madviseSync({ ...span(BASE), advice: MADV_HWPOISON });
    const old = filled([5, 5], { kernel: '6.1', modes: 0 });
    old.machine.ksm.run();
    expect(errno(() => advise(old))).toBe('EBUSY');
    const guest = filled([5, 5], { kernel: '6.12', modes: 0 });
    guest.machine.ksm.run();
    expect(() => advise(guest)).toThrow(SignalError);
    expect(statesOf(guest.proc, BASE, 2)).toEqual(['S', 'S']);
  });

  test('is unmerged by UNMERGEABLE: a page of its own for each entry, protection kept', () => {
    const guest = filled([5, 5, 5]);
    guest.machine.ksm.run();
    guest.uffd.writeprotectSync({ ...pagesAt(BASE), mode: ON });
    guest.main.madviseSync({ ...span(BASE, COUNT), advice: MADV_UNMERGEABLE });
    expect(statesOf(guest.proc, BASE, 3)).toEqual(['PWX', 'PX', 'PX']);
    expect(guest.main.load8Sync(guest.at(2))).toBe(5);
    expect(guest.machine.ksm.run()).toBe(0);
  });

  test('is unmerged everywhere on demand, and can be merged again', () => {
    const guest = filled([5, 5]);
    guest.machine.ksm.run();
    guest.machine.ksm.unmerge();
    expect(statesOf(guest.proc, BASE, 2)).toEqual(['PX', 'PX']);
    expect(guest.machine.ksm.run()).toBe(1);
  });
});
