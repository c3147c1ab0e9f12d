/**
 * Pages under migration: what the entry in between shows, what comes back, and what each call does
 * that meets it. `finish` gives another frame, `fail` the old one; otherwise they are alike.
 */
import {
  type Migration,
  PM_SCAN_WP_MATCHING,
  PM_SOFT_DIRTY_BIT,
  PROT_READ,
  UFFD_FEATURE_EVENT_FORK,
  UFFD_FEATURE_WP_ASYNC,
  UFFDIO_WRITEPROTECT_MODE_WP,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { entryTypes } from '../../src/profile/entry-types.js';
import { kernelProfile } from '../../src/profile/profile.js';
import { BASE, type Guest, M, machineWith, PAGE, pagesAt, RW, span, W } from '../support/guest.js';
import { drain, errno } from '../support/observe.js';
import { pageState, statesOf } from './page-state.js';

const PFN = (1n << 55n) - 1n;
const ON = UFFDIO_WRITEPROTECT_MODE_WP;
const ENDS = ['finish', 'fail'] as const;
const TYPES = entryTypes((name) => kernelProfile('6.18').has(name));

const word = ({ proc }: Guest, n = 0): bigint => proc.pagemap(span(BASE + n * PAGE))[0] ?? 0n;
const frame = (guest: Guest, n = 0): bigint => word(guest, n) & PFN;
const typeOf = (guest: Guest, n = 0): number => Number(word(guest, n) & 31n);

const begin = ({ machine, proc }: Guest, pages = 4): Migration =>
  machine.migrate({ process: proc, ...span(BASE, pages) });

/** Page 0 written, page 1 written and protected, page 2 the zero page, page 3 untouched. */
function guestOfFour(): Guest {
  const guest = machineWith({ modes: W });
  guest.main.store8Sync(guest.at(0), 10);
  guest.main.store8Sync(guest.at(1), 11);
  guest.main.load8Sync(guest.at(2));
  guest.uffd.writeprotectSync({ ...pagesAt(guest.at(1)), mode: ON });
  return guest;
}

describe('while a page is being moved', () => {
  test('pagemap shows a swap-like entry with its type, its frame and uffd-wp', () => {
    const guest = guestOfFour();
    const before = [frame(guest, 0), frame(guest, 1)];
    const migration = begin(guest);
    expect(migration.pages).toEqual([guest.at(0), guest.at(1)]);
    expect(statesOf(guest.proc, BASE, 4)).toEqual(['S', 'Sw', 'P', '-']);
    expect([frame(guest, 0) >> 5n, frame(guest, 1) >> 5n]).toEqual(before);
    expect([typeOf(guest, 0), typeOf(guest, 1)]).toEqual([
      TYPES.migrationWrite,
      TYPES.migrationReadExclusive,
    ]);
    migration.finish();
  });

  test('a page that a child shares is read and not exclusive, in both', () => {
    const guest = guestOfFour();
    const child = guest.machine.process(guest.main.forkSync());
    const migration = begin(guest);
    expect(typeOf(guest)).toBe(TYPES.migrationRead);
    expect(child.pagemap(span(BASE))[0]).toBe(word(guest));
    migration.finish();
    expect([pageState(guest.proc, BASE), pageState(child, BASE)]).toEqual(['P', 'P']);
  });

  test('a page of a file is told by bit 61', () => {
    const guest = machineWith({ kind: 'shared', cached: [1], modes: 0 });
    guest.main.store8Sync(BASE, 2);
    const migration = begin(guest);
    expect((word(guest) >> 61n) & 3n).toBe(3n);
    migration.fail();
  });

  test('an access sleeps, hears no event, and goes on at the end', async () => {
    for (const end of ENDS) {
      const guest = guestOfFour();
      const migration = begin(guest);
      const [read, write] = [guest.t0.load8(guest.at(0)), guest.t1.store8(guest.at(0), 99)];
      expect([guest.t0.state, guest.t1.state]).toEqual(['blocked', 'blocked']);
      expect(guest.t0.waitsFor).toContain('being moved');
      migration[end]();
      expect([guest.t0.state, guest.t1.state]).toEqual(['idle', 'idle']);
      expect(await read).toBe(10); // who slept first goes first
      await write;
      expect(guest.main.load8Sync(guest.at(0))).toBe(99);
      expect(drain(guest.uffd, BASE)).toEqual([]);
    }
  });

  test('a write to a protected page asks the handler only when the page is back', () => {
    const guest = guestOfFour();
    const migration = begin(guest);
    void guest.t0.store8(guest.at(1), 1).catch(() => {});
    expect(drain(guest.uffd, BASE)).toEqual([]);
    migration.finish();
    expect(drain(guest.uffd, BASE)).toEqual(['fault 3 @1']);
    guest.proc.exit();
  });

  test('a sync access says what it would wait for and leaves no trace', () => {
    const guest = guestOfFour();
    using migration = begin(guest);
    expect(() => guest.t0.load8Sync(guest.at(0))).toThrow('being moved');
    expect(migration.ended).toBe(false);
    expect(statesOf(guest.proc, BASE, 2)).toEqual(['S', 'Sw']);
  });

  test('calls of the kernel on the page wait too', () => {
    const guest = machineWith({ kind: 'shared', cached: [1, 2], modes: 0 });
    guest.main.load8Sync(BASE);
    using _migration = begin(guest, 1);
    const { main, fd, proc } = guest;
    const calls = [
      () => main.preadSync({ fd, count: 1, offset: 0 }),
      () => main.pwriteSync({ fd, bytes: Uint8Array.of(1), offset: 9 }),
      () => main.ftruncateSync({ fd, length: 100 }),
      () => main.fallocateSync({ fd, mode: 3, offset: 0, length: PAGE }),
      () => main.madviseSync({ ...span(BASE), advice: 22 }),
      () => main.peekSync({ pid: proc.pid, ...span(BASE) }),
      () => main.processVmReadvSync({ pid: proc.pid, ...span(BASE) }),
      () => main.madviseSync({ ...span(BASE), advice: 9 }),
    ];
    for (const call of calls) expect(call).toThrow('being moved');
    expect(main.preadSync({ fd, count: 1, offset: PAGE })).toEqual(Uint8Array.of(2));
  });

  test('a sleeper dies with its process and the end finds nobody', async () => {
    const guest = guestOfFour();
    const migration = begin(guest);
    const read = guest.t0.load8(guest.at(0));
    guest.proc.exit();
    await expect(read).rejects.toThrow('exit');
    const free = guest.machine.freePages;
    migration.finish();
    expect(guest.machine.freePages).toBe(free + 4); // two pages, in two frames each
  });
});

describe('at the end', () => {
  test.each(ENDS)('%s: protection, content and exclusiveness are what they were', (end) => {
    const guest = guestOfFour();
    const before = [frame(guest, 0), frame(guest, 1)];
    begin(guest)[end]();
    expect(statesOf(guest.proc, BASE, 4)).toEqual(['PX', 'PWX', 'P', '-']);
    const after = [frame(guest, 0), frame(guest, 1)];
    expect(after.map((pfn, n) => pfn === before[n])).toEqual(
      end === 'finish' ? [false, false] : [true, true],
    );
    expect(guest.t0.load8Sync(guest.at(1))).toBe(11);
    expect(errno(() => guest.t0.store8Sync(guest.at(0), 5))).toBe('ok');
    expect(() => guest.t0.store8Sync(guest.at(1), 5)).toThrow('UFFDIO_WRITEPROTECT');
  });

  test.each(ENDS)('%s: soft-dirty comes from the entry', (end) => {
    const guest = machineWith({ modes: 0 });
    guest.main.store8Sync(BASE, 1);
    begin(guest)[end]();
    expect((word(guest) >> BigInt(PM_SOFT_DIRTY_BIT)) & 1n).toBe(1n);
  });

  test('a second end is refused', () => {
    const migration = begin(guestOfFour());
    migration.finish();
    expect(() => migration.finish()).toThrow(RangeError);
    expect(() => migration.fail()).toThrow(RangeError);
    migration[Symbol.dispose]();
  });

  test('a frame that was left is free again', () => {
    const guest = guestOfFour();
    const free = guest.machine.freePages;
    const migration = begin(guest);
    expect(guest.machine.freePages).toBe(free - 2);
    migration.finish();
    expect(guest.machine.freePages).toBe(free);
  });

  test('a page of a file moves in the cache and in every mapping', () => {
    const guest = machineWith({ kind: 'shared', cached: [7], modes: 0 });
    const other = guest.machine.process(guest.main.forkSync());
    guest.main.store8Sync(BASE, 8);
    expect(other.main.load8Sync(BASE)).toBe(8);
    begin(guest, 1).finish();
    expect(pageState(other, BASE)).toBe('PF');
    guest.main.store8Sync(BASE, 9);
    expect(other.main.load8Sync(BASE)).toBe(9);
    expect(guest.main.preadSync({ fd: guest.fd, count: 1, offset: 0 })).toEqual(Uint8Array.of(9));
  });
});

describe('a call that does not wait', () => {
  const acted = (act: (guest: Guest) => void): string[] => {
    const guest = guestOfFour();
    const migration = begin(guest);
    act(guest);
    const between = statesOf(guest.proc, BASE, 2).join(' ');
    migration.finish();
    return [between, statesOf(guest.proc, BASE, 2).join(' ')];
  };

  test('MADV_DONTNEED and munmap drop the entry: nothing comes back', () => {
    expect(acted(({ main }) => main.madviseSync({ ...span(BASE, 2), advice: 4 }))).toEqual([
      '- -',
      '- -',
    ]);
    expect(acted(({ main }) => main.munmapSync(span(BASE, 2)))).toEqual(['- -', '- -']);
  });

  test('MADV_FREE, MADV_PAGEOUT and MADV_COLD leave it', () => {
    for (const advice of [8, 21, 20]) {
      expect(acted(({ main }) => main.madviseSync({ ...span(BASE, 2), advice }))).toEqual([
        'S Sw',
        'PX PWX',
      ]);
    }
  });

  test('WRITEPROTECT sets and clears the bit of the entry', () => {
    expect(acted(({ uffd }) => uffd.writeprotectSync({ ...pagesAt(BASE, 2), mode: ON }))).toEqual([
      'Sw Sw',
      'PWX PWX',
    ]);
    expect(acted(({ uffd }) => uffd.writeprotectSync({ ...pagesAt(BASE, 2), mode: 0 }))).toEqual([
      'S S',
      'PX PX',
    ]);
  });

  test('mprotect turns a write entry into a read one: no write comes back with it', () => {
    const guest = guestOfFour();
    const migration = begin(guest);
    guest.main.mprotectSync({ ...span(BASE), prot: PROT_READ });
    expect(typeOf(guest)).toBe(TYPES.migrationReadExclusive);
    migration.finish();
    expect(errno(() => guest.t0.store8Sync(BASE, 1))).toBe('SIGSEGV');
    guest.main.mprotectSync({ ...span(BASE), prot: RW });
    expect(errno(() => guest.t0.store8Sync(BASE, 1))).toBe('ok');
  });

  test('mremap moves the entry, without its protection, and the page follows', () => {
    const to = BASE + 64 * PAGE;
    const guest = guestOfFour();
    const migration = begin(guest);
    guest.main.mremapSync({
      oldAddress: BASE,
      oldSize: 4 * PAGE,
      newSize: 4 * PAGE,
      newAddress: to,
      flags: 3,
    });
    expect(statesOf(guest.proc, to, 2)).toEqual(['S', 'S']);
    migration.finish();
    expect(statesOf(guest.proc, to, 2)).toEqual(['PX', 'PX']);
    expect([guest.t0.load8Sync(to), guest.t0.load8Sync(to + PAGE)]).toEqual([10, 11]);
  });

  test('fork makes it a shared read entry on both sides; protection goes to a registered child', () => {
    for (const [features, expected] of [
      [0, 'P'],
      [UFFD_FEATURE_EVENT_FORK, 'PW'],
    ] as const) {
      const guest = machineWith({ modes: W, features });
      guest.main.store8Sync(BASE, 1);
      guest.uffd.writeprotectSync({ ...pagesAt(BASE), mode: ON });
      guest.uffd.on('fork', () => {});
      const migration = begin(guest);
      const child = guest.machine.process(guest.main.forkSync());
      expect(typeOf(guest)).toBe(TYPES.migrationRead);
      migration.finish();
      expect([pageState(guest.proc, BASE), pageState(child, BASE)]).toEqual(['PW', expected]);
    }
  });

  test('mincore counts the page, move_pages does not find it', () => {
    const guest = guestOfFour();
    using _migration = begin(guest);
    expect([...guest.main.mincoreSync(span(BASE, 4))]).toEqual([1, 1, 1, 0]);
    const { status } = guest.main.movePagesSync({ pages: [BASE] });
    expect(status).toEqual([-2]);
  });

  test('a fill is refused, a guard replaces it', () => {
    const guest = machineWith({ modes: M });
    guest.uffd.copySync({ dst: BASE, src: new Uint8Array(PAGE), len: PAGE });
    using _migration = begin(guest);
    const fill = () => guest.uffd.copySync({ dst: BASE, src: new Uint8Array(PAGE), len: PAGE });
    expect(errno(fill)).toBe('EEXIST');
    guest.main.madviseSync({ ...span(BASE), advice: 102 });
    expect(pageState(guest.proc, BASE)).toBe('Kg');
  });

  test('UFFDIO_MOVE waits for its source and takes it from the new frame', async () => {
    const guest = machineWith({ modes: M });
    const from = guest.main.mmapSync({ length: PAGE, prot: RW, flags: 0x22 });
    guest.main.store8Sync(from, 77);
    const migration = guest.machine.migrate({ process: guest.proc, ...span(from) });
    const moved = guest.uffd.move({ dst: BASE, src: from, len: PAGE, mode: 0 });
    expect(pageState(guest.proc, BASE)).toBe('-');
    migration.finish();
    expect(await moved).toBe(PAGE);
    expect(guest.t0.load8Sync(BASE)).toBe(77);
  });

  test('a protected page of a file leaves a marker when it is zapped', () => {
    const guest = machineWith({ kind: 'shared', cached: [1], modes: W });
    guest.main.load8Sync(BASE);
    guest.uffd.writeprotectSync({ ...pagesAt(BASE), mode: ON });
    const migration = begin(guest, 1);
    guest.main.madviseSync({ ...span(BASE), advice: 4 });
    expect(pageState(guest.proc, BASE)).toBe('Kw');
    migration.finish();
    expect(pageState(guest.proc, BASE)).toBe('Kw');
  });

  test('a scan sees it swapped; protection that it puts on a write entry is lost, as on Linux', () => {
    const guest = machineWith({ modes: W, features: UFFD_FEATURE_WP_ASYNC });
    guest.main.store8Sync(BASE, 1);
    const migration = begin(guest);
    const result = guest.proc.pagemapScan({
      start: BASE,
      end: BASE + PAGE,
      flags: PM_SCAN_WP_MATCHING,
      mask: 2,
      returned: 0x7f,
    });
    expect(result.regions).toEqual([{ start: BASE, end: BASE + PAGE, categories: 0x13 }]);
    expect(pageState(guest.proc, BASE)).toBe('Sw');
    migration.finish();
    expect(pageState(guest.proc, BASE)).toBe('PX');
  });
});

describe('what cannot move', () => {
  test('stays: nothing mapped, the zero page, markers, what is already under way', () => {
    const guest = guestOfFour();
    using _first = begin(guest);
    expect(begin(guest).pages).toEqual([]);
  });

  test('stays when memory is full', () => {
    const guest = machineWith({ modes: 0, memory: 8 * PAGE });
    guest.main.store8Sync(BASE, 1);
    while (guest.machine.freePages > 0)
      guest.main.store8Sync(guest.at(4 - guest.machine.freePages), 1);
    expect(begin(guest).pages).toEqual([]);
    expect(guest.machine.compact(guest.proc)).toBe(0);
  });
});

describe('compaction', () => {
  test('gives every page of a process another frame and changes nothing else', () => {
    const guest = guestOfFour();
    const before = [frame(guest, 0), frame(guest, 1)];
    expect(guest.machine.compact(guest.proc)).toBe(2);
    expect(statesOf(guest.proc, BASE, 4)).toEqual(['PX', 'PWX', 'P', '-']);
    expect(before).not.toContain(frame(guest, 0));
    expect(frame(guest, 1)).not.toBe(before[1]);
    expect(guest.t0.load8Sync(guest.at(1))).toBe(11);
  });

  test('takes pages of the swap cache along', () => {
    const guest = machineWith({ modes: 0 });
    guest.machine.swapOn({ size: 16 * PAGE });
    guest.main.store8Sync(BASE, 5);
    guest.main.madviseSync({ ...span(BASE), advice: 21 });
    const child = guest.machine.process(guest.main.forkSync());
    guest.main.load8Sync(BASE);
    expect(guest.machine.compact(guest.proc)).toBe(1);
    expect(child.main.load8Sync(BASE)).toBe(5);
    expect(child.pagemap(span(BASE))[0]).toBe(word(guest));
  });
});
