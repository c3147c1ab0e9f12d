/**
 * madvise(2): its checks, holes, which advice is for which memory, and the events of what drops
 * pages. What each advice makes of each state of a page is in the tables of `mm/matrix`.
 */
import * as uffd from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { statesOf } from '../mm/page-state.js';
import {
  BASE,
  type GuestOptions,
  M,
  machineWith,
  mapAt,
  newMachine,
  PAGE,
  page,
  pagesAt,
  span,
} from '../support/guest.js';
import { areas, errno, snapshot } from '../support/observe.js';

const at = (n: number): number => BASE + n * PAGE;

function world() {
  const machine = newMachine();
  const proc = machine.spawn();
  mapAt(proc.main, BASE, 2);
  mapAt(proc.main, at(4), 2);
  const advise = (advice: number, range: { addr: number | bigint; length: number | bigint }) =>
    errno(() => proc.main.madviseSync({ ...range, advice }));
  return { machine, proc, main: proc.main, advise };
}

describe('the range', () => {
  test.each([
    ['unknown advice, even of no bytes', 99, { addr: BASE, length: 0 }, 'EINVAL'],
    ['an address within a page, even of no bytes', 4, { addr: BASE + 1, length: 0 }, 'EINVAL'],
    ['no bytes', 4, { addr: BASE, length: 0 }, 'ok'],
    ['no bytes of nothing', 4, { addr: at(100), length: 0 }, 'ok'],
    ['a length that rounds to nothing', 4, { addr: BASE, length: (1n << 64n) - 1n }, 'EINVAL'],
    ['a range that wraps', 4, { addr: BASE, length: (1n << 64n) - 4096n }, 'EINVAL'],
    ['the last page of the address space', 4, { addr: (1n << 64n) - 4096n, length: 1 }, 'EINVAL'],
    ['an address beyond user space', 4, { addr: 1n << 50n, length: PAGE }, 'ENOMEM'],
    ['nothing that is mapped', 4, { addr: at(9), length: PAGE }, 'ENOMEM'],
  ])('of %s', (_name, advice, range, code) => {
    const { machine, advise } = world();
    const before = snapshot(machine);
    expect(advise(advice, range)).toBe(code);
    expect(snapshot(machine)).toEqual(before);
  });

  test('with a hole is ENOMEM at the end: every mapped part was advised', () => {
    const { main, proc, advise } = world();
    main.writeSync(BASE, page(1, 2));
    main.writeSync(at(4), page(1, 2));
    expect(advise(uffd.MADV_DONTNEED, span(BASE, 6))).toBe('ENOMEM');
    expect(statesOf(proc, BASE, 2)).toEqual(['-', '-']);
    expect(statesOf(proc, at(4), 2)).toEqual(['-', '-']);
  });

  test('of POPULATE_* ends at the first hole with ENOMEM: the pages before it are there', () => {
    const { proc, advise } = world();
    expect(advise(uffd.MADV_POPULATE_WRITE, span(BASE, 6))).toBe('ENOMEM');
    expect(statesOf(proc, BASE, 2)).toEqual(['PX', 'PX']);
    expect(statesOf(proc, at(4), 2)).toEqual(['-', '-']);
  });

  test('is advised area by area up to the first that refuses', () => {
    const { main, proc, advise } = world();
    main.writeSync(BASE, page(1, 2));
    main.mlockSync(span(at(4), 2));
    expect(advise(uffd.MADV_DONTNEED, span(BASE, 6))).toBe('EINVAL');
    expect(statesOf(proc, BASE, 2)).toEqual(['-', '-']);
    expect(statesOf(proc, at(4), 2)).toEqual(['PX', 'PX']);
  });
});

describe('which memory', () => {
  const outcome = (advice: number, options: GuestOptions, locked = false): string => {
    const { main, at } = machineWith({ modes: 0, ...options });
    if (locked) main.mlockSync(span(at(0), 4));
    return errno(() => main.madviseSync({ ...span(at(0), 4), advice }));
  };

  // biome-ignore format: a table
  test.each<[string, number, anon: string, shared: string, priv: string, locked: string]>([
    ['DONTNEED',        uffd.MADV_DONTNEED,        'ok',     'ok',     'ok',     'EINVAL'],
    ['DONTNEED_LOCKED', uffd.MADV_DONTNEED_LOCKED, 'ok',     'ok',     'ok',     'ok'],
    ['FREE',            uffd.MADV_FREE,            'ok',     'EINVAL', 'EINVAL', 'EINVAL'],
    ['REMOVE',          uffd.MADV_REMOVE,          'EINVAL', 'ok',     'EACCES', 'EINVAL'],
    ['WIPEONFORK',      uffd.MADV_WIPEONFORK,      'ok',     'EINVAL', 'EINVAL', 'ok'],
    ['COLD',            uffd.MADV_COLD,            'ok',     'ok',     'ok',     'EINVAL'],
    ['PAGEOUT',         uffd.MADV_PAGEOUT,         'ok',     'ok',     'ok',     'EINVAL'],
    ['GUARD_INSTALL',   uffd.MADV_GUARD_INSTALL,   'ok',     'ok',     'ok',     'EINVAL'],
    ['GUARD_REMOVE',    uffd.MADV_GUARD_REMOVE,    'ok',     'ok',     'ok',     'ok'],
    ['WILLNEED',        uffd.MADV_WILLNEED,        'ok',     'ok',     'ok',     'ok'],
    ['DONTFORK',        uffd.MADV_DONTFORK,        'ok',     'ok',     'ok',     'ok'],
    ['MERGEABLE',       uffd.MADV_MERGEABLE,       'ok',     'ok',     'ok',     'ok'],
    ['POPULATE_READ',   uffd.MADV_POPULATE_READ,   'ok',     'ok',     'ok',     'ok'],
  ])('%s is for', (_name, advice, anon, shared, priv, locked) => {
    expect({
      anon: outcome(advice, { kind: 'anon' }),
      shared: outcome(advice, { kind: 'shared' }),
      private: outcome(advice, { kind: 'private' }),
      locked: outcome(advice, { kind: 'anon' }, true),
    }).toEqual({ anon, shared, private: priv, locked });
  });

  test('REMOVE wants a shared mapping that may be written: not of a read-only descriptor', () => {
    const { main, fd, at } = machineWith({ kind: 'shared', cached: [1], modes: 0 });
    mapAt(main, at(16), 1, { kind: 'shared', fd: main.reopenReadOnlySync(fd), prot: 1 });
    const range = span(at(16));
    expect(errno(() => main.madviseSync({ ...range, advice: uffd.MADV_REMOVE }))).toBe('EACCES');
    main.mprotectSync({ ...span(at(0), 4), prot: 1 });
    main.madviseSync({ ...span(at(0), 4), advice: uffd.MADV_REMOVE });
    expect(main.load8Sync(at(16))).toBe(0);
  });

  test.each([
    ['PROT_NONE', 0, 'EINVAL', 'EINVAL'],
    ['PROT_READ', 1, 'ok', 'EINVAL'],
    ['PROT_WRITE', 2, 'EINVAL', 'ok'],
    ['PROT_EXEC', 4, 'EINVAL', 'EINVAL'],
    ['PROT_READ|PROT_WRITE', 3, 'ok', 'ok'],
  ])('POPULATE_* of %s wants the right that it names', (_name, prot, read, write) => {
    expect([
      outcome(uffd.MADV_POPULATE_READ, { prot }),
      outcome(uffd.MADV_POPULATE_WRITE, { prot }),
    ]).toEqual([read, write]);
  });

  test.each([
    ['5.10', uffd.MADV_POPULATE_READ],
    ['5.15', uffd.MADV_DONTNEED_LOCKED],
    ['6.12', uffd.MADV_GUARD_INSTALL],
    ['6.12', uffd.MADV_GUARD_REMOVE],
  ] as const)('%s does not know advice %i', (kernel, advice) => {
    expect(outcome(advice, { kernel })).toBe('EINVAL');
  });
});

describe('FREE', () => {
  test('keeps content until reclaim, and forgets nothing that is written afterwards', () => {
    const { machine, main, at } = machineWith({ modes: 0 });
    machine.swapOn({ size: 16 * PAGE });
    main.writeSync(at(0), page(7, 2));
    main.madviseSync({ ...span(at(0), 2), advice: uffd.MADV_FREE });
    expect(main.load8Sync(at(0))).toBe(7);
    main.store8Sync(at(1), 8);
    machine.reclaim(2);
    expect([main.load8Sync(at(0)), main.load8Sync(at(1))]).toEqual([0, 8]);
    expect(main.load8Sync(at(1) + 1)).toBe(7);
  });
});

describe('REMOVE events', () => {
  type Step = [name: string, advice: number, kind: 'anon' | 'shared', code: string, events: number];

  // biome-ignore format: a table
  test.each<Step>([
    ['DONTNEED',      uffd.MADV_DONTNEED,      'anon',   'ok',     1],
    ['DONTNEED',      uffd.MADV_DONTNEED,      'shared', 'ok',     1],
    ['FREE',          uffd.MADV_FREE,          'anon',   'ok',     1],
    ['FREE',          uffd.MADV_FREE,          'shared', 'EINVAL', 1],
    ['REMOVE',        uffd.MADV_REMOVE,        'shared', 'ok',     1],
    ['REMOVE',        uffd.MADV_REMOVE,        'anon',   'EINVAL', 0],
    ['COLD',          uffd.MADV_COLD,          'anon',   'ok',     0],
    ['PAGEOUT',       uffd.MADV_PAGEOUT,       'anon',   'ok',     0],
    ['GUARD_INSTALL', uffd.MADV_GUARD_INSTALL, 'anon',   'ok',     0],
  ])('%s: %i on %s memory is %s after %i', (_name, advice, kind, code, count) => {
    const guest = machineWith({ kind, features: uffd.UFFD_FEATURE_EVENT_REMOVE });
    const events: unknown[] = [];
    guest.uffd.on('remove', (event) => events.push(event));
    const range = span(guest.at(1), 2);
    expect(errno(() => guest.main.madviseSync({ ...range, advice }))).toBe(code);
    const event = { event: 'remove', start: guest.at(1), end: guest.at(3) };
    expect(events).toEqual(Array.from({ length: count }, () => event));
  });

  test('of an area split while its event is unread: the rest has its own event', async () => {
    const guest = machineWith({ features: uffd.UFFD_FEATURE_EVENT_REMOVE });
    const { main, t0, proc, at } = guest;
    guest.uffd.copySync({ dst: at(0), src: page(1, 4) });
    const advice = t0.madvise({ ...span(at(0), 4), advice: uffd.MADV_DONTNEED });
    main.mprotectSync({ ...span(at(2), 2), prot: 1 });
    expect(guest.uffd.readMsgSync()).toEqual({ event: 'remove', start: at(0), end: at(4) });
    expect(statesOf(proc, at(0), 4)).toEqual(['-', '-', 'PX', 'PX']);
    expect(guest.uffd.readMsgSync()).toEqual({ event: 'remove', start: at(2), end: at(4) });
    await advice;
    expect(statesOf(proc, at(0), 4)).toEqual(['-', '-', '-', '-']);
  });

  test('of an area that is gone when its event is read: ENOMEM', async () => {
    const { main, t0, uffd: fd, at } = machineWith({ features: uffd.UFFD_FEATURE_EVENT_REMOVE });
    const advice = t0.madvise({ ...span(at(0), 4), advice: uffd.MADV_DONTNEED });
    main.munmapSync(span(at(0), 4));
    fd.readMsgSync();
    await expect(advice).rejects.toMatchObject({ code: 'ENOMEM' });
  });
});

describe('POPULATE', () => {
  test('stops at a guard with EFAULT and at poison with EHWPOISON; earlier pages stay', () => {
    for (const [code, spoil] of [
      ['EFAULT', 'guard'],
      ['EHWPOISON', 'poison'],
    ] as const) {
      const { main, proc, uffd: fd, at } = machineWith({ pages: 8 });
      if (spoil === 'poison') fd.poisonSync(pagesAt(at(3)));
      else main.madviseSync({ ...span(at(3)), advice: uffd.MADV_GUARD_INSTALL });
      fd.unregisterSync(pagesAt(at(0), 8));
      const populate = { ...span(at(0), 8), advice: uffd.MADV_POPULATE_WRITE };
      expect(errno(() => main.madviseSync(populate))).toBe(code);
      expect(statesOf(proc, at(0), 8).map((state) => state === 'PX')).toEqual([
        true,
        true,
        true,
        false,
        false,
        false,
        false,
        false,
      ]);
    }
  });

  test('beyond the end of a file is EFAULT', () => {
    const { main, at } = machineWith({ kind: 'shared', filePages: 2, modes: 0 });
    const populate = { ...span(at(0), 4), advice: uffd.MADV_POPULATE_READ };
    expect(errno(() => main.madviseSync(populate))).toBe('EFAULT');
  });

  test('looks at the rights again after it waited: EINVAL, or ENOMEM for a hole', async () => {
    for (const [code, change] of [
      ['EINVAL', 'rights'],
      ['ENOMEM', 'hole'],
    ] as const) {
      const { main, t0, uffd: fd, at } = machineWith();
      const populate = t0.madvise({ ...span(at(0), 2), advice: uffd.MADV_POPULATE_READ });
      const ended = expect(populate).rejects.toMatchObject({ code });
      if (change === 'rights') main.mprotectSync({ ...span(at(0), 4), prot: uffd.PROT_WRITE });
      else main.munmapSync(span(at(0), 4));
      fd.wakeSync(pagesAt(at(0), 4));
      expect(t0.state).toBe('idle');
      await ended;
    }
  });

  test('READ raises and waits for missing faults, WRITE for protection too', async () => {
    const { t0, uffd: fd, at } = machineWith({ modes: M | 2 });
    const read = t0.madvise({ ...span(at(0)), advice: uffd.MADV_POPULATE_READ });
    expect(fd.readMsgSync()).toMatchObject({ flags: 0, address: at(0) });
    fd.copySync({ dst: at(0), src: page(1), mode: 2 });
    await read;
    await t0.madvise({ ...span(at(0)), advice: uffd.MADV_POPULATE_READ });
    const write = t0.madvise({ ...span(at(0)), advice: uffd.MADV_POPULATE_WRITE });
    expect(fd.readMsgSync()).toMatchObject({ flags: 3, address: at(0) });
    fd.writeprotectSync({ ...pagesAt(at(0)), mode: 0 });
    await write;
    expect(t0.state).toBe('idle');
  });
});

test('advice that is kept in an area shows in VmFlags', () => {
  const { proc, main } = world();
  const flags = [
    [uffd.MADV_RANDOM, 'rr'],
    [uffd.MADV_SEQUENTIAL, 'sr'],
    [uffd.MADV_DONTDUMP, 'dd'],
    [uffd.MADV_NOHUGEPAGE, 'nh'],
    [uffd.MADV_MERGEABLE, 'mg'],
    [uffd.MADV_DONTFORK, 'dc'],
    [uffd.MADV_WIPEONFORK, 'wf'],
  ] as const;
  for (const [advice, token] of flags) {
    main.madviseSync({ ...span(BASE, 2), advice });
    expect(proc.maps()[0]?.vmFlags).toContain(token);
  }
  for (const advice of [0, 17, 13, 11, 19]) main.madviseSync({ ...span(BASE, 2), advice });
  expect(proc.maps()[0]?.vmFlags).not.toContain('rr');
  expect(proc.maps()[0]?.vmFlags.filter((token) => /dd|mg|dc|wf|sr/.test(token))).toEqual([]);
  expect(areas(proc, BASE)).toEqual(['0-2:none', '4-6:none']);
});
