/**
 * A page that swapoff cannot read: what each kernel leaves in its place, and who takes care not to
 * lose that. An error outranks protection, and nothing but a zap or a fill takes it away.
 */
import {
  type KernelVersion,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_POPULATE_READ,
  type Quirks,
  UFFD_FEATURE_EVENT_FORK,
  UFFD_FEATURE_WP_UNPOPULATED,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { installMarker } from '../../src/mm/marker.js';
import { MARKER_POISONED, MARKER_UFFD_WP, markerWith } from '../../src/pgtable/pte.js';
import { type GuestOptions, M, PAGE, pagesAt, span, W } from '../support/guest.js';
import { errno } from '../support/observe.js';
import { facts, type PageFacts } from './page-facts.js';

const BUS_ADRERR = { signal: 'SIGBUS', code: 'BUS_ADRERR' };
const MCEERR_AR = { signal: 'SIGBUS', code: 'BUS_MCEERR_AR' };

const slotOf = (it: PageFacts, n: number): number =>
  Number((it.word(n) >> 5n) & ((1n << 50n) - 1n));

/** A guest whose page 0 swapoff could not read. Page 1 was read back as it was. */
function lost(options: GuestOptions = {}, isProtected = false): PageFacts {
  const it = facts({ modes: 0, ...options });
  for (const n of [0, 1]) it.guest.main.store8Sync(it.guest.at(n), 42 + n);
  if (isProtected) it.protect(0);
  for (const n of [0, 1]) it.swapOut(n);
  it.swap.failReads(slotOf(it, 0));
  it.swap.off();
  return it;
}

const childOf = ({ guest }: PageFacts) => guest.machine.process(guest.main.forkSync());

/** Type and offset of a word of pagemap that has no page. */
const entryOf = (word: bigint) => [Number(word & 31n), Number((word >> 5n) & 0xffn)];

describe('a page that swapoff cannot read', () => {
  test.each<[KernelVersion, object]>([
    ['5.10', { value: 0x6b }],
    ['5.15', { value: 0x6b }],
    ['5.19', BUS_ADRERR],
    ['6.1', BUS_ADRERR],
    ['6.6', MCEERR_AR],
    ['6.12', MCEERR_AR],
    ['6.18', MCEERR_AR],
    ['7.3', MCEERR_AR],
  ])('in %s ends an access with %o, in a child too', (kernel, end) => {
    const it = lost({ kernel });
    expect(it.loads(0)).toMatchObject(end);
    expect(it.loads(1)).toEqual({ value: 43 });
    const child = childOf(it);
    const inChild = errno(() => child.main.load8Sync(it.guest.at(0)));
    expect(inChild).toBe('value' in end ? 'ok' : 'SIGBUS');
  });

  test('is an entry of its own type up to 6.1 and a marker afterwards', () => {
    const entry = (kernel: KernelVersion) => entryOf(lost({ kernel }).word(0));
    expect([entry('5.19'), entry('6.1')]).toEqual([
      [31, 0],
      [31, 0],
    ]);
    expect([entry('6.6'), entry('6.18')]).toEqual([
      [31, 2],
      [31, 2],
    ]);
  });

  test('leaves markers one type below while errors have one of their own', () => {
    const marker = (kernel: KernelVersion) => {
      const it = facts({ kernel, kind: 'shared' });
      it.protect(0);
      return entryOf(it.word(0));
    };
    expect([marker('5.19'), marker('6.1')]).toEqual([
      [30, 1],
      [30, 1],
    ]);
    expect([marker('6.6'), marker('6.18')]).toEqual([
      [31, 1],
      [31, 1],
    ]);
  });

  test('loses its protection with its content', () => {
    for (const kernel of ['6.1', '6.18'] as const) {
      const it = lost({ kernel, modes: W }, true);
      expect(it.word(0) & (1n << 57n)).toBe(0n);
    }
  });

  test.each<[string, KernelVersion, string, string, number]>([
    ['an entry', '5.19', 'EEXIST', 'EFAULT', 1],
    ['an entry', '6.1', 'EEXIST', 'EFAULT', 1],
    ['a marker', '6.18', 'ok', 'EHWPOISON', 0],
  ])(
    'as %s of %s: COPY %s, MADV_POPULATE_READ %s, mincore %i',
    (_, kernel, copy, populate, in_) => {
      const it = lost({ kernel, modes: W });
      const { main, at } = it.guest;
      expect(main.mincoreSync(span(at(0)))[0]).toBe(in_);
      expect(errno(() => it.advise(MADV_POPULATE_READ, 0))).toBe(populate);
      expect(errno(() => it.copy(0, 7))).toBe(copy);
    },
  );

  test.each<KernelVersion>(['5.19', '6.1', '6.18'])(
    'is cured in %s by a zap and MADV_FREE',
    (kernel) => {
      for (const advice of [MADV_DONTNEED, MADV_FREE]) {
        const it = lost({ kernel });
        it.advise(advice, 0);
        expect(it.loads(0)).toEqual({ value: 0 });
      }
    },
  );

  test.each<KernelVersion>(['5.19', '6.1', '6.18'])('moves along with mremap in %s', (kernel) => {
    const it = lost({ kernel });
    it.move(0, 16);
    expect(it.loads(16)).toMatchObject({ signal: 'SIGBUS' });
  });
});

describe('protection changes', () => {
  test.each<KernelVersion>(['5.19', '6.1', '6.6', '6.18', '7.3'])(
    'in %s never cure it: mprotect, WP on, WP off, UNREGISTER, close',
    (kernel) => {
      const it = lost({ kernel, modes: W });
      const { main, uffd, at } = it.guest;
      const stays = () => expect(it.loads(0)).toMatchObject({ signal: 'SIGBUS' });
      it.protect(0, 2);
      stays();
      for (const prot of [0, 1, 3]) main.mprotectSync({ ...span(at(0), 4), prot });
      stays();
      it.unprotect(0, 2);
      stays();
      uffd.unregisterSync(pagesAt(at(0), 4));
      stays();
      uffd.close();
      stays();
    },
  );

  test('ignore the marker: its word stays as it is', () => {
    const it = lost({ modes: W });
    const before = it.word(0);
    it.protect(0);
    expect(it.word(0)).toBe(before);
    it.unprotect(0);
    expect(it.word(0)).toBe(before);
  });

  test('set the side bit of the old entry, which changes nothing else', () => {
    const it = lost({ kernel: '6.1', modes: W });
    const before = it.word(0);
    it.protect(0);
    expect(it.word(0)).toBe(before | (1n << 57n));
    expect(it.loads(0)).toMatchObject(BUS_ADRERR);
    it.unprotect(0);
    expect(it.word(0)).toBe(before);
  });
});

describe('a marker of an error and of protection', () => {
  /** No kernel makes one; whoever meets one must keep the error. */
  function both(options: GuestOptions = {}): PageFacts {
    const it = facts({ features: UFFD_FEATURE_WP_UNPOPULATED, modes: M | W, ...options });
    const { mm } = it.guest.proc.state;
    const addr = it.guest.at(0);
    it.copy(1, 7); // so that fork copies the page table
    installMarker(mm, mm.slotOrCreate(addr), addr, markerWith(MARKER_POISONED, MARKER_UFFD_WP));
    return it;
  }

  test('is an error to whoever touches it, without a message', () => {
    const it = both();
    expect(it.state(0)).toBe('KwKp');
    expect(it.loads(0)).toMatchObject(MCEERR_AR);
    expect(it.messages()).toEqual([]);
  });

  test('is the error alone once protection is cleared: WP off, mremap, fork', () => {
    const off = both();
    off.unprotect(0);
    expect(off.state(0)).toBe('Kp');
    const moved = both();
    moved.move(0, 16);
    expect(moved.state(16)).toBe('Kp');
    const forked = both();
    expect([forked.state(0, childOf(forked)), forked.state(0)]).toEqual(['Kp', 'KwKp']);
  });

  test('goes whole to a child that is registered', async () => {
    const features = UFFD_FEATURE_WP_UNPOPULATED | UFFD_FEATURE_EVENT_FORK;
    const it = both({ features });
    const fork = it.guest.t0.fork();
    expect(it.messages()).toEqual(['fork']);
    expect(it.state(0, it.guest.machine.process(await fork))).toBe('KwKp');
  });
});

describe('6.2-rc1, whose fork lost errors', () => {
  const RC: Quirks = {
    swapinErrorEntry: false,
    swapinErrorMarker: true,
    forkLosesMarkers: true,
  };
  const inChild = (quirks: Quirks) => {
    const it = lost({ kernel: '6.1', quirks });
    const child = childOf(it);
    const call = () => child.main.readSync(it.guest.at(0), PAGE)[0];
    return [it.loads(0), errno(call) === 'ok' ? call() : errno(call)];
  };

  test('corrupts the child in silence: zeros where the parent gets SIGBUS', () => {
    expect(inChild(RC)).toEqual([expect.objectContaining(BUS_ADRERR), 0]);
  });

  test('does so to a registered child no more than the fixed kernel', async () => {
    const features = UFFD_FEATURE_EVENT_FORK;
    const it = lost({ kernel: '6.1', quirks: RC, features, modes: W });
    const fork = it.guest.t0.fork();
    it.messages();
    const child = it.guest.machine.process(await fork);
    expect(errno(() => child.main.load8Sync(it.guest.at(0)))).toBe('SIGBUS');
  });

  test('is fixed by copying errors always: the child gets SIGBUS too', () => {
    const fixed = { ...RC, forkLosesMarkers: false };
    expect(inChild(fixed)).toEqual([expect.objectContaining(BUS_ADRERR), 'SIGBUS']);
  });
});
