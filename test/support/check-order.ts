/**
 * Two faults in one call: the check that comes first decides. A ladder lists what can be wrong
 * with a call in the order of its checks; every pair of rungs that can be combined is tried.
 */
import { type U64, UFFD_FEATURE_EVENT_REMOVE, type Userfaultfd } from 'uffd-emulator';
import { BASE, type Guest, M, machineWith, mapAt, PAGE, pagesAt, W } from './guest.js';

/** A call in preparation: a rung changes what it needs. */
export interface Attempt {
  readonly guest: Guest;
  /** Who makes the call. */
  uffd: Userfaultfd;
  start: U64;
  src: U64;
  len: U64;
  mode: U64;
}

/** What a rung makes wrong, in the order in which wrong things are made. */
const KINDS = ['page', 'start', 'src', 'len', 'mode', 'owner', 'window'] as const;

/** One thing that can be wrong. */
export interface Rung {
  readonly name: string;
  readonly on: (typeof KINDS)[number];
  readonly make: (attempt: Attempt) => void;
  /** How the call ends; without `progress` the kernel leaves the result field as it was. */
  readonly ending: { readonly code: string; readonly progress?: number };
}

/** Writes a rung; a result field of 0 says that it is not written. */
export function rung(
  on: Rung['on'],
  name: string,
  [code, progress]: readonly [code: string, progress: number],
  make: Rung['make'],
): Rung {
  return { name, on, make, ending: progress === 0 ? { code } : { code, progress } };
}

/**
 * A guest with M+W at pages 0 to 3, M at pages 8 to 11 and memory without a registration at pages
 * 16 to 19, where page 16 is written. The call is good: one empty page at page 0, from page 16.
 */
export function newAttempt(mode = 0): Attempt {
  const guest = machineWith({ features: UFFD_FEATURE_EVENT_REMOVE, modes: M | W });
  const { main, at, uffd } = guest;
  mapAt(main, at(8), 4);
  uffd.registerSync({ ...pagesAt(at(8), 4), mode: M });
  mapAt(main, at(16), 4);
  main.store8Sync(at(16), 7);
  return { guest, uffd, start: at(0), src: at(16), len: PAGE, mode };
}

/** Makes some things wrong with a good call. */
export function spoil(rungs: readonly Rung[], mode = 0): Attempt {
  const attempt = newAttempt(mode);
  const order = ({ on }: Rung) => KINDS.indexOf(on);
  for (const { make } of [...rungs].sort((a, b) => order(a) - order(b))) make(attempt);
  return attempt;
}

/** Every pair of rungs that can be wrong at once, the one that decides first. */
export function pairs(ladder: readonly Rung[]): [string, string, Rung, Rung][] {
  return ladder.flatMap((first, i) =>
    ladder
      .slice(i + 1)
      .filter((second) => combine(first, second))
      .map((second): [string, string, Rung, Rung] => [first.name, second.name, first, second]),
  );
}

/** One thing is wrong in one way; a dead owner has neither windows nor pages. */
function combine(first: Rung, second: Rung): boolean {
  const kinds = [first.on, second.on];
  const alive = !kinds.includes('window') && !kinds.includes('page');
  return first.on !== second.on && (alive || !kinds.includes('owner'));
}

const INVALID = ['EINVAL', 0] as const;

export const windowOpen = (progress: number): Rung =>
  rung('window', 'the window is open', ['EAGAIN', progress], ({ guest }) => {
    void guest.t2.madvise({ addr: guest.at(11), length: PAGE, advice: 4 });
  });

export const misaligned = rung('start', 'the range is misaligned', INVALID, (call) => {
  call.start = BASE + 1;
});

export const lenZero = rung('len', 'len is zero', INVALID, (call) => {
  call.len = 0;
});

export const wraps = rung('len', 'the range wraps around', INVALID, (call) => {
  call.len = 0xffff_ffff_ffff_f000n;
});

export const unknownMode = rung('mode', 'mode has an unknown bit', INVALID, (call) => {
  call.mode = 1n << 40n;
});

export const modeIs = (
  mode: number,
  name: string,
  end: readonly [code: string, progress: number],
): Rung =>
  rung('mode', name, end, (call) => {
    call.mode = mode;
  });

export const ownerGone = (code: string): Rung =>
  rung('owner', 'the owner is gone', [code, 0], (call) => {
    call.uffd = call.guest.machine.spawn({ name: 'manager' }).receive(call.uffd);
    call.guest.proc.exit();
  });

/** Pages of {@link newAttempt} by what is there. */
export const startAt = (
  n: number,
  name: string,
  end: readonly [code: string, progress: number],
): Rung =>
  rung('start', name, end, (call) => {
    call.start = call.guest.at(n);
  });

export const overlong = (end: readonly [code: string, progress: number]): Rung =>
  rung('len', 'the range leaves its area', end, (call) => {
    call.len = 5 * PAGE;
  });

export const pageThere = rung('page', 'a page is there', ['EEXIST', -17], ({ guest }) => {
  for (const n of [0, 8]) guest.uffd.zeropageSync(pagesAt(guest.at(n)));
});
