/**
 * What fork copies of each state: to a child that is registered like its parent (EVENT_FORK), and
 * to one that is not. And which areas a child has to build again by its own faults.
 */
import {
  MADV_DOFORK,
  MADV_DONTFORK,
  MADV_GUARD_INSTALL,
  MADV_KEEPONFORK,
  MADV_WIPEONFORK,
  type Process,
  UFFD_FEATURE_EVENT_FORK,
  UFFD_FEATURE_WP_UNPOPULATED,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { pteIsSwpExclusive, pteIsWritable } from '../../src/pgtable/pte.js';
import {
  BASE,
  type Guest,
  M,
  type Memory,
  machineWith,
  N,
  PAGE,
  page,
  pagesAt,
  span,
  W,
} from '../support/guest.js';
import { errno } from '../support/observe.js';
import { MatrixPage } from './matrix-page.js';
import { pageState, statesOf } from './page-state.js';

type Row = [state: string, registered: string, plain: string, parent: string];

// biome-ignore format: a table
const TABLES: Readonly<Record<Memory, readonly Row[]>> = {
  //         state          child WP  child  parent afterwards
  anon: [
            ['N',            '-',     '-',   '-'],
            ['rw',           'P',     'P',   'P'],
            ['rw+wp',        'PW',    'P',   'PW'],
            ['paged-out',    'S',     'S',   'S'],
            ['paged-out+wp', 'Sw',    'S',   'Sw'],
            ['Kw',           'Kw',    '-',   'Kw'],
            ['Kp',           'Kp',    'Kp',  'Kp'],
            ['Kg',           'Kg',    'Kg',  'Kg'],
  ],
  private: [
            ['N',            '-',     '-',   '-'],
            ['rw',           'P',     'P',   'P'],
            ['rw+wp',        'PW',    'P',   'PW'],
            ['rd+wp',        'PFW',   '-',   'PFW'],
            ['paged-out',    'S',     'S',   'S'],
            ['paged-out+wp', 'Sw',    'S',   'Sw'],
            ['Kw',           'Kw',    '-',   'Kw'],
            ['Kp',           'Kp',    'Kp',  'Kp'],
            ['Kg',           'Kg',    'Kg',  'Kg'],
  ],
  shared: [
            ['N',            '-',     '-',   '-'],
            ['rw',           'PF',    '-',   'PF'],
            ['rw+wp',        'PFW',   '-',   'PFW'],
            ['rd+wp',        'PFW',   '-',   'PFW'],
            ['Kw',           'Kw',    '-',   'Kw'],
            ['Kp',           'Kp',    '-',   'Kp'],
            ['Kg',           'Kg',    'Kg',  'Kg'],
  ],
};

/** Forks with the page in a state; the letters of child and parent, without the map count. */
function forkIn(kind: Memory, state: string, features: number): { child: string; parent: string } {
  const setting = { kind, modes: W, features: features | UFFD_FEATURE_WP_UNPOPULATED };
  const it = new MatrixPage(setting).enter(state);
  const forks: Process[] = [];
  it.uffd.on('fork', () => forks.push(it.proc));
  const child = it.machine.process(it.main.forkSync());
  expect(forks).toHaveLength(features === 0 ? 0 : 1);
  const shown = (proc: Process) => pageState(proc, it.addr).replace('X', '');
  return { child: shown(child), parent: shown(it.proc) };
}

describe.each(Object.entries(TABLES))('of %s memory', (kind, rows) => {
  test.each(rows)('%s is %s in a registered child, %s in another, %s in the parent', (...row) => {
    const [state, registered, plain, parent] = row;
    const memory = kind as Memory;
    expect(forkIn(memory, state, UFFD_FEATURE_EVENT_FORK)).toEqual({ child: registered, parent });
    expect(forkIn(memory, state, 0)).toEqual({ child: plain, parent });
  });
});

describe('whether tables are copied', () => {
  const forked = (guest: Guest, ...ns: number[]): string[] => {
    const child = guest.machine.process(guest.main.forkSync());
    return ns.map((n) => pageState(child, guest.at(n)));
  };

  test('an area that was only read is empty in the child', () => {
    const guest = machineWith({ modes: 0 });
    guest.main.load8Sync(guest.at(0));
    expect(pageState(guest.proc, guest.at(0))).toBe('P');
    expect(forked(guest, 0)).toEqual(['-']);
  });

  test('one page of its own brings every page of the area along', () => {
    const guest = machineWith({ modes: 0 });
    guest.main.load8Sync(guest.at(0));
    guest.main.store8Sync(guest.at(3), 1);
    expect(forked(guest, 0, 1, 3)).toEqual(['P', '-', 'P']);
  });

  test('a poisoned page of shared memory is not inherited, unless a guard is in the area', () => {
    for (const [guarded, expected] of [
      [false, '-'],
      [true, 'Kp'],
    ] as const) {
      const guest = machineWith({ kind: 'shared' });
      const { main, uffd, at } = guest;
      uffd.poisonSync(pagesAt(at(1)));
      if (guarded) main.madviseSync({ ...span(at(3)), advice: MADV_GUARD_INSTALL });
      expect(forked(guest, 1)).toEqual([expected]);
    }
  });

  test('a fill of a private area gives it an owner: even pages of the file are copied', () => {
    const guest = machineWith({ kind: 'private', cached: [1, 2, 3, 4], modes: M | N });
    const { uffd, at } = guest;
    uffd.continueSync(pagesAt(at(0)));
    expect(forked(guest, 0)).toEqual(['PF']);
  });
});

describe('access bits', () => {
  test('private pages are read-only on both sides, shared ones writable on both', () => {
    const writable = (['anon', 'shared'] as const).map((kind) => {
      const guest = machineWith({ kind, modes: kind === 'shared' ? W : 0 });
      guest.main.store8Sync(guest.at(0), 1);
      const child = guest.machine.process(guest.main.forkSync());
      guest.main.load8Sync(guest.at(0));
      child.main.load8Sync(guest.at(0));
      return [guest.proc, child].map((proc) => pteIsWritable(proc.state.mm.pte(guest.at(0))));
    });
    expect(writable).toEqual([
      [false, false],
      [true, true],
    ]);
  });

  test('a swapped page belongs to nobody alone any more', () => {
    const it = new MatrixPage({ kind: 'anon', modes: W, features: 0 }).enter('paged-out');
    const { mm } = it.proc.state;
    expect(pteIsSwpExclusive(mm.pte(it.addr))).toBe(true);
    const child = it.machine.process(it.main.forkSync());
    const entries = [mm, child.state.mm].map((one) => pteIsSwpExclusive(one.pte(it.addr)));
    expect(entries).toEqual([false, false]);
    it.main.store8Sync(it.addr, 2);
    expect([it.main.load8Sync(it.addr), child.main.load8Sync(it.addr)]).toEqual([2, 1]);
  });
});

describe('advice about fork', () => {
  test('DONTFORK leaves the area out, DOFORK takes it back in', () => {
    const { machine, main, at } = machineWith({ modes: 0 });
    main.store8Sync(at(1), 5);
    main.madviseSync({ ...span(at(0), 4), advice: MADV_DONTFORK });
    const without = machine.process(main.forkSync());
    expect(without.maps()).toEqual([]);
    expect(errno(() => without.main.load8Sync(at(1)))).toBe('SIGSEGV');
    main.madviseSync({ ...span(at(0), 4), advice: MADV_DOFORK });
    expect(machine.process(main.forkSync()).main.load8Sync(at(1))).toBe(5);
  });

  test('WIPEONFORK gives the child the area empty, KEEPONFORK as it is', () => {
    const { machine, main, at } = machineWith({ modes: 0 });
    main.store8Sync(at(1), 5);
    main.madviseSync({ ...span(at(0), 4), advice: MADV_WIPEONFORK });
    const wiped = machine.process(main.forkSync());
    expect(statesOf(wiped, BASE, 4)).toEqual(['-', '-', '-', '-']);
    expect(wiped.main.load8Sync(at(1))).toBe(0);
    main.madviseSync({ ...span(at(0), 4), advice: MADV_KEEPONFORK });
    expect(machine.process(main.forkSync()).main.load8Sync(at(1))).toBe(5);
  });

  test('WIPEONFORK with EVENT_FORK: the event is sent, the child is registered and empty', () => {
    const { machine, main, uffd, at } = machineWith({ features: UFFD_FEATURE_EVENT_FORK });
    uffd.copySync({ dst: at(1), src: page(5) });
    main.madviseSync({ ...span(at(0), 4), advice: MADV_WIPEONFORK });
    let events = 0;
    uffd.on('fork', () => events++);
    const child = machine.process(main.forkSync());
    expect([events, child.maps()[0]?.vmFlags.includes('um')]).toEqual([1, true]);
    expect(statesOf(child, BASE, 4)).toEqual(['-', '-', '-', '-']);
  });

  test('DONTFORK with EVENT_FORK on the only area: no event', () => {
    const { main, uffd, at } = machineWith({ features: UFFD_FEATURE_EVENT_FORK });
    main.madviseSync({ ...span(at(0), 4), advice: MADV_DONTFORK });
    uffd.on('fork', () => expect.unreachable());
    expect(main.forkSync()).toBeGreaterThan(0);
  });

  test('a lock is not inherited', () => {
    const { machine, main, at } = machineWith({ modes: 0 });
    main.mlockSync(span(at(0), 4));
    const child = machine.process(main.forkSync());
    expect(child.maps().flatMap(({ vmFlags }) => vmFlags)).not.toContain('lo');
  });
});

describe('without memory for the child', () => {
  test('fork is ENOMEM, the parent keeps its pages and may write them, no frame is lost', () => {
    const guest = machineWith({ pages: 0, memory: 64 * PAGE });
    const { machine, main, at } = guest;
    const flags = 0x4022 | 0x10; // private, anonymous, noreserve, fixed
    main.mmapSync({ addr: at(0), length: 2 ** 30, prot: 3, flags });
    for (let n = 0; machine.freePages > 3; n++) main.store8Sync(at(n * 512), n);
    const before = machine.freePages;
    expect(errno(() => main.forkSync())).toBe('ENOMEM');
    expect([machine.freePages, machine.processes.length]).toEqual([before, 1]);
    main.store8Sync(at(0), 77);
    expect(main.load8Sync(at(0))).toBe(77);
  });
});
