/** Frames that are taken out of use: what becomes of them in swap, on disk and as huge pages. */
import { MADV_HWPOISON, MADV_SOFT_OFFLINE } from 'uffd-emulator';
import { expect, test } from 'vitest';
import { BASE, machineWith, PAGE, span } from '../support/guest.js';
import { errno } from '../support/observe.js';
import { pageState } from './page-state.js';

test('a lost page of the swap cache is lost to whoever has it swapped, and to swapoff', () => {
  const guest = machineWith({ kernel: '6.1', modes: 0 });
  const swap = guest.machine.swapOn({ size: 16 * PAGE });
  guest.main.store8Sync(BASE, 5);
  guest.main.madviseSync({ ...span(BASE), advice: 21 });
  const child = guest.machine.process(guest.main.forkSync());
  guest.main.load8Sync(BASE); // the child's entry stays in swap
  guest.main.madviseSync({ ...span(BASE), advice: MADV_HWPOISON });
  expect(errno(() => child.main.load8Sync(BASE))).toBe('SIGBUS');
  swap.off();
  expect([pageState(child, BASE), swap.usedPages]).toEqual(['S', 0]);
  expect(errno(() => child.main.load8Sync(BASE))).toBe('SIGBUS');
});

test('a retired frame is never handed out again', () => {
  const guest = machineWith({ kernel: '6.1', modes: 0 });
  guest.main.store8Sync(BASE, 1);
  const free = guest.machine.freePages;
  guest.main.madviseSync({ ...span(BASE), advice: MADV_SOFT_OFFLINE });
  expect(guest.machine.freePages).toBe(free - 1);
  guest.proc.exit();
  expect(guest.machine.freePages).toBe(guest.machine.totalPages - 1);
});

test('soft offline is ENOMEM when there is no frame to move to', () => {
  const guest = machineWith({ kernel: '6.1', modes: 0, memory: 24 * PAGE, pages: 24 });
  guest.main.store8Sync(BASE, 1);
  for (let n = 1; guest.machine.freePages > 0; n++) guest.main.store8Sync(guest.at(n), 1);
  const call = () => guest.main.madviseSync({ ...span(BASE), advice: MADV_SOFT_OFFLINE });
  expect(errno(call)).toBe('ENOMEM');
});
