/** Growing down: how far an access extends a MAP_GROWSDOWN area, and what is in its way. */
import {
  MADV_POPULATE_READ,
  MAP_FIXED,
  MAP_GROWSDOWN,
  PROT_NONE,
  type Process,
  SignalError,
  type Thread,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { ANON, BASE, mapAt, newMachine, PAGE, RW, span } from '../support/guest.js';
import { errno } from '../support/observe.js';

const STACK = MAP_GROWSDOWN | MAP_FIXED | ANON;
const LIMIT = 8 * 2 ** 20;

/** A process with a stack of one page at BASE. */
function stacked(): { proc: Process; main: Thread; start(): number } {
  const proc = newMachine().spawn();
  proc.main.mmapSync({ addr: BASE, length: PAGE, prot: RW, flags: STACK });
  const start = () => (proc.maps().find(({ end }) => end === BASE + PAGE)?.start ?? 0) - BASE;
  return { proc, main: proc.main, start: () => start() / PAGE };
}

const reaches = (thread: Thread, pages: number): boolean => {
  try {
    thread.store8Sync(BASE - pages * PAGE, 1);
    return true;
  } catch (error) {
    if (error instanceof SignalError && error.code === 'SEGV_MAPERR') return false;
    throw error;
  }
};

describe('an access below', () => {
  test.each([1, 2, 300])('by %i pages extends the area to its page and no further', (pages) => {
    const { main, start } = stacked();
    expect(reaches(main, pages)).toBe(true);
    expect(start()).toBe(-pages);
  });

  test('by a load does the same, and finds zeros', () => {
    const { main, start } = stacked();
    expect(main.load8Sync(BASE - PAGE)).toBe(0);
    expect(start()).toBe(-1);
  });

  test('keeps the content of the pages above', () => {
    const { main } = stacked();
    main.store8Sync(BASE + 5, 42);
    reaches(main, 10);
    expect(main.load8Sync(BASE + 5)).toBe(42);
  });

  test('is SIGSEGV for an area that does not grow', () => {
    const { main } = newMachine().spawn();
    mapAt(main, BASE, 1);
    expect(reaches(main, 1)).toBe(false);
  });

  test('reaches 8 MiB in all, RLIMIT_STACK, and not a page more', () => {
    const { main, start } = stacked();
    expect(reaches(main, LIMIT / PAGE)).toBe(false);
    expect(reaches(main, LIMIT / PAGE - 1)).toBe(true);
    expect(start()).toBe(-(LIMIT / PAGE - 1));
  });

  test('far away is SIGSEGV and leaves the area as it is', () => {
    const { main, start } = stacked();
    expect(reaches(main, 2 ** 32)).toBe(false);
    expect(start()).toBe(0);
  });
});

describe('a neighbour below', () => {
  test('must stay 256 pages away', () => {
    const { main } = stacked();
    mapAt(main, BASE - 300 * PAGE, 1);
    expect(reaches(main, 300 - 1 - 255)).toBe(false);
    expect(reaches(main, 300 - 1 - 256)).toBe(true);
  });

  test('of PROT_NONE may be as near as it likes', () => {
    const { main, start } = stacked();
    mapAt(main, BASE - 300 * PAGE, 1, { prot: PROT_NONE });
    expect(reaches(main, 298)).toBe(true);
    expect(start()).toBe(-298);
  });

  test('is not placed by mmap within the gap, unless MAP_FIXED says so', () => {
    const { main } = stacked();
    const hint = (pages: number) =>
      main.mmapSync({ addr: BASE - pages * PAGE, length: PAGE, prot: RW, flags: ANON });
    expect(hint(256)).not.toBe(BASE - 256 * PAGE);
    expect(hint(257)).toBe(BASE - 257 * PAGE);
    mapAt(main, BASE - PAGE, 1);
    expect(main.load8Sync(BASE - PAGE)).toBe(0);
  });
});

describe('the kernel on behalf of somebody', () => {
  test('grows it when write(2) copies from there', () => {
    const { main, start } = stacked();
    const { writeFd } = main.pipeSync();
    expect(main.sysWriteSync({ fd: writeFd, addr: BASE - 4 * PAGE, count: 8 })).toBe(8);
    expect(start()).toBe(-4);
  });

  test('does not when it pins: process_vm_readv is EFAULT, MADV_POPULATE_READ ENOMEM', () => {
    const { proc, main, start } = stacked();
    const below = { addr: BASE - PAGE, length: 8 };
    expect(errno(() => main.processVmReadvSync({ pid: proc.pid, ...below }))).toBe('EFAULT');
    const populate = { ...span(BASE - PAGE), advice: MADV_POPULATE_READ };
    expect(errno(() => main.madviseSync(populate))).toBe('ENOMEM');
    expect(start()).toBe(0);
  });

  test('grows it through /proc/PID/mem, for reads and writes', () => {
    const { proc, main, start } = stacked();
    const { pid } = proc;
    expect([...main.peekSync({ pid, addr: BASE - 2 * PAGE, length: 2 })]).toEqual([0, 0]);
    expect(main.pokeSync({ pid, addr: BASE - 6 * PAGE, bytes: Uint8Array.of(7) })).toBe(1);
    expect(start()).toBe(-6);
    expect(main.load8Sync(BASE - 6 * PAGE)).toBe(7);
  });
});
