/**
 * Huge pages in page tables: which operations keep one huge entry, and which split it.
 */
import {
  MADV_COLD,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_GUARD_INSTALL,
  MADV_GUARD_REMOVE,
  MADV_HUGEPAGE,
  MADV_NOHUGEPAGE,
  MADV_PAGEOUT,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PAGE_IS_PRESENT,
  PAGE_IS_WRITTEN,
  PM_SCAN_WP_MATCHING,
  PROT_READ,
  UFFD_FEATURE_WP_ASYNC,
  UFFDIO_WRITEPROTECT_MODE_WP,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { BASE, type Guest, M, PAGE, pagesAt, RW, span, W } from '../support/guest.js';
import { H, hugeGuest, shape } from '../support/huge.js';
import { errno } from '../support/observe.js';

/** A guest whose first 2 MiB are one huge page. */
function written(options: Parameters<typeof hugeGuest>[0] = {}): Guest {
  const guest = hugeGuest(options);
  guest.t0.store8Sync(BASE, 7);
  return guest;
}

const wp = ({ uffd, at }: Guest, page: number, pages: number, mode: number): void =>
  uffd.writeprotectSync({ ...pagesAt(at(page), pages), mode });

/** What is done to the huge page at the start, and what is there then. */
type Row = [title: string, act: (guest: Guest) => void, shape: string];

const advise =
  (page: number, pages: number, advice: number) =>
  ({ main, at }: Guest): void => {
    main.madviseSync({ ...span(at(page), pages), advice });
  };

const ROWS: Row[] = [
  ['write-protecting all of it', (g) => wp(g, 0, H, 1), '0-511:HPw'],
  ['write-protecting a part', (g) => wp(g, 3, 2, 1), '0-2:P 3-4:Pw 5-511:P'],
  ['clearing the protection of a part', (g) => wp(g, 3, 2, 0), '0-511:P'],
  [
    'mprotect of all of it',
    ({ main }) => main.mprotectSync({ ...span(BASE, H), prot: PROT_READ }),
    '0-511:HP',
  ],
  [
    'mprotect of a part, which splits the area too',
    ({ main }) => main.mprotectSync({ ...span(BASE, 1), prot: PROT_READ }),
    '0-511:P',
  ],
  ['MADV_DONTNEED of all of it', advise(0, H, MADV_DONTNEED), ''],
  ['MADV_DONTNEED of a part', advise(500, 12, MADV_DONTNEED), '0-499:P'],
  ['MADV_FREE of all of it', advise(0, H, MADV_FREE), '0-511:HP'],
  ['MADV_FREE of a part: the rest was zeros', advise(1, 1, MADV_FREE), '0:P 1-511:ZP'],
  ['MADV_COLD of all of it', advise(0, H, MADV_COLD), '0-511:HP'],
  ['MADV_COLD of a part', advise(1, 1, MADV_COLD), '0:P 1-511:ZP'],
  ['MADV_PAGEOUT of all of it', advise(0, H, MADV_PAGEOUT), '0-511:S'],
  ['MADV_PAGEOUT of a part', advise(0, 2, MADV_PAGEOUT), '0:S 1-511:ZP'],
  ['MADV_GUARD_INSTALL in it', advise(9, 1, MADV_GUARD_INSTALL), '0-8:P 9:S 10-511:P'],
  ['MADV_GUARD_REMOVE over it', advise(9, 1, MADV_GUARD_REMOVE), '0-511:HP'],
  ['MADV_NOHUGEPAGE of its area', advise(0, 2 * H, MADV_NOHUGEPAGE), '0-511:HP'],
  ['munmap of a part', ({ main, at }) => main.munmapSync(span(at(510), 4)), '0-509:P'],
  ['unregistering its area', ({ uffd }) => uffd.unregisterSync(pagesAt(BASE, 2 * H)), '0-511:HP'],
  ['unregistering a part', ({ uffd }) => uffd.unregisterSync(pagesAt(BASE, 7)), '0-511:P'],
];

describe('A huge page', () => {
  test.each(ROWS)('after %s', (_title, act, after) => {
    const guest = written({ modes: W });
    guest.machine.swapOn({ size: 8 * 2 ** 20 });
    expect(shape(guest.proc)).toBe('0-511:HP');
    act(guest);
    expect(shape(guest.proc)).toBe(after);
  });

  test('keeps its content and its frames when it is split', () => {
    const guest = written({ config: { softDirty: false } });
    const before = guest.proc.pagemap(span(BASE, H));
    advise(3, 1, MADV_DONTNEED)(guest);
    const after = guest.proc.pagemap(span(BASE, H));
    expect(after[3]).toBe(0n);
    expect(after.with(3, before[3] ?? 0n)).toEqual(before);
    expect(guest.t0.load8Sync(BASE)).toBe(7);
  });

  test('moves whole to an aligned address, and page by page to another', () => {
    const to = BASE + 2 ** 30;
    for (const [target, moved] of [
      [to, '0-511:HP'],
      [to + PAGE, '0-511:P'],
    ] as const) {
      const { main, proc } = written();
      const size = { oldSize: H * PAGE, newSize: H * PAGE };
      const flags = MREMAP_MAYMOVE | MREMAP_FIXED;
      main.mremapSync({ oldAddress: BASE, ...size, newAddress: target, flags });
      expect(shape(proc, H, target)).toBe(moved);
      expect(main.load8Sync(target)).toBe(7);
    }
  });

  test('is shared as a whole by fork; the first write takes one page of it', () => {
    const guest = written();
    const child = guest.machine.process(guest.main.forkSync('child'));
    expect(shape(child, 2 * H)).toBe('0-511:HP');
    const used = guest.machine.freePages;
    child.main.store8Sync(guest.at(5), 9);
    expect(shape(child)).toBe('0-511:P');
    expect(shape(guest.proc)).toBe('0-511:HP');
    expect(used - guest.machine.freePages).toBe(1);
    expect(guest.main.load8Sync(guest.at(5))).toBe(0);
    child.exit();
    guest.t0.store8Sync(guest.at(6), 1);
    expect(shape(guest.proc)).toBe('0-511:HP');
  });

  test('shows exclusive in pagemap by its first page, on 6.6 and 6.12 by each', () => {
    const exclusive = (word: bigint) => (word & (1n << 56n)) !== 0n;
    for (const kernel of ['6.1', '6.12', '6.18'] as const) {
      const guest = written({ kernel });
      const child = guest.machine.process(guest.main.forkSync('child'));
      child.main.madviseSync({ ...span(BASE, 256), advice: MADV_DONTNEED });
      const shown = Array.from(guest.proc.pagemap(span(BASE, H)), exclusive);
      expect(shown[0]).toBe(true);
      expect(shown.lastIndexOf(true)).toBe(kernel === '6.12' ? 255 : 511);
    }
  });

  test('is protected whole or in part by a scan, which reports a part as single pages', () => {
    const request = { mask: PAGE_IS_WRITTEN, flags: PM_SCAN_WP_MATCHING };
    const features = UFFD_FEATURE_WP_ASYNC;
    const whole = written({ modes: W, features });
    const end = BASE + H * PAGE;
    whole.proc.pagemapScan({ ...request, start: BASE, end, returned: PAGE_IS_PRESENT });
    expect(shape(whole.proc)).toBe('0-511:HPw');
    whole.t0.store8Sync(whole.at(2), 1);
    expect(shape(whole.proc)).toBe('0-1:Pw 2:P 3-511:Pw');
    const part = written({ modes: W, features });
    part.proc.pagemapScan({ ...request, start: BASE, end, maxPages: 4 });
    expect(shape(part.proc)).toBe('0-3:Pw 4-511:P');
  });

  test('takes no page of a fill: EEXIST before the source is looked at', () => {
    const { uffd, at } = written({ modes: W });
    expect(errno(() => uffd.copySync({ dst: at(3), src: 0x1000, len: PAGE, mode: 0 }))).toBe(
      'EEXIST',
    );
    expect(errno(() => uffd.zeropageSync({ ...pagesAt(at(3)), mode: 0 }))).toBe('EEXIST');
  });

  test('is no longer brought where single pages were filled or an empty table is left', () => {
    for (const [kernel, again] of [
      ['6.12', '9:P'],
      ['6.18', '0-511:HP'],
    ] as const) {
      const guest = hugeGuest({ kernel, modes: M });
      guest.uffd.zeropageSync({ ...pagesAt(guest.at(3)), mode: 0 });
      guest.uffd.unregisterSync(pagesAt(BASE, 2 * H));
      guest.t0.store8Sync(guest.at(9), 1);
      expect(shape(guest.proc)).toBe('3:ZP 9:P');
      advise(0, H, MADV_DONTNEED)(guest);
      guest.t0.store8Sync(guest.at(9), 1);
      expect(shape(guest.proc)).toBe(again);
    }
  });

  test('raises one message for the page that is written, and releasing that page splits it', () => {
    const guest = written({ modes: W });
    const { uffd, t0, proc, at } = guest;
    wp(guest, 0, H, UFFDIO_WRITEPROTECT_MODE_WP);
    const store = t0.store8(at(7) + 3, 1);
    expect(uffd.readMsgSync()).toMatchObject({ event: 'pagefault', address: at(7) });
    wp(guest, 7, 1, 0);
    expect(shape(proc)).toBe('0-6:Pw 7:P 8-511:Pw');
    return store;
  });
});

describe('An area', () => {
  test('needs MADV_HUGEPAGE, or a machine where every fault may bring huge pages', () => {
    const never = hugeGuest({ transparentHugepage: 'never' });
    never.t0.store8Sync(BASE, 1);
    expect(shape(never.proc)).toBe('0:P');
    const always = hugeGuest({ transparentHugepage: 'always' });
    always.main.madviseSync({ ...span(BASE, H), advice: MADV_NOHUGEPAGE });
    always.t0.store8Sync(BASE, 1);
    always.main.mmapSync({ ...span(BASE + 2 ** 30, H), prot: RW, flags: 0x32 });
    always.t0.store8Sync(BASE + 2 ** 30, 1);
    expect(shape(always.proc)).toBe('0:P');
    expect(shape(always.proc, H, BASE + 2 ** 30)).toBe('0-511:HP');
  });

  test('gets single pages in 2 MiB that it does not have whole', () => {
    const { t0, proc, at } = hugeGuest({ pages: H + 100 });
    t0.store8Sync(at(H + 1), 1);
    t0.store8Sync(at(1), 1);
    expect(shape(proc)).toBe('0-511:HP 513:P');
  });

  test('gets single pages when no 512 frames in a row are free', () => {
    const { t0, proc } = hugeGuest({ pages: H, memory: (H + 8) * PAGE });
    t0.store8Sync(BASE, 1);
    expect(shape(proc)).toBe('0:P');
  });

  test('shows hg and nh in VmFlags, the later advice', () => {
    const { main, proc } = hugeGuest();
    const tokens = () =>
      proc
        .maps()
        .at(-1)
        ?.vmFlags.filter((flag) => /^(hg|nh)$/.test(flag));
    expect(tokens()).toEqual(['hg']);
    main.madviseSync({ ...span(BASE, 2 * H), advice: MADV_NOHUGEPAGE });
    expect(tokens()).toEqual(['nh']);
    main.madviseSync({ ...span(BASE, 2 * H), advice: MADV_HUGEPAGE });
    expect(tokens()).toEqual(['hg']);
  });
});
