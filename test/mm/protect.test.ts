/**
 * When write permission comes back without a fault: the first write after each history costs none
 * where the entry is writable already, and one where the kernel still has to look.
 */
import {
  MADV_FREE,
  MADV_PAGEOUT,
  PROT_NONE,
  PROT_READ,
  UFFD_FEATURE_EVENT_REMAP,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { pteIsUffdWp, pteIsWritable } from '../../src/pgtable/pte.js';
import {
  type Guest,
  type GuestOptions,
  M,
  machineWith,
  mapAt,
  N,
  PAGE,
  page,
  pagesAt,
  RW,
  span,
  W,
} from '../support/guest.js';
import { pageState } from './page-state.js';

type Step = (guest: Guest) => unknown;

const write: Step = ({ main, at }) => main.store8Sync(at(0), 1);
const read: Step = ({ main, at }) => main.load8Sync(at(0));
const register =
  (mode: number): Step =>
  ({ uffd, at }) =>
    uffd.registerSync({ ...pagesAt(at(0), 4), mode });
const protect =
  (mode: 0 | 1): Step =>
  ({ uffd, at }) =>
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode });
const mprotect =
  (prot: number): Step =>
  ({ main, at }) =>
    main.mprotectSync({ ...span(at(0), 4), prot });
const unregister: Step = ({ uffd, at }) => uffd.unregisterSync(pagesAt(at(0), 4));
const advise =
  (advice: number): Step =>
  ({ main, at }) =>
    main.madviseSync({ ...span(at(0)), advice });
const copy =
  (mode: number): Step =>
  ({ uffd, at }) =>
    uffd.copySync({ dst: at(0), src: page(1), mode });
const forkAndExit: Step = ({ machine, main }) => machine.process(main.forkSync()).exit();
const pageOut: Step = (guest) => {
  guest.machine.swapOn({ size: 16 * PAGE });
  advise(MADV_PAGEOUT)(guest);
};
const moveAway: Step = ({ main, at }) =>
  main.mremapSync({
    oldAddress: at(0),
    oldSize: PAGE,
    newSize: PAGE,
    newAddress: at(32),
    flags: 3,
  });

/** Page whose first write is looked at: page 0, or where a history says. */
const writable = ({ proc, at }: Guest, n = 0): boolean => pteIsWritable(proc.state.mm.pte(at(n)));

type History = [faults: 0 | 1, name: string, steps: Step[]];

const zeropage: Step = ({ uffd, at }) => uffd.zeropageSync(pagesAt(at(0)));
const close: Step = ({ uffd }) => uffd.close();
const [on, off] = [protect(1), protect(0)];
const [toRead, toNone, toWrite] = [PROT_READ, PROT_NONE, RW].map(mprotect) as [Step, Step, Step];

const ANON: readonly History[] = [
  [0, 'written', [write]],
  [0, 'written, WP on, off', [write, register(W), on, off]],
  [1, 'zero page, WP on, off', [read, register(W), on, off]],
  [0, 'COPY', [register(M), copy(0)]],
  [0, 'COPY with MODE_WP, off', [register(M | W), copy(2), off]],
  [1, 'ZEROPAGE', [register(M), zeropage]],
  [0, 'swapped out, read in', [write, pageOut, read]],
  [0, 'WP on, swapped out, read in, off', [write, register(W), on, pageOut, read, off]],
  [0, 'WP on, swapped out, off, read in', [write, register(W), on, pageOut, off, read]],
  [0, 'mprotect R, RW', [write, toRead, toWrite]],
  [0, 'mprotect NONE, RW', [write, toNone, toWrite]],
  [1, 'zero page, mprotect R, RW', [read, toRead, toWrite]],
  [0, 'WP on, mprotect R, off, mprotect RW', [write, register(W), on, toRead, off, toWrite]],
  [1, 'WP on, mprotect R, RW', [write, register(W), on, toRead, toWrite]],
  [0, 'WP on, unregister', [write, register(W), on, unregister]],
  [0, 'WP on, close', [write, register(W), on, close]],
  [1, 'fork, child exits', [write, forkAndExit]],
  [1, 'fork, child exits, mprotect R, RW', [write, forkAndExit, toRead, toWrite]],
  [1, 'fork, child exits, WP on, off', [write, forkAndExit, register(W), on, off]],
  [0, 'MADV_FREE', [write, advise(MADV_FREE)]],
];

const SHARED: readonly History[] = [
  [0, 'written, then registered WP', [write, register(W)]],
  [0, 'read, not registered', [read]],
  [1, 'read, registered WP', [register(W), read]],
  [1, 'written, WP on, off', [write, register(W), on, off]],
  [1, 'read, WP on, off', [read, register(W), on, off]],
  [0, 'COPY', [register(M), copy(0)]],
  [1, 'COPY with MODE_WP, off', [register(M | W), copy(2), off]],
  [1, 'written, WP on, unregister', [write, register(W), on, unregister]],
  [0, 'mprotect R, RW', [read, toRead, toWrite]],
  [0, 'mprotect NONE, RW', [write, toNone, toWrite]],
  [1, 'registered WP, mprotect R, RW', [write, register(W), toRead, toWrite]],
];

function play(options: GuestOptions, steps: readonly Step[]): Guest {
  const guest = machineWith({ modes: 0, ...options });
  for (const step of steps) step(guest);
  return guest;
}

describe.each([
  ['anonymous memory', 'anon', ANON],
  ['shared shmem', 'shared', SHARED],
] as const)('the first write to %s', (_name, kind, histories) => {
  test.each(histories)('costs %i faults after: %s', (faults, _history, steps) => {
    const guest = play({ kind }, steps);
    expect(writable(guest) ? 0 : 1).toBe(faults);
  });
});

describe('the first write elsewhere', () => {
  test('costs none after CONTINUE of a shared page, one of a private page', () => {
    const faults = (['shared', 'private'] as const).map((kind) => {
      const guest = play({ kind, cached: [1, 2, 3, 4] }, [register(N)]);
      guest.uffd.continueSync(pagesAt(guest.at(0)));
      return writable(guest) ? 0 : 1;
    });
    expect(faults).toEqual([0, 1]);
  });

  test('costs none at the destination of UFFDIO_MOVE', () => {
    const guest = play({}, [write]);
    const { uffd, main, at } = guest;
    mapAt(main, at(32), 1);
    uffd.registerSync({ ...pagesAt(at(32)), mode: M });
    uffd.moveSync({ dst: at(32), src: at(0), len: PAGE });
    expect(writable(guest, 32)).toBe(true);
  });

  test('costs one after mremap dropped the protection, and its fault where it was kept', () => {
    const steps = [write, register(W), on, moveAway];
    expect(writable(play({}, steps), 32)).toBe(false);
    const kept = machineWith({ modes: 0, features: UFFD_FEATURE_EVENT_REMAP });
    kept.uffd.on('remap', () => {});
    for (const step of steps) step(kept);
    expect(pageState(kept.proc, kept.at(32))).toBe('PWX');
  });

  test('to a private copy of a file page costs none after mprotect, to the page itself one', () => {
    const cycle = [mprotect(PROT_READ), mprotect(RW)];
    expect(writable(play({ kind: 'private', cached: [1] }, [write, ...cycle]))).toBe(true);
    expect(writable(play({ kind: 'private', cached: [1] }, [read, ...cycle]))).toBe(false);
  });
});

describe('a protected page', () => {
  test.each(['anon', 'shared', 'private'] as const)(
    'of %s memory is never writable, whatever mprotect grants',
    (kind) => {
      const guest = play({ kind }, [write, register(W), on]);
      for (const prot of [PROT_READ, RW, PROT_NONE, RW, 7, PROT_READ, PROT_NONE, 7]) {
        mprotect(prot)(guest);
        const pte = guest.proc.state.mm.pte(guest.at(0));
        expect([pteIsUffdWp(pte), pteIsWritable(pte)]).toEqual([true, false]);
      }
      expect(() => guest.t0.store8Sync(guest.at(0), 1)).toThrow('wp fault');
    },
  );

  test('keeps its bit as PROT_NONE, counts as present, and is SEGV_ACCERR to touch', () => {
    const guest = play({}, [write, register(W), on, mprotect(PROT_NONE)]);
    expect(pageState(guest.proc, guest.at(0))).toBe('PWX');
    expect(() => guest.t0.load8Sync(guest.at(0))).toThrow('SEGV_ACCERR');
    expect(guest.uffd.readMsgSync()).toBeUndefined();
  });

  test('that lost its registration by another mode is written silently and keeps the bit', () => {
    const guest = play({}, [write, register(W), on, register(M)]);
    guest.t0.store8Sync(guest.at(0), 2);
    expect(pageState(guest.proc, guest.at(0))).toBe('PWX');
    expect(writable(guest)).toBe(true);
  });

  test('that nobody wrote since raises its fault again once the mode is back', () => {
    const guest = play({}, [write, register(W), on, register(M), register(M | W)]);
    expect(() => guest.t0.store8Sync(guest.at(0), 2)).toThrow('wp fault');
  });
});
