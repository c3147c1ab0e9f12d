/**
 * mremap: what moves along and what does not, by kind of registration; the old place; the areas.
 */
import {
  MADV_GUARD_INSTALL,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  UFFD_FEATURE_EVENT_REMAP,
  UFFD_FEATURE_EVENT_UNMAP,
  UFFD_FEATURE_WP_UNPOPULATED,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import {
  BASE,
  type Guest,
  M,
  machineWith,
  mapAt,
  memfd,
  newMachine,
  PAGE,
  page,
  pagesAt,
  span,
  W,
} from '../support/guest.js';
import { areas, errno } from '../support/observe.js';
import { MatrixPage } from './matrix-page.js';
import { statesOf } from './page-state.js';

const TO = BASE + 64 * PAGE;

function move(guest: Pick<Guest, 'main'>, from: number, pages: number, to = TO, flags = 0): number {
  return guest.main.mremapSync({
    oldAddress: from,
    oldSize: pages * PAGE,
    newSize: pages * PAGE,
    newAddress: to,
    flags: MREMAP_MAYMOVE | MREMAP_FIXED | flags,
  });
}

/** State at the start, with EVENT_REMAP, and without it. */
type Row = [state: string, kept: string, dropped: string];

// biome-ignore format: a table
const ROWS = {
  anon: [
    ['N',            '-',   '-'],
    ['rw',           'PX',  'PX'],
    ['rw+wp',        'PWX', 'PX'],
    ['rd',           'P',   'P'],
    ['rd+wp',        'PW',  'P'],
    ['paged-out',    'S',   'S'],
    ['paged-out+wp', 'Sw',  'S'],
    ['Kw',           'Kw',  '-'],
    ['Kp',           'Kp',  'Kp'],
    ['Kg',           'Kg',  'Kg'],
  ],
  shared: [
    ['rw',           'PFX',  'PFX'],
    ['rw+wp',        'PFWX', 'PFX'],
    ['Kw',           'Kw',   '-'],
    ['Kp',           'Kp',   'Kp'],
    ['Kg',           'Kg',   'Kg'],
  ],
} as const satisfies Record<string, readonly Row[]>;

const cases = (['anon', 'shared'] as const).flatMap((kind) =>
  ROWS[kind].map(([state, kept, dropped]) => ({ kind, state, kept, dropped })),
);

describe('a page that moves', () => {
  test.each(cases)('$kind $state: $kept with EVENT_REMAP, $dropped without', (row) => {
    const moved = [UFFD_FEATURE_EVENT_REMAP, 0].map((feature) => {
      const features = feature | UFFD_FEATURE_WP_UNPOPULATED;
      const it = new MatrixPage({ kind: row.kind, modes: W, features }).enter(row.state);
      it.uffd.on('remap', () => {});
      move(it, it.addr, 1);
      return statesOf(it.proc, TO)[0];
    });
    expect(moved).toEqual([row.kept, row.dropped]);
  });

  test.each(['6.6', '6.1'] as const)('keeps its protection as stale state on %s', (kernel) => {
    const guest = machineWith({ kernel, modes: W });
    const { main, uffd, proc, at } = guest;
    main.store8Sync(at(0), 1);
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 1 });
    move(guest, at(0), 1);
    expect(statesOf(proc, TO)).toEqual(['PWX']);
    main.store8Sync(TO, 2); // the area is not registered: nobody is asked
    expect(main.load8Sync(TO)).toBe(2);
  });

  test('keeps frame and content; nothing is left at the old place', () => {
    const guest = machineWith({ modes: 0 });
    const { main, proc, at } = guest;
    main.writeSync(at(0), page(7, 4));
    const frames = [...proc.pagemap(span(at(0), 4))];
    expect(move(guest, at(0), 4)).toBe(TO);
    expect([...proc.pagemap(span(TO, 4))]).toEqual(frames);
    expect(errno(() => main.load8Sync(at(0)))).toBe('SIGSEGV');
    expect(main.readSync(TO, 4 * PAGE)).toEqual(page(7, 4));
  });

  test('across page tables arrives in order', () => {
    const guest = machineWith({ pages: 1100, modes: 0 });
    const { main, at } = guest;
    for (const n of [0, 511, 512, 1023, 1024, 1099]) main.store32Sync(at(n), n + 1);
    const to = BASE + 2 ** 32 + 37 * PAGE;
    move(guest, at(0), 1100, to);
    expect([0, 511, 512, 1023, 1024, 1099].map((n) => main.load32Sync(to + n * PAGE))).toEqual([
      1, 512, 513, 1024, 1025, 1100,
    ]);
  });
});

describe('the registration', () => {
  test('moves along with EVENT_REMAP, and ends without it', () => {
    const after = [UFFD_FEATURE_EVENT_REMAP, 0].map((features) => {
      const guest = machineWith({ features });
      guest.uffd.on('remap', () => {});
      move(guest, BASE, 4);
      return areas(guest.proc, BASE);
    });
    expect(after).toEqual([['64-68:um'], ['64-68:none']]);
  });

  test('events say where from, where to and how long; then UNMAP of the old place', () => {
    const features = UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_UNMAP;
    const guest = machineWith({ features });
    const events: unknown[] = [];
    guest.uffd.on('remap', (event) => events.push(event));
    guest.uffd.on('unmap', (event) => events.push(event));
    move(guest, guest.at(1), 2);
    expect(events).toEqual([
      { event: 'remap', from: guest.at(1), to: TO, len: 2 * PAGE },
      { event: 'unmap', start: guest.at(1), end: guest.at(3) },
    ]);
  });

  test('of the target ends, with an event before the others', () => {
    const features = UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_UNMAP;
    const guest = machineWith({ features });
    mapAt(guest.main, TO, 2);
    guest.uffd.registerSync({ ...pagesAt(TO, 2), mode: M });
    const events: string[] = [];
    guest.uffd.on('remap', () => events.push('remap'));
    guest.uffd.on('unmap', ({ start }) => events.push(`unmap ${start === TO ? 'target' : 'old'}`));
    move(guest, BASE, 4);
    expect(events).toEqual(['unmap target', 'remap', 'unmap old']);
  });
});

describe('DONTUNMAP', () => {
  test('leaves the old area registered and empty: its accesses are missing again', () => {
    const guest = machineWith();
    const { uffd, main, proc, at } = guest;
    uffd.copySync({ dst: at(0), src: page(5, 4) });
    move(guest, at(0), 4, TO, MREMAP_DONTUNMAP);
    expect(areas(proc, BASE)).toEqual(['0-4:um', '64-68:none']);
    expect(statesOf(proc, BASE, 4)).toEqual(['-', '-', '-', '-']);
    expect(main.load8Sync(TO)).toBe(5);
    expect(() => main.load8Sync(at(0))).toThrow('missing fault');
  });

  test('of shared memory keeps the content reachable from both', () => {
    const guest = machineWith({ kind: 'shared', cached: [3], modes: 0 });
    move(guest, BASE, 4, TO, MREMAP_DONTUNMAP);
    expect([guest.main.load8Sync(TO), guest.main.load8Sync(BASE)]).toEqual([3, 3]);
  });

  test('of shared memory is EINVAL on 5.10', () => {
    const guest = machineWith({ kernel: '5.10', kind: 'shared', modes: 0 });
    expect(errno(() => move(guest, BASE, 4, TO, MREMAP_DONTUNMAP))).toBe('EINVAL');
  });
});

describe('the target', () => {
  test('in the same area is cut out first', () => {
    const guest = machineWith({ pages: 8, modes: 0 });
    const { main, at } = guest;
    for (let n = 0; n < 8; n++) main.store8Sync(at(n), n + 1);
    expect(move(guest, at(4), 4, at(0))).toBe(at(0));
    expect([0, 1, 2, 3].map((n) => main.load8Sync(at(n)))).toEqual([5, 6, 7, 8]);
    expect(errno(() => main.load8Sync(at(4)))).toBe('SIGSEGV');
  });

  test('that covers the old address leaves nothing to move: EFAULT', () => {
    const { main, at } = machineWith({ kind: 'shared', pages: 6, modes: 0 });
    const duplicate = { oldAddress: at(5), oldSize: 0, newSize: 4 * PAGE, newAddress: at(5) };
    expect(errno(() => main.mremapSync({ ...duplicate, flags: 3 }))).toBe('EFAULT');
  });

  test('loses what was there', () => {
    const guest = machineWith({ modes: 0 });
    mapAt(guest.main, TO, 8);
    guest.main.writeSync(TO, page(9, 8));
    guest.main.store8Sync(BASE, 1);
    move(guest, BASE, 4);
    expect([0, 1, 4].map((n) => guest.main.load8Sync(TO + n * PAGE))).toEqual([1, 0, 9]);
  });
});

describe('sizes', () => {
  const resize = (guest: Guest, oldPages: number, newPages: number, flags = 0) =>
    guest.main.mremapSync({
      oldAddress: BASE,
      oldSize: oldPages * PAGE,
      newSize: newPages * PAGE,
      flags,
    });

  test('shrinking unmaps the tail', () => {
    const guest = machineWith();
    expect(resize(guest, 4, 1)).toBe(BASE);
    expect(areas(guest.proc, BASE)).toEqual(['0-1:um']);
  });

  test('growing in place extends the registration and joins what follows', () => {
    const guest = machineWith({ modes: 0 });
    mapAt(guest.main, guest.at(6), 2);
    expect(resize(guest, 4, 6)).toBe(BASE);
    expect(areas(guest.proc, BASE)).toEqual(['0-8:none']);
    const armed = machineWith();
    resize(armed, 4, 6);
    expect(areas(armed.proc, BASE)).toEqual(['0-6:um']);
  });

  test('growing without room is ENOMEM, or moves with MAYMOVE', () => {
    const guest = machineWith({ modes: 0 });
    guest.main.store8Sync(BASE, 3);
    mapAt(guest.main, guest.at(4), 1, { prot: 0 });
    expect(errno(() => resize(guest, 4, 5))).toBe('ENOMEM');
    const to = resize(guest, 4, 5, MREMAP_MAYMOVE);
    expect(to).not.toBe(BASE);
    expect(guest.main.load8Sync(to)).toBe(3);
  });

  test('that stay are answered without a look at what lies between', () => {
    const guest = machineWith({ modes: 0 });
    mapAt(guest.main, guest.at(6), 2, { prot: 1 });
    expect(resize(guest, 8, 8)).toBe(BASE);
    expect(resize(guest, 8, 8, MREMAP_MAYMOVE)).toBe(BASE);
  });

  test('of zero duplicate a shared mapping and leave the old one whole', () => {
    const { main, proc, at } = machineWith({
      kind: 'shared',
      pages: 6,
      cached: [1, 2, 3],
      modes: 0,
    });
    main.mremapSync({
      oldAddress: at(1),
      oldSize: 0,
      newSize: 2 * PAGE,
      newAddress: TO,
      flags: 3,
    });
    expect(areas(proc, BASE)).toEqual(['0-6:none', '64-66:none']);
    expect([main.load8Sync(TO), main.load8Sync(at(1))]).toEqual([2, 2]);
  });
});

describe('several areas at once', () => {
  function pair() {
    const guest = machineWith({ pages: 0 });
    mapAt(guest.main, guest.at(0), 2);
    mapAt(guest.main, guest.at(3), 2, { prot: 1 });
    guest.main.store8Sync(guest.at(1), 5);
    return guest;
  }

  test('move with the hole between them', () => {
    const guest = pair();
    expect(move(guest, BASE, 5)).toBe(TO);
    expect(areas(guest.proc, BASE)).toEqual(['64-66:none', '67-69:none']);
    expect(guest.main.load8Sync(TO + PAGE)).toBe(5);
  });

  test('stop at a registered one with EFAULT: those before it have moved', () => {
    const guest = pair();
    guest.uffd.registerSync({ ...pagesAt(guest.at(3), 2), mode: M });
    expect(errno(() => move(guest, BASE, 5))).toBe('EFAULT');
    expect(areas(guest.proc, BASE)).toEqual(['3-5:um', '64-66:none']);
  });

  test('are EFAULT before 6.17', () => {
    const guest = machineWith({ kernel: '6.12', pages: 0 });
    mapAt(guest.main, guest.at(0), 2);
    mapAt(guest.main, guest.at(2), 2, { prot: 1 });
    expect(errno(() => move(guest, BASE, 4))).toBe('EFAULT');
  });
});

test('moving back and forth ends where it began, frame by frame', () => {
  const machine = newMachine();
  const proc = machine.spawn();
  const { main } = proc;
  const fd = memfd(main, 4, [1, 2, 3, 4]);
  mapAt(main, BASE, 4, { kind: 'private', fd });
  main.store8Sync(BASE + PAGE, 9);
  main.load8Sync(BASE);
  main.madviseSync({ ...span(BASE + 2 * PAGE), advice: MADV_GUARD_INSTALL });
  const before = [proc.maps(), [...proc.pagemap(span(BASE, 4))], machine.freePages];
  move({ main }, BASE, 4);
  move({ main }, TO, 4, BASE);
  expect([proc.maps(), [...proc.pagemap(span(BASE, 4))], machine.freePages]).toEqual(before);
});
