/** Facts about one page, part 3: swap, mprotect, and who has hardware write permission. */
import { PROT_NONE, PROT_READ } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { M, N, pagesAt, RW, span } from '../support/guest.js';
import { facts, SHARED, WORD_KW } from './page-facts.js';

describe('an anonymous page in swap', () => {
  test('keeps its protection there and back; the write then faults [24]', () => {
    const it = facts();
    it.dirtyAndProtect(0, 42);
    it.swapOut(0);
    expect(it.state(0)).toBe('Sw');
    expect(it.loads(0)).toEqual({ value: 42 });
    expect(it.state(0)).toBe('PWX');
    expect(it.onWrite(0)).toEqual(['fault 3 @0']);
  });

  test('loses it to WP off while it is swapped; the write raises nothing [25]', () => {
    const it = facts();
    it.dirtyAndProtect(0);
    it.swapOut(0);
    it.unprotect(0);
    expect(it.state(0)).toBe('S');
    expect(it.onWrite(0)).toEqual([]);
  });

  test('gets it by WP on [26]', () => {
    const it = facts();
    it.guest.main.store8Sync(it.guest.at(0), 1);
    it.swapOut(0);
    it.protect(0);
    expect(it.state(0)).toBe('Sw');
  });

  test('comes back from swapoff with it, the others without [29]', () => {
    const it = facts({ pages: 16 });
    for (let n = 0; n < 16; n++) it.guest.main.store8Sync(it.guest.at(n), n);
    for (let n = 0; n < 16; n += 3) it.protect(n);
    for (let n = 0; n < 16; n++) it.swapOut(n);
    it.swap.off();
    const expected = Array.from({ length: 16 }, (_, n) => (n % 3 === 0 ? 'PWX' : 'PX'));
    expect(it.states(16)).toBe(expected.join(' '));
  });

  test('that cannot be read is SIGBUS and stays; swapoff makes it poison, also for children [83]', () => {
    const it = facts({ config: { softDirty: false } });
    const { main, machine, at } = it.guest;
    main.store8Sync(at(0), 1);
    it.swapOut(0);
    it.swap.failReads(Number((it.word(0) >> 5n) & 0xffffn));
    expect(it.loads(0)).toMatchObject({ signal: 'SIGBUS', code: 'BUS_ADRERR' });
    expect(it.state(0)).toBe('S');
    it.swap.off();
    const child = machine.process(main.forkSync());
    expect([it.state(0), it.state(0, child)]).toEqual(['Kp', 'Kp']);
  });
});

describe('a shmem page that is paged out', () => {
  test('is a marker where it was protected and nothing where not [27]', () => {
    const it = facts({ ...SHARED, config: { softDirty: false } });
    it.dirtyAndProtect(0);
    it.guest.main.store8Sync(it.guest.at(1), 1);
    it.swapOut(0);
    it.swapOut(1);
    expect([it.word(0), it.word(1)]).toEqual([WORD_KW, 0n]);
  });

  test('raises MINOR when it went to swap and MISSING when it was only read [28]', () => {
    const it = facts({ kind: 'shared', modes: M | N });
    const { uffd, at } = it.guest;
    uffd.unregisterSync(pagesAt(at(0), 4));
    it.guest.main.store8Sync(at(0), 1);
    it.guest.main.load8Sync(at(1));
    uffd.registerSync({ ...pagesAt(at(0), 4), mode: M | N });
    it.swapOut(0);
    it.swapOut(1);
    expect(it.onRead(0)).toEqual(['fault 4 @0']);
    expect(it.onWrite(1)).toEqual(['fault 1 @1']);
  });
});

describe('mprotect of a protected page', () => {
  const mprotect = (it: ReturnType<typeof facts>, prot: number) =>
    it.guest.main.mprotectSync({ ...span(it.guest.at(0), 4), prot });

  test('to PROT_READ is SEGV_ACCERR without a message; back to RW the WP fault [32]', () => {
    const it = facts();
    it.dirtyAndProtect(0);
    mprotect(it, PROT_READ);
    expect(() => it.guest.t2.store8Sync(it.guest.at(0), 1)).toThrow(/SEGV_ACCERR/);
    expect(it.messages()).toEqual([]);
    mprotect(it, RW);
    expect(it.onWrite(0)).toEqual(['fault 3 @0']);
  });

  test('to PROT_NONE leaves it present and protected [33]', () => {
    const it = facts();
    it.dirtyAndProtect(0);
    mprotect(it, PROT_NONE);
    expect(it.state(0)).toBe('PWX');
  });

  test('to PROT_READ, unprotected there: back to RW, a write needs no fault [34]', () => {
    const it = facts();
    it.dirtyAndProtect(0);
    mprotect(it, PROT_READ);
    it.unprotect(0);
    mprotect(it, RW);
    expect(it.faultsOfWrite(0)).toBe(0);
  });
});

test('a page protected and unprotected needs no fault, in shmem one [35]', () => {
  const faults = (kind: 'anon' | 'shared') => {
    const it = facts({ kind });
    it.dirtyAndProtect(0);
    it.unprotect(0);
    return it.faultsOfWrite(0);
  };
  expect([faults('anon'), faults('shared')]).toEqual([0, 1]);
});
