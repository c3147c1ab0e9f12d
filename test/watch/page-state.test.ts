import {
  describePage,
  isWriteProtected,
  MADV_GUARD_INSTALL,
  MADV_PAGEOUT,
  pageStateOf,
  UFFD_FEATURE_WP_UNPOPULATED,
  UFFDIO_WRITEPROTECT_MODE_WP,
} from 'uffd-emulator';
import { expect, it } from 'vitest';
import { M, machineWith, PAGE, page, W } from '../support/guest.js';

it('names what is at a page', () => {
  const { machine, main, proc, at, uffd } = machineWith({ pages: 8 });
  machine.swapOn({ size: 2 ** 20 });
  uffd.copySync({ dst: at(0), src: page(1) });
  uffd.zeropageSync({ start: at(1), len: PAGE });
  uffd.poisonSync({ start: at(2), len: PAGE });
  main.madviseSync({ addr: at(3), length: PAGE, advice: MADV_GUARD_INSTALL });
  uffd.copySync({ dst: at(4), src: page(1) });
  main.madviseSync({ addr: at(4), length: PAGE, advice: MADV_PAGEOUT });
  const states = [0, 1, 2, 3, 4, 5, 99].map((n) => pageStateOf(proc, at(n) + 7));
  expect(states).toEqual([
    'present',
    'zero',
    'poisoned',
    'guard',
    'swapped',
    'missing',
    'unmapped',
  ]);
});

it('knows write protection in every form', () => {
  const features = UFFD_FEATURE_WP_UNPOPULATED;
  const { proc, at, uffd } = machineWith({ features, modes: M | W });
  uffd.copySync({ dst: at(0), src: page(1) });
  uffd.writeprotectSync({ start: at(0), len: 2 * PAGE, mode: UFFDIO_WRITEPROTECT_MODE_WP });
  expect([0, 1, 2].map((n) => isWriteProtected(proc, at(n)))).toEqual([true, true, false]);
});

it('describes a page in one line', () => {
  const { main, proc, at, uffd } = machineWith({ modes: M | W });
  uffd.copySync({ dst: at(0), src: page(1) });
  main.store8Sync(at(0), 2);
  expect(describePage(proc, at(0) + 9)).toMatch(
    /^0x200000000000 of guest: present, writable, dirty; pagemap 0x8[0-9a-f]{15}; private/,
  );
  expect(describePage(proc, at(1))).toMatch(
    /: missing; .*; private anonymous memory, registered by userfaultfd 0 of guest \(MISSING, WP\)$/,
  );
  expect(describePage(proc, 0)).toBe('0x0 of guest: nothing is mapped');
});
