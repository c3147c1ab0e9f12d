/**
 * Which access raises which fault, by registration, state of the entry and page cache: the flags of
 * the message, or that there is none. An access that is not resolved is given up afterwards.
 */
import {
  FaultPendingError,
  MADV_GUARD_INSTALL,
  PROT_NONE,
  PROT_READ,
  SignalError,
  UFFD_FEATURE_SIGBUS,
  UFFD_FEATURE_WP_ASYNC,
  UFFD_FEATURE_WP_UNPOPULATED,
  UFFD_PAGEFAULT_FLAG_MINOR,
  UFFD_PAGEFAULT_FLAG_WP,
  UFFD_PAGEFAULT_FLAG_WRITE,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { pageState } from '../mm/page-state.js';
import {
  type Guest,
  type GuestOptions,
  M,
  machineWith,
  N,
  page,
  pagesAt,
  span,
  W,
} from '../support/guest.js';

/** Flags of the message that an access raises, `silent`, or the code of its signal. */
function outcome(guest: Guest, write: boolean): number | string {
  const { t0, at } = guest;
  try {
    write ? t0.store8Sync(at(1), 9) : t0.load8Sync(at(1));
    return 'silent';
  } catch (error) {
    if (error instanceof SignalError) return error.code;
    if (!(error instanceof FaultPendingError)) throw error;
    return flagsOfNext(guest, write);
  }
}

/** The access again, this time asleep until the test is over. */
function flagsOfNext({ t0, uffd, at }: Guest, write: boolean): number | string {
  const asleep = write ? t0.store8(at(1), 9) : t0.load8(at(1));
  const message = uffd.readMsgSync();
  expect(asleep).toBeInstanceOf(Promise);
  return message?.event === 'pagefault' ? message.flags : 'no message';
}

const [WRITE, WP, MINOR] = [
  UFFD_PAGEFAULT_FLAG_WRITE,
  UFFD_PAGEFAULT_FLAG_WP,
  UFFD_PAGEFAULT_FLAG_MINOR,
];

type Entry = 'none' | 'marker' | 'uffd-wp' | 'plain';
type Row = [
  modes: number,
  entry: Entry,
  memory: 'anon' | 'hole' | 'cached',
  read: number | string,
  write: number | string,
];

// biome-ignore format: a table
const ROWS: readonly Row[] = [
  [M,         'none',    'anon',   0,         WRITE],
  [W,         'none',    'anon',   'silent',  'silent'],
  [W,         'marker',  'anon',   'silent',  WRITE | WP],
  [M | W,     'marker',  'anon',   0,         WRITE],
  [M | W,     'none',    'anon',   0,         WRITE],
  [W,         'uffd-wp', 'anon',   'silent',  WRITE | WP],
  [M | W,     'uffd-wp', 'anon',   'silent',  WRITE | WP],
  [M | W,     'plain',   'anon',   'silent',  'silent'],
  [W,         'marker',  'hole',   'silent',  WRITE | WP],
  [W,         'marker',  'cached', 'silent',  WRITE | WP],
  [W,         'none',    'hole',   'silent',  'silent'],
  [W,         'none',    'cached', 'silent',  'silent'],
  [M,         'none',    'cached', 'silent',  'silent'],
  [M,         'none',    'hole',   0,         WRITE],
  [N,         'none',    'cached', MINOR,     MINOR | WRITE],
  [N,         'none',    'hole',   'silent',  'silent'],
  [M | N,     'none',    'cached', MINOR,     MINOR | WRITE],
  [M | N,     'none',    'hole',   0,         WRITE],
  [N | W,     'marker',  'cached', MINOR,     MINOR | WRITE],
  [N | W,     'marker',  'hole',   'silent',  WRITE | WP],
  [M | N | W, 'marker',  'cached', MINOR,     MINOR | WRITE],
  [M | N | W, 'marker',  'hole',   0,         WRITE],
  [M | W,     'marker',  'cached', 'silent',  WRITE | WP],
  [M | W,     'marker',  'hole',   0,         WRITE],
  [W,         'uffd-wp', 'cached', 'silent',  WRITE | WP],
  [M | N | W, 'uffd-wp', 'cached', 'silent',  WRITE | WP],
  [M | N,     'plain',   'cached', 'silent',  'silent'],
];

const modeNames = (modes: number): string =>
  [
    [M, 'MISSING'],
    [W, 'WP'],
    [N, 'MINOR'],
  ]
    .filter(([bit]) => (modes & (bit as number)) !== 0)
    .map(([, name]) => name)
    .join('|');

function guestWith(row: Row, kind: 'anon' | 'shared' | 'private', more: GuestOptions = {}): Guest {
  const [modes, entry, memory] = row;
  const cached = memory === 'cached' ? [3, 3, 3, 3] : [];
  const features = memory === 'anon' ? UFFD_FEATURE_WP_UNPOPULATED : 0;
  const guest = machineWith({ kind, cached, features, modes: 0, ...more });
  const { main, uffd, at } = guest;
  if (entry === 'plain' || entry === 'uffd-wp') main.store8Sync(at(1), 1);
  uffd.registerSync({ ...pagesAt(at(0), 4), mode: modes });
  if (entry === 'marker' || entry === 'uffd-wp') {
    uffd.writeprotectSync({ ...pagesAt(at(1)), mode: 1 });
  }
  return guest;
}

const kindsOf = ([, , memory]: Row) =>
  memory === 'anon' ? (['anon'] as const) : (['shared', 'private'] as const);

const cases = ROWS.flatMap((row) =>
  kindsOf(row).map((kind) => ({
    row,
    kind,
    title: `${kind} ${row[2]}, ${row[1]}, registered ${modeNames(row[0])}`,
  })),
);

describe('the fault of a user access', () => {
  test.each(cases)('$title', ({ row, kind }) => {
    const [, , , read, write] = row;
    expect({
      read: outcome(guestWith(row, kind), false),
      write: outcome(guestWith(row, kind), true),
    }).toEqual({ read, write });
  });

  test.each(cases)('$title, with UFFD_FEATURE_SIGBUS: a signal in place of each message', (one) => {
    const { row, kind } = one;
    const [, , , read, write] = row;
    const features = UFFD_FEATURE_WP_UNPOPULATED | UFFD_FEATURE_SIGBUS;
    const signal = (flags: number | string) => (flags === 'silent' ? 'silent' : 'BUS_ADRERR');
    expect({
      read: outcome(guestWith(row, kind, { features }), false),
      write: outcome(guestWith(row, kind, { features }), true),
    }).toEqual({ read: signal(read), write: signal(write) });
  });
});

describe('before any userfaultfd is asked', () => {
  test('an unmapped address is SEGV_MAPERR at the exact byte', () => {
    const { t0, at } = machineWith();
    const load = () => t0.load8Sync(at(4) + 5);
    expect(load).toThrow(expect.objectContaining({ code: 'SEGV_MAPERR', siAddr: at(4) + 5 }));
  });

  test('rights that the area does not have are SEGV_ACCERR, whatever is registered', () => {
    const none = machineWith({ prot: PROT_NONE, modes: M | W });
    expect(outcome(none, false)).toBe('SEGV_ACCERR');
    const readOnly = machineWith({ prot: PROT_READ, modes: M | W });
    expect(outcome(readOnly, true)).toBe('SEGV_ACCERR');
    expect(readOnly.uffd.readMsgSync()).toBeUndefined();
  });

  test('a write to a protected page of a read-only area is SEGV_ACCERR, no message', () => {
    const { uffd, main, t0, at } = machineWith({ modes: W });
    main.store8Sync(at(1), 1);
    uffd.writeprotectSync({ ...pagesAt(at(1)), mode: 1 });
    main.mprotectSync({ ...span(at(0), 4), prot: PROT_READ });
    expect(() => t0.store8Sync(at(1), 2)).toThrow(expect.objectContaining({ code: 'SEGV_ACCERR' }));
    main.mprotectSync({ ...span(at(0), 4), prot: 3 });
    expect(() => t0.store8Sync(at(1), 2)).toThrow(FaultPendingError);
  });

  test('a poisoned page is BUS_MCEERR_AR with lsb 12, or BUS_ADRERR without memory failure', () => {
    const codes = [true, false].map((memoryFailure) => {
      const guest = machineWith({ config: { memoryFailure } });
      guest.uffd.poisonSync(pagesAt(guest.at(1)));
      try {
        guest.t0.load8Sync(guest.at(1) + 7);
      } catch (error) {
        if (error instanceof SignalError) {
          return [error.signal, error.code, error.siAddr - guest.at(1), error.siAddrLsb];
        }
      }
      return [];
    });
    expect(codes).toEqual([
      ['SIGBUS', 'BUS_MCEERR_AR', 7, 12],
      ['SIGBUS', 'BUS_ADRERR', 7, 0],
    ]);
  });

  test('a guard is SEGV_MAPERR in missing mode and beyond the end of the file', () => {
    for (const kind of ['anon', 'shared'] as const) {
      const guest = machineWith({ kind, filePages: kind === 'anon' ? 4 : 1 });
      guest.main.madviseSync({ ...span(guest.at(1)), advice: MADV_GUARD_INSTALL });
      expect([outcome(guest, false), outcome(guest, true)]).toEqual(['SEGV_MAPERR', 'SEGV_MAPERR']);
    }
  });

  test('beyond the end of the file is BUS_ADRERR; a marker there stays', () => {
    for (const kind of ['shared', 'private'] as const) {
      const guest = machineWith({ kind, filePages: 1, modes: M | W });
      guest.uffd.writeprotectSync({ ...pagesAt(guest.at(1)), mode: 1 });
      expect([outcome(guest, false), outcome(guest, true)]).toEqual(['BUS_ADRERR', 'BUS_ADRERR']);
      expect(pageState(guest.proc, guest.at(1))).toBe('Kw');
    }
  });
});

describe('a marker', () => {
  test('left from a registration that is gone counts as none', () => {
    const guest = machineWith({ kind: 'shared', modes: W });
    guest.uffd.writeprotectSync({ ...pagesAt(guest.at(1)), mode: 1 });
    guest.uffd.registerSync({ ...pagesAt(guest.at(0), 4), mode: M });
    expect(pageState(guest.proc, guest.at(1))).toBe('Kw');
    expect(outcome(guest, true)).toBe(WRITE);
    expect(pageState(guest.proc, guest.at(1))).toBe('-');
  });

  test('of a private file page: a write copies first, then raises its fault', () => {
    const guest = machineWith({ kind: 'private', cached: [1, 2, 3, 4], modes: W });
    guest.uffd.writeprotectSync({ ...pagesAt(guest.at(1)), mode: 1 });
    expect(outcome(guest, true)).toBe(WRITE | WP);
    expect(pageState(guest.proc, guest.at(1))).toBe('PWX');
  });
});

describe('with WP_ASYNC', () => {
  test('a write takes the protection off and goes through', () => {
    const features = UFFD_FEATURE_WP_ASYNC;
    for (const entry of ['uffd-wp', 'marker'] as const) {
      for (const memory of ['anon', 'cached'] as const) {
        const kind = memory === 'anon' ? 'anon' : 'shared';
        const guest = guestWith([W, entry, memory, 0, 0], kind, { features });
        expect(outcome(guest, true)).toBe('silent');
        expect(guest.t0.load8Sync(guest.at(1))).toBe(9);
        expect(pageState(guest.proc, guest.at(1))).not.toContain('W');
      }
    }
  });

  test('a read leaves the protection', () => {
    const guest = guestWith([W, 'marker', 'anon', 0, 0], 'anon', {
      features: UFFD_FEATURE_WP_ASYNC,
    });
    expect(outcome(guest, false)).toBe('silent');
    expect(pageState(guest.proc, guest.at(1))).toBe('PW');
  });
});

describe('accesses that never raise a fault', () => {
  test('go through another mapping of the file, the file itself, mincore and pagemap', () => {
    const { main, proc, uffd, fd, at } = machineWith({ kind: 'shared', modes: M | W | N });
    const other = at(64);
    main.mmapSync({ addr: other, length: 4096, prot: 3, flags: 0x11, fd });
    main.store8Sync(other, 1);
    uffd.continueSync(pagesAt(at(0)));
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 1 });
    main.store8Sync(other, 2);
    main.pwriteSync({ fd, bytes: page(3), offset: 4096 });
    expect(main.preadSync({ fd, count: 1, offset: 0 })).toEqual(Uint8Array.of(2));
    expect([...main.mincoreSync(span(at(0), 4))]).toEqual([1, 1, 0, 0]);
    expect(proc.pagemap(span(at(0), 4))).toHaveLength(4);
    expect(uffd.readMsgSync()).toBeUndefined();
  });
});
