/** Kernel code that acts on registered memory: which calls wait, which fail, with which errno. */
import {
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  O_NONBLOCK,
  UFFD_FEATURE_SIGBUS,
  UFFD_USER_MODE_ONLY,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import {
  BASE,
  type Guest,
  type GuestOptions,
  M,
  machineWith,
  mapAt,
  N,
  page,
  pagesAt,
  span,
  W,
} from '../support/guest.js';
import { drain, ending, endingOfPromise, errno } from '../support/observe.js';

type Call = (guest: Guest, pipe: { readFd: number; writeFd: number }) => Promise<unknown>;

/** Calls on page 0, with the flags of their message and their errno when they may not wait. */
const calls: readonly [string, Call, number, string][] = [
  [
    'write(2)',
    ({ t0, at }, { writeFd: fd }) => t0.sysWrite({ fd, addr: at(0), count: 4 }),
    0,
    'EFAULT',
  ],
  [
    'read(2)',
    ({ t0, at }, { readFd: fd }) => t0.sysRead({ fd, addr: at(0), count: 4 }),
    1,
    'EFAULT',
  ],
  [
    'process_vm_readv',
    ({ t0, proc, at }) => t0.processVmReadv({ pid: proc.pid, addr: at(0), length: 4 }),
    0,
    'EFAULT',
  ],
  [
    'process_vm_writev',
    ({ t0, proc, at }) => t0.processVmWritev({ pid: proc.pid, addr: at(0), bytes: page(1) }),
    1,
    'EFAULT',
  ],
  [
    'MADV_POPULATE_READ',
    ({ t0, at }) => t0.madvise({ ...span(at(0)), advice: MADV_POPULATE_READ }),
    0,
    'EFAULT',
  ],
  [
    'MADV_POPULATE_WRITE',
    ({ t0, at }) => t0.madvise({ ...span(at(0)), advice: MADV_POPULATE_WRITE }),
    1,
    'EFAULT',
  ],
  ['mlock', ({ t0, at }) => t0.mlock(span(at(0))), 1, 'ENOMEM'],
];

/** A guest with a pipe that holds bytes. */
function guestWithPipe(options: GuestOptions = {}) {
  const guest = machineWith(options);
  mapAt(guest.main, guest.at(64), 1);
  const pipe = guest.main.pipeSync();
  guest.main.sysWriteSync({ fd: pipe.writeFd, addr: guest.at(64), count: 64 });
  return { guest, pipe };
}

describe.each(calls)('%s on a missing page', (_name, call, flags, refused) => {
  test('queues a message and waits until the page is there', async () => {
    const { guest, pipe } = guestWithPipe();
    const done = call(guest, pipe);
    expect(guest.t0.state).toBe('blocked');
    expect(drain(guest.uffd, BASE)).toEqual([`fault ${flags} @0`]);
    guest.uffd.zeropageSync(pagesAt(guest.at(0)));
    expect(await endingOfPromise(done)).toHaveProperty('value');
  });

  test('fails without a message under SIGBUS and under USER_MODE_ONLY [9.73] [9.74]', async () => {
    for (const options of [
      { features: UFFD_FEATURE_SIGBUS },
      { flags: UFFD_USER_MODE_ONLY | O_NONBLOCK },
    ]) {
      const { guest, pipe } = guestWithPipe(options);
      expect(await endingOfPromise(call(guest, pipe))).toEqual({ code: refused });
      expect(drain(guest.uffd, BASE)).toEqual([]);
    }
  });
});

describe('the SIGBUS feature', () => {
  test('gives SIGBUS BUS_ADRERR at the exact address and no message [9.73]', () => {
    const { uffd, t0, at } = machineWith({ features: UFFD_FEATURE_SIGBUS });
    const signal = (addr: number) => ({ signal: 'SIGBUS', code: 'BUS_ADRERR', addr });
    expect(ending(() => t0.load8Sync(at(0) + 5))).toEqual(signal(at(0) + 5));
    expect(ending(() => t0.store8Sync(at(1) + 6, 1))).toEqual(signal(at(1) + 6));
    expect(uffd.fdinfo().total).toBe(0);
    uffd.copySync({ dst: at(0), src: page(7) });
    expect(t0.load8Sync(at(0) + 5)).toBe(7);
  });

  test('holds for write-protect and minor faults too', () => {
    const { uffd, t0, at } = machineWith({
      kind: 'shared',
      modes: N | W,
      cached: [1],
      features: UFFD_FEATURE_SIGBUS,
    });
    expect(errno(() => t0.load8Sync(at(0)))).toBe('SIGBUS');
    uffd.continueSync({ ...pagesAt(at(0)), mode: 2 });
    expect(t0.load8Sync(at(0))).toBe(1);
    expect(errno(() => t0.store8Sync(at(0), 2))).toBe('SIGBUS');
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 0 });
    t0.store8Sync(at(0), 2);
    expect(t0.load8Sync(at(0))).toBe(2);
  });

  test('makes mlock ENOMEM and leaves the area locked', () => {
    const { proc, main, at } = machineWith({ features: UFFD_FEATURE_SIGBUS });
    expect(errno(() => main.mlockSync(span(at(0), 4)))).toBe('ENOMEM');
    expect(proc.maps()[0]?.vmFlags).toContain('lo');
  });
});

describe('USER_MODE_ONLY', () => {
  test('gives messages for user accesses [9.74]', async () => {
    const { uffd, t0, at } = machineWith({ flags: UFFD_USER_MODE_ONLY | O_NONBLOCK });
    const load = t0.load8(at(0));
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0']);
    uffd.zeropageSync(pagesAt(at(0)));
    expect(await load).toBe(0);
  });

  test('lets the kernel use pages that are there', () => {
    const { guest, pipe } = guestWithPipe({ flags: UFFD_USER_MODE_ONLY | O_NONBLOCK });
    const { main, uffd, at } = guest;
    uffd.zeropageSync(pagesAt(at(0)));
    expect(main.sysReadSync({ fd: pipe.readFd, addr: at(0), count: 4 })).toBe(4);
  });
});

describe('a protected page', () => {
  test('is flags 3 for read(2), nothing for write(2); EFAULT under USER_MODE_ONLY', async () => {
    const { guest, pipe } = guestWithPipe({ modes: M | W });
    const { uffd, t0, at } = guest;
    uffd.copySync({ dst: at(0), src: page(7), mode: 2 });
    expect(t0.sysWriteSync({ fd: pipe.writeFd, addr: at(0), count: 4 })).toBe(4);
    const read = t0.sysRead({ fd: pipe.readFd, addr: at(0), count: 4 });
    expect(drain(uffd, BASE)).toEqual(['fault 3 @0']);
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 0 });
    expect(await read).toBe(4);
    const only = guestWithPipe({ modes: M | W, flags: UFFD_USER_MODE_ONLY | O_NONBLOCK });
    only.guest.uffd.copySync({ dst: at(0), src: page(7), mode: 2 });
    const request = { fd: only.pipe.readFd, addr: at(0), count: 4 };
    expect(errno(() => only.guest.main.sysReadSync(request))).toBe('EFAULT');
  });
});

describe('a debugger', () => {
  test('gets EIO from a missing page, no message, never waits [9.75]', () => {
    const { uffd, machine, proc, at } = machineWith();
    const { main } = machine.spawn({ name: 'debugger' });
    const where = { pid: proc.pid, addr: at(0) };
    expect(errno(() => main.peekSync({ ...where, length: 4 }))).toBe('EIO');
    expect(errno(() => main.pokeSync({ ...where, bytes: page(1) }))).toBe('EIO');
    expect(drain(uffd, BASE)).toEqual([]);
    uffd.copySync({ dst: at(0), src: page(7) });
    expect(main.peekSync({ ...where, length: 2 })).toEqual(Uint8Array.of(7, 7));
  });

  test('gets EIO from a write-protected page when it writes, and reads it', () => {
    const { uffd, main, proc, at } = machineWith({ modes: M | W });
    uffd.copySync({ dst: at(0), src: page(7), mode: 2 });
    const where = { pid: proc.pid, addr: at(0) };
    expect(errno(() => main.pokeSync({ ...where, bytes: page(1) }))).toBe('EIO');
    expect(main.peekSync({ ...where, length: 1 })).toEqual(Uint8Array.of(7));
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('gets the bytes before the missing page', () => {
    const { uffd, main, proc, at } = machineWith();
    uffd.copySync({ dst: at(0), src: page(7) });
    const request = { pid: proc.pid, addr: at(1) - 2, length: 4 };
    expect(main.peekSync(request)).toEqual(Uint8Array.of(7, 7));
  });
});

describe('transfers of several pages', () => {
  test('are short when a later page may not be waited for', () => {
    const { guest, pipe } = guestWithPipe({ features: UFFD_FEATURE_SIGBUS });
    const { uffd, main, proc, at } = guest;
    uffd.copySync({ dst: at(0), src: page(7) });
    const read = { pid: proc.pid, addr: at(1) - 2, length: 4 };
    expect(main.processVmReadvSync(read)).toEqual(Uint8Array.of(7, 7));
    expect(main.sysWriteSync({ fd: pipe.writeFd, addr: at(0), count: 8192 })).toBe(4096);
  });

  test('raise one message after the other', async () => {
    const { uffd, t0, proc, at } = machineWith();
    const read = t0.processVmReadv({ pid: proc.pid, addr: at(1) - 2, length: 4 });
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0']);
    uffd.copySync({ dst: at(0), src: page(1) });
    expect(drain(uffd, BASE)).toEqual(['fault 0 @1']);
    uffd.copySync({ dst: at(1), src: page(2) });
    expect(await read).toEqual(Uint8Array.of(1, 1, 2, 2));
  });

  test('of another process wait for the userfaultfd of that process', async () => {
    const { uffd, machine, proc, at } = machineWith();
    const { main } = machine.spawn({ name: 'reader' });
    const read = main.processVmReadv({ pid: proc.pid, addr: at(2), length: 1 });
    expect(main.state).toBe('blocked');
    expect(drain(uffd, BASE)).toEqual(['fault 0 @2']);
    uffd.copySync({ dst: at(2), src: page(9) });
    expect(await read).toEqual(Uint8Array.of(9));
  });
});
