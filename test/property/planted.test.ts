/**
 * The random programs find what is broken on purpose: a machine that forgets a flush, a count, a
 * copy or a poison is caught by the invariants or by the model of contents within a few programs.
 */
import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { FdTable } from '../../src/file/fd-table.js';
import { Inode } from '../../src/file/inode.js';
import { Vma } from '../../src/mm/vma.js';
import { TableArena } from '../../src/pgtable/arena.js';
import { Tlb } from '../../src/pgtable/tlb.js';
import { FRAME_EXCLUSIVE, Frames } from '../../src/phys/frames.js';
import { Chaos, NAMES } from './chaos.js';
import { NAMES as CONTENT_NAMES, Contents } from './contents.js';
import { programs, type Step } from './world.js';

afterEach(() => {
  vi.restoreAllMocks();
});

function playChaos(program: readonly Step[]): void {
  const chaos = new Chaos({ memory: 8 * 2 ** 20 });
  for (const step of program) {
    if (!chaos.play(step)) break;
    chaos.machine.checkInvariants();
  }
  chaos.close();
  expect(chaos.machine.freePages).toBe(chaos.machine.totalPages);
}

function playContents(program: readonly Step[]): void {
  const contents = new Contents();
  for (const step of program) contents.play(step);
  contents.compare();
}

const setFlag = Frames.prototype.setFlag;

interface Planted {
  readonly what: string;
  readonly plant: () => unknown;
  /** Found by the invariants unless only contents can tell. */
  readonly by?: 'contents';
}

const PLANTED: readonly Planted[] = [
  {
    what: 'a range that is not flushed',
    plant: () => vi.spyOn(Tlb.prototype, 'flushRange').mockReturnValue(),
  },
  {
    what: 'a page that is not flushed',
    plant: () => vi.spyOn(Tlb.prototype, 'flushPage').mockReturnValue(),
  },
  {
    what: 'a file that is never closed',
    plant: () => vi.spyOn(FdTable.prototype, 'closeAll').mockReturnValue(),
  },
  {
    what: 'a file that is never freed',
    plant: () => vi.spyOn(Inode.prototype, 'put').mockReturnValue(),
  },
  {
    what: 'a page table that is lost',
    plant: () => vi.spyOn(TableArena.prototype, 'free').mockReturnValue(),
  },
  {
    what: 'a page that stays exclusive',
    plant: () => vi.spyOn(Frames.prototype, 'clearFlag').mockReturnValue(),
  },
  {
    what: 'a page that is not copied',
    plant: () => vi.spyOn(Frames.prototype, 'copy').mockReturnValue(),
    by: 'contents',
  },
  {
    what: 'a page that keeps its old bytes',
    plant: () =>
      vi.spyOn(Frames.prototype, 'allocZeroed').mockImplementation(function (this: Frames) {
        return this.alloc();
      }),
    by: 'contents',
  },
  {
    what: 'a private page taken for a shared one',
    plant: () => vi.spyOn(Vma.prototype, 'isCow', 'get').mockReturnValue(false),
  },
  {
    what: 'a hole that leaves the mapping',
    plant: () => vi.spyOn(Inode.prototype, 'evict').mockReturnValue(),
    by: 'contents',
  },
  {
    what: 'a shared page taken for an exclusive one',
    plant: () =>
      vi.spyOn(Frames.prototype, 'setFlag').mockImplementation(function (this: Frames, pfn, flag) {
        setFlag.call(this, pfn, flag | FRAME_EXCLUSIVE);
      }),
  },
];

test.each(PLANTED)('$what is found', ({ plant, by }) => {
  plant();
  const found =
    by === 'contents'
      ? fc.property(programs(CONTENT_NAMES), playContents)
      : fc.property(programs(NAMES), playChaos);
  expect(fc.check(found, { numRuns: 200, endOnFailure: true }).failed).toBe(true);
});

test('what is not broken is not found', () => {
  const details = fc.check(fc.property(programs(NAMES), playChaos), { numRuns: 10 });
  expect(details.failed).toBe(false);
});
