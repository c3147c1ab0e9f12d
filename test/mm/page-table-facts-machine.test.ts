/** Facts about one page, part 7: huge pages, pages that move or merge, regular files, resets. */
import {
  MADV_COLLAPSE,
  MADV_DONTNEED,
  MADV_HUGEPAGE,
  MADV_MERGEABLE,
  O_RDWR,
  O_TMPFILE,
  PAGE_IS_WRITTEN,
  PM_SCAN_WP_MATCHING,
  UFFD_FEATURE_WP_ASYNC,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { M, mapAt, PAGE, page, pagesAt, W } from '../support/guest.js';
import { errno } from '../support/observe.js';
import { ASYNC, facts, type PageFacts } from './page-facts.js';
import { statesOf } from './page-state.js';

/** A guest whose 2 MiB are one huge page. */
function huge(options: Parameters<typeof facts>[0] = {}): PageFacts {
  const it = facts({ pages: 512, modes: 0, ...options });
  it.advise(MADV_HUGEPAGE, 0, 512);
  it.guest.main.store8Sync(it.guest.at(0), 1);
  const mode = options.modes ?? W;
  if (options.modes === undefined)
    it.guest.uffd.registerSync({ ...pagesAt(it.guest.at(0), 512), mode });
  return it;
}

const isHuge = ({ guest }: PageFacts): boolean => {
  const { entry } = guest.machine.explain(guest.main, guest.at(0));
  return entry.kind === 'present' && entry.huge;
};

const protectedPages = (it: PageFacts): number[] =>
  statesOf(it.guest.proc, it.guest.at(0), 512).flatMap((state, n) =>
    state.includes('W') ? [n] : [],
  );

describe('a huge page', () => {
  test('protected as a whole loses one page of its protection by a write, and is split [68]', () => {
    const it = huge();
    it.protect(0, 512);
    expect(isHuge(it)).toBe(true);
    expect(it.onWrite(7)).toEqual(['fault 3 @7']);
    it.unprotect(7);
    const all = Array.from({ length: 512 }, (_, n) => n);
    expect(protectedPages(it)).toEqual(all.filter((n) => n !== 7));
    expect(isHuge(it)).toBe(false);
  });

  test('is EEXIST to COPY; a guard splits it and takes one page [69]', () => {
    const it = huge();
    expect(errno(() => it.copy(5, 7))).toBe('EEXIST');
    it.guard(5);
    const states = statesOf(it.guest.proc, it.guest.at(0), 512);
    expect([isHuge(it), states[5], states.filter((state) => state === 'PX').length]).toEqual([
      ...[false, 'Kg', 511],
    ]);
  });

  test('is split by a scan that protects four of its pages [63]', () => {
    const it = huge({ features: UFFD_FEATURE_WP_ASYNC });
    const { proc, at } = it.guest;
    proc.pagemapScan({
      start: at(8),
      end: at(12),
      flags: PM_SCAN_WP_MATCHING,
      mask: PAGE_IS_WRITTEN,
    });
    expect(protectedPages(it)).toEqual([8, 9, 10, 11]);
    expect(isHuge(it)).toBe(false);
  });

  test('is not made of protected pages or of holes in a registered area [70]', () => {
    const collapse = (prepare: (it: PageFacts) => void) => {
      const it = facts({ pages: 512, modes: W });
      for (let n = 0; n < 512; n++) it.guest.main.store8Sync(it.guest.at(n), 1);
      prepare(it);
      return errno(() => it.advise(MADV_COLLAPSE, 0, 512));
    };
    expect(collapse((it) => it.protect(3))).toBe('EINVAL');
    expect(collapse((it) => it.advise(MADV_DONTNEED, 3))).toBe('EBUSY');
    expect(collapse(() => {})).toBe('ok');
  });
});

test('a protected page keeps its protection when it moves to another frame [30]', () => {
  const it = facts();
  it.dirtyAndProtect(0, 42);
  const before = it.frame(0);
  it.guest.machine.compact(it.guest.proc);
  expect(it.frame(0)).not.toBe(before);
  expect([it.state(0), it.loads(0)]).toEqual(['PWX', { value: 42 }]);
  expect(it.onWrite(0)).toEqual(['fault 3 @0']);
});

test('equal protected pages lose their protection when they are merged [31]', () => {
  const it = facts({ pages: 8 });
  for (let n = 0; n < 8; n++) it.guest.main.writeSync(it.guest.at(n), page(9));
  it.protect(0, 8);
  it.advise(MADV_MERGEABLE, 0, 8);
  it.guest.machine.ksm.run();
  const lost = it
    .states(8)
    .split(' ')
    .filter((state) => !state.includes('W'));
  expect(lost.length).toBeGreaterThan(5);
  const silent = it
    .states(8)
    .split(' ')
    .indexOf(lost[0] ?? '');
  expect(it.onWrite(silent)).toEqual([]);
});

test('WP_ASYNC protects pages of a regular file; a write is seen by a scan alone [58]', () => {
  const it = facts({ features: UFFD_FEATURE_WP_ASYNC, modes: 0 });
  const { main, uffd, proc, at } = it.guest;
  const fd = main.openSync('/', O_TMPFILE | O_RDWR);
  main.pwriteSync({ fd, bytes: page(1, 2), offset: 0 });
  mapAt(main, at(16), 2, { kind: 'shared', fd });
  uffd.registerSync({ ...pagesAt(at(16), 2), mode: W });
  it.loads(16);
  it.protect(16, 2);
  const written = () => {
    const range = { start: at(16), end: at(18) };
    const { regions } = proc.pagemapScan({ ...range, mask: PAGE_IS_WRITTEN });
    return regions.map(({ start, end }) => [(start - at(16)) / PAGE, (end - at(16)) / PAGE]);
  };
  expect(written()).toEqual([]);
  expect(it.onWrite(16)).toEqual([]);
  expect([it.state(16), written()]).toEqual(['PFX', [[0, 1]]]);
});

describe('the fault counters', () => {
  test('do not count an access that ends in SIGSEGV [14]', () => {
    const it = facts({ modes: M });
    it.guard(1);
    it.loads(1);
    expect(it.guest.t2.faults).toMatchObject({ minor: 0, major: 0 });
  });

  test('count two minor faults for a write to a marker under WP_ASYNC, one to a page [59]', () => {
    const it = facts(ASYNC);
    it.guest.main.store8Sync(it.guest.at(1), 1);
    it.protect(0, 2);
    const minor = (n: number) => {
      const thread = it.guest.proc.createThread();
      thread.store8Sync(it.guest.at(n), 1);
      return thread.faults.minor;
    };
    expect([minor(0), minor(1)]).toEqual([2, 1]);
  });
});

test('clear_refs 1 makes pages unreferenced and nothing else; other values are EINVAL [81]', () => {
  const it = facts();
  it.dirtyAndProtect(0);
  const accessed = () => {
    const { entry } = it.guest.machine.explain(it.guest.main, it.guest.at(0));
    return entry.kind === 'present' && entry.accessed;
  };
  const before = [it.word(0), accessed()];
  it.guest.proc.clearRefs(1);
  expect([it.word(0), accessed()]).toEqual([before[0], false]);
  expect(before[1]).toBe(true);
  for (const what of [0, 6, 7]) {
    expect(errno(() => it.guest.proc.clearRefs(what))).toBe('EINVAL');
  }
});
