/** /proc/PID/smaps: what of an area is in memory, used and in swap. */
import { MADV_PAGEOUT } from 'uffd-emulator';
import { expect, test } from 'vitest';
import { BASE, type Memory, mapAt, memfd, newMachine, PAGE, span } from '../support/guest.js';

/** An area of four pages, the first two written, on a machine with swap. */
function writtenArea(kind: Memory = 'anon') {
  const machine = newMachine();
  machine.swapOn({ size: 64 * PAGE });
  const proc = machine.spawn();
  const { main } = proc;
  mapAt(main, BASE, 4, kind === 'anon' ? {} : { kind, fd: memfd(main, 4, [1, 2, 3, 4]) });
  main.store8Sync(BASE, 1);
  main.store8Sync(BASE + PAGE, 1);
  const pages = () =>
    proc.smaps().map(({ rss, referenced, anonymous, swap }) => {
      return [rss, referenced, anonymous, swap].map((bytes) => bytes / PAGE);
    });
  return { machine, proc, main, pages };
}

test('counts pages, and those without a file; the zero page is none', () => {
  const { main, pages } = writtenArea();
  main.load8Sync(BASE + 2 * PAGE);
  expect(pages()).toEqual([[2, 2, 2, 0]]);
});

test('counts pages in swap: private ones, and those of a shmem file', () => {
  const anon = writtenArea();
  anon.main.madviseSync({ ...span(BASE, 2), advice: MADV_PAGEOUT });
  expect(anon.pages()).toEqual([[0, 0, 0, 2]]);
  const shared = writtenArea('shared');
  shared.main.madviseSync({ ...span(BASE, 1), advice: MADV_PAGEOUT });
  expect(shared.pages()).toEqual([[1, 1, 0, 1]]);
});

test('forgets that pages were used when 1 is written to clear_refs', () => {
  const { proc, main, pages } = writtenArea();
  proc.clearRefs(1);
  const cleared = pages();
  main.load8Sync(BASE);
  expect([cleared, pages()]).toEqual([[[2, 0, 2, 0]], [[2, 1, 2, 0]]]);
});

test.each([
  [2, 'anon', 0],
  [2, 'shared', 2],
  [3, 'anon', 2],
  [3, 'shared', 0],
] as const)('%i leaves %s memory with %i pages used', (what, kind, used) => {
  const { proc, pages } = writtenArea(kind);
  proc.clearRefs(what);
  expect(pages()[0]?.[1]).toBe(used);
});

test('has the lines of maps', () => {
  const { proc } = writtenArea();
  const [area] = proc.smaps();
  expect(area).toMatchObject(proc.maps()[0] ?? {});
});
