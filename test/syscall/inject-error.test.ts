/**
 * MADV_HWPOISON and MADV_SOFT_OFFLINE: the order of their checks, who gets a signal, and what each
 * call does with a page that is lost. As 6.1.174 and 6.12.107 answered, and 6.18.44 without
 * CONFIG_MEMORY_FAILURE.
 */
import {
  MADV_HWPOISON,
  MADV_SOFT_OFFLINE,
  SignalError,
  UFFDIO_WRITEPROTECT_MODE_WP,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { pageState, statesOf } from '../mm/page-state.js';
import {
  BASE,
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
import { drain, ending, errno } from '../support/observe.js';

/** A guest whose page 0 was written; 6.1 does not raise the signal in the call. */
function written(options: GuestOptions = {}): Guest {
  const guest = machineWith({ kernel: '6.1', modes: 0, ...options });
  guest.main.store8Sync(BASE, 7);
  return guest;
}

const poison = (guest: Guest, n = 0, pages = 1) =>
  guest.main.madviseSync({ ...span(guest.at(n), pages), advice: MADV_HWPOISON });
const offline = (guest: Guest, n = 0, pages = 1) =>
  guest.main.madviseSync({ ...span(guest.at(n), pages), advice: MADV_SOFT_OFFLINE });
const word = ({ proc }: Guest, n = 0): bigint => proc.pagemap(span(BASE + n * PAGE))[0] ?? 0n;

describe.each([MADV_HWPOISON, MADV_SOFT_OFFLINE])('advice %i', (advice) => {
  test('is EINVAL without CONFIG_MEMORY_FAILURE', () => {
    const { main } = written({ kernel: '6.18', config: { memoryFailure: false } });
    expect(errno(() => main.madviseSync({ ...span(BASE), advice }))).toBe('EINVAL');
  });

  test('checks alignment, then an empty range, then CAP_SYS_ADMIN', () => {
    const { main } = written();
    main.setresuidSync(1000);
    const call = (addr: number, length: number) =>
      errno(() => main.madviseSync({ addr, length, advice }));
    expect([call(BASE + 1, 0), call(BASE, 0), call(BASE, 1)]).toEqual(['EINVAL', 'ok', 'EPERM']);
  });

  test('is EFAULT where no page can be faulted in', () => {
    const guest = written();
    const { main } = guest;
    main.mprotectSync({ ...span(guest.at(1)), prot: 0 });
    expect(errno(() => main.madviseSync({ ...span(guest.at(1)), advice }))).toBe('EFAULT');
    expect(errno(() => main.madviseSync({ ...span(guest.at(9)), advice }))).toBe('EFAULT');
  });

  test('asks a userfaultfd for a missing page', () => {
    const guest = machineWith({ modes: M });
    void guest.main.madvise({ ...span(BASE), advice }).catch(() => {});
    expect(drain(guest.uffd, BASE)).toEqual(['fault 0 @0']);
    guest.proc.exit();
  });
});

describe('a page that is lost', () => {
  test('is a swap-like entry that names its frame, without uffd-wp', () => {
    const guest = written({ modes: W, config: { softDirty: false } });
    guest.uffd.writeprotectSync({ ...pagesAt(BASE), mode: UFFDIO_WRITEPROTECT_MODE_WP });
    const pfn = word(guest) & ((1n << 55n) - 1n);
    poison(guest);
    expect(word(guest)).toBe((1n << 62n) | (pfn << 5n) | 26n); // the type of 6.1
    expect([...guest.main.mincoreSync(span(BASE))]).toEqual([1]);
    expect(guest.machine.poisonedPages).toBe(1);
  });

  test('gives SIGBUS BUS_MCEERR_AR at the exact address, with lsb 12, to reads and writes', () => {
    const guest = written();
    poison(guest);
    const lost = (addr: number) => ({ signal: 'SIGBUS', code: 'BUS_MCEERR_AR', addr });
    expect(ending(() => guest.t0.load8Sync(BASE + 5))).toEqual(lost(BASE + 5));
    expect(ending(() => guest.t0.store8Sync(BASE, 1))).toEqual(lost(BASE));
    expect(() => guest.t0.load8Sync(BASE)).toThrow(SignalError);
  });

  test('is refused by the calls of the kernel as recorded', () => {
    const guest = written();
    poison(guest);
    const { main, proc } = guest;
    expect(errno(() => poison(guest))).toBe('EFAULT');
    expect(errno(() => offline(guest))).toBe('EFAULT');
    expect(errno(() => main.madviseSync({ ...span(BASE), advice: 22 }))).toBe('EHWPOISON');
    expect(errno(() => main.madviseSync({ ...span(BASE), advice: 23 }))).toBe('EHWPOISON');
    expect(errno(() => main.processVmReadvSync({ pid: proc.pid, ...span(BASE) }))).toBe('EFAULT');
    expect(errno(() => main.mlockSync(span(BASE)))).toBe('ENOMEM');
  });

  test('stays through PAGEOUT, mprotect and mremap, and goes with FREE and DONTNEED', () => {
    const guest = written();
    const { main, proc } = guest;
    poison(guest);
    main.madviseSync({ ...span(BASE), advice: 21 });
    main.mprotectSync({ ...span(BASE), prot: 1 });
    main.mprotectSync({ ...span(BASE), prot: RW });
    expect(pageState(proc, BASE)).toBe('S');
    main.madviseSync({ ...span(BASE), advice: 8 });
    expect([pageState(proc, BASE), guest.t0.load8Sync(BASE)]).toEqual(['-', 0]);
    main.store8Sync(guest.at(1), 1);
    poison(guest, 1);
    main.madviseSync({ ...span(guest.at(1)), advice: 4 });
    expect([pageState(proc, guest.at(1)), guest.machine.poisonedPages]).toEqual(['-', 2]);
  });

  test('is lost to a child that shared it, and to one that is forked later', () => {
    const guest = written();
    const sharing = guest.machine.process(guest.main.forkSync());
    poison(guest);
    const later = guest.machine.process(guest.main.forkSync());
    expect([sharing, later].map((child) => pageState(child, BASE))).toEqual(['S', 'S']);
    expect(errno(() => sharing.main.load8Sync(BASE))).toBe('SIGBUS');
    expect(guest.machine.poisonedPages).toBe(1);
  });

  test('takes WRITEPROTECT on and off as its side bit, and refuses every fill', () => {
    const guest = machineWith({ kernel: '6.12', modes: M | W, features: 1 << 13 });
    guest.uffd.copySync({ dst: BASE, src: page(1, 2), len: 2 * PAGE });
    expect(() => poison(guest)).toThrow(SignalError);
    guest.uffd.writeprotectSync({ ...pagesAt(BASE), mode: UFFDIO_WRITEPROTECT_MODE_WP });
    expect(pageState(guest.proc, BASE)).toBe('Sw');
    const { uffd } = guest;
    const fills = [
      () => uffd.copySync({ dst: BASE, src: page(1), len: PAGE }),
      () => uffd.zeropageSync({ ...pagesAt(BASE) }),
      () => uffd.poisonSync({ ...pagesAt(BASE) }),
      () => uffd.moveSync({ dst: BASE, src: guest.at(1), len: PAGE }),
      () => uffd.moveSync({ dst: guest.at(3), src: BASE, len: PAGE }),
    ];
    expect(fills.map(errno)).toEqual(['EEXIST', 'EEXIST', 'EEXIST', 'EEXIST', 'EFAULT']);
    uffd.writeprotectSync({ ...pagesAt(BASE), mode: 0 });
    expect(pageState(guest.proc, BASE)).toBe('S');
  });
});

describe('a lost page of a file', () => {
  function mappedThrice() {
    const guest = machineWith({ kernel: '6.1', kind: 'shared', cached: [1, 2, 3], modes: 0 });
    const [second, copy] = [BASE + 16 * PAGE, BASE + 32 * PAGE];
    mapAt(guest.main, second, 4, { kind: 'shared', fd: guest.fd });
    mapAt(guest.main, copy, 4, { kind: 'private', fd: guest.fd });
    guest.main.store8Sync(BASE, 9);
    for (const addr of [second, copy]) guest.main.load8Sync(addr);
    return { ...guest, second, copy };
  }

  test('is lost in every mapping, and bit 61 stays', () => {
    const guest = mappedThrice();
    poison(guest);
    for (const addr of [BASE, guest.second, guest.copy]) {
      expect((guest.proc.pagemap(span(addr))[0] ?? 0n) >> 61n).toBe(3n);
      expect(errno(() => guest.t0.load8Sync(addr))).toBe('SIGBUS');
    }
  });

  test('is EIO to pread and pwrite; what lies before it can be had', () => {
    const guest = mappedThrice();
    const { main, fd } = guest;
    poison(guest, 1);
    expect(errno(() => main.preadSync({ fd, count: 1, offset: PAGE }))).toBe('EIO');
    expect(errno(() => main.pwriteSync({ fd, bytes: page(1), offset: PAGE }))).toBe('EIO');
    expect(main.preadSync({ fd, count: 3 * PAGE, offset: 0 })).toHaveLength(PAGE);
  });

  test('is found again after DONTNEED, until a hole is punched; the hole leaves other entries', () => {
    const guest = mappedThrice();
    const { main, fd, second, proc } = guest;
    poison(guest);
    main.madviseSync({ ...span(second), advice: 4 });
    expect([pageState(proc, second), errno(() => main.load8Sync(second))]).toEqual(['-', 'SIGBUS']);
    main.fallocateSync({ fd, mode: 3, offset: 0, length: PAGE });
    expect([pageState(proc, BASE), main.load8Sync(second)]).toEqual(['S', 0]);
    main.ftruncateSync({ fd, length: 0 });
    expect(pageState(proc, BASE)).toBe('-');
  });

  test('is EIO to UFFDIO_CONTINUE, EEXIST to UFFDIO_COPY', () => {
    const guest = machineWith({ kind: 'shared', cached: [1], modes: W | N });
    guest.uffd.continueSync({ ...pagesAt(BASE) });
    expect(() => poison(guest)).toThrow(SignalError);
    guest.main.madviseSync({ ...span(BASE), advice: 4 });
    expect(errno(() => guest.uffd.continueSync({ ...pagesAt(BASE) }))).toBe('EIO');
    const copy = () => guest.uffd.copySync({ dst: BASE, src: page(1), len: PAGE });
    expect(errno(copy)).toBe('EEXIST');
  });
});

describe('the signal of the call, from 6.12 on', () => {
  test('names the first page that was lost; all pages of the range are', () => {
    const guest = written({ kernel: '6.12' });
    guest.main.store8Sync(guest.at(1), 1);
    const lost = { signal: 'SIGBUS', code: 'BUS_MCEERR_AR', addr: BASE };
    expect(ending(() => poison(guest, 0, 2))).toEqual(lost);
    expect(statesOf(guest.proc, BASE, 2)).toEqual(['S', 'S']);
  });

  test('names the mapping that was made first, of a file', () => {
    const guest = machineWith({ kind: 'shared', cached: [1], modes: 0 });
    const second = BASE + 16 * PAGE;
    mapAt(guest.main, second, 4, { kind: 'shared', fd: guest.fd });
    guest.main.store8Sync(second, 1);
    const call = () => guest.main.madviseSync({ ...span(second), advice: MADV_HWPOISON });
    expect(ending(call)).toMatchObject({ addr: BASE });
  });

  test('is not raised for a page that nobody wrote', () => {
    const guest = machineWith({ kernel: '6.12', kind: 'shared', modes: 0, prot: 1 });
    guest.main.load8Sync(BASE);
    expect(errno(() => poison(guest))).toBe('ok');
    expect(errno(() => guest.main.load8Sync(BASE))).toBe('SIGBUS');
  });
});

describe('the zero page', () => {
  test.each([
    ['6.1', 'EHWPOISON'],
    ['6.12', 'SIGBUS'],
  ] as const)('on %s is EBUSY, then %s, and stays readable', (kernel, second) => {
    const guest = machineWith({ kernel, modes: 0 });
    guest.main.load8Sync(guest.at(1));
    expect(errno(() => poison(guest, 1))).toBe('EBUSY');
    expect(errno(() => poison(guest, 1))).toBe(second);
    expect([guest.t0.load8Sync(guest.at(1)), guest.machine.poisonedPages]).toEqual([0, 0]);
    expect(errno(() => offline(guest, 1))).toBe('ok');
  });
});

describe('soft offline', () => {
  test('moves the page, its protection and its content, and retires the frame', () => {
    const guest = written({ modes: W });
    guest.uffd.writeprotectSync({ ...pagesAt(BASE), mode: UFFDIO_WRITEPROTECT_MODE_WP });
    const before = word(guest);
    offline(guest);
    expect([pageState(guest.proc, BASE), guest.t0.load8Sync(BASE)]).toEqual(['PWX', 7]);
    expect(word(guest)).not.toBe(before);
    expect(guest.machine.poisonedPages).toBe(1);
  });

  test('moves a page that others share, and one of a file', () => {
    const guest = written();
    const child = guest.machine.process(guest.main.forkSync());
    offline(guest);
    expect([child.main.load8Sync(BASE), child.pagemap(span(BASE))[0]]).toEqual([7, word(guest)]);
    const file = machineWith({ kind: 'shared', cached: [5], modes: 0 });
    offline(file);
    expect([pageState(file.proc, BASE), file.main.load8Sync(BASE)]).toEqual(['PFX', 5]);
  });

  test('maps the zero page where nothing was, and leaves it', () => {
    const guest = written();
    offline(guest, 3);
    expect([pageState(guest.proc, guest.at(3)), guest.machine.poisonedPages]).toEqual(['P', 0]);
  });
});
