/** UFFDIO_REGISTER: which memory takes which mode, what it answers, what it changes. */
import {
  PROT_EXEC,
  PROT_NONE,
  PROT_READ,
  UFFD_FEATURE_WP_ASYNC,
  UFFDIO_REGISTER,
  type Userfaultfd,
  uffdio_register,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import {
  anotherUffd,
  BASE,
  M,
  machineWith,
  mapAt,
  memfd,
  N,
  PAGE,
  page,
  pagesAt,
  RW,
  span,
  W,
} from '../support/guest.js';
import { areas, drain, ending, errno, pages, snapshot } from '../support/observe.js';

/** Registers pages of the area; the mask of ioctls or the errno. */
function register(uffd: Userfaultfd, n: number, count: number, mode: number | bigint) {
  const request = { ...pagesAt(BASE + n * PAGE, count), mode };
  const end = ending(() => Number(uffd.registerSync(request).ioctls));
  return 'value' in end ? end.value : end.code;
}

describe('the mask of ioctls', () => {
  test('on anonymous memory is 0x13C for M, 0x17C for W and for M+W [9.12]', () => {
    const masks = [M, W, M | W].map((modes) =>
      register(machineWith({ modes: 0 }).uffd, 0, 4, modes),
    );
    expect(masks).toEqual([0x13c, 0x17c, 0x17c]);
  });

  test('MINOR of anonymous memory is EINVAL in every combination [9.13]', () => {
    const { uffd, machine } = machineWith({ modes: 0 });
    const before = snapshot(machine);
    for (const modes of [N, N | M, N | W, N | M | W]) {
      expect(register(uffd, 0, 4, modes)).toBe('EINVAL');
    }
    expect(snapshot(machine)).toEqual(before);
  });

  test.each(['shared', 'private'] as const)(
    'on %s shmem follows all seven sets of modes',
    (kind) => {
      const masks = [1, 2, 3, 4, 5, 6, 7].map((modes) =>
        register(machineWith({ kind, modes: 0 }).uffd, 0, 4, modes),
      );
      expect(masks).toEqual([0x13c, 0x17c, 0x17c, 0x1bc, 0x1bc, 0x1fc, 0x1fc]);
    },
  );

  test('is that of the request when the registration stays as it was', () => {
    const { uffd, proc } = machineWith({ modes: M | W });
    expect(register(uffd, 0, 4, M)).toBe(0x13c);
    expect(areas(proc, BASE)).toEqual(['0-4:um+uw']);
  });
});

describe('arguments', () => {
  test('mode 0, unknown mode bits, len 0 and misaligned ranges are EINVAL [9.11]', () => {
    const { uffd, machine, at } = machineWith({ modes: 0 });
    const before = snapshot(machine);
    const bad = [
      { start: at(0), len: PAGE, mode: 0 },
      { start: at(0), len: PAGE, mode: 8 },
      { start: at(0), len: PAGE, mode: M | 16 },
      { start: at(0), len: PAGE, mode: 2 ** 31 + M },
      { start: at(0), len: PAGE, mode: (1n << 32n) | 1n },
      { start: at(0), len: PAGE, mode: (1n << 63n) | 1n },
      { start: at(0), len: 0, mode: M },
      { start: at(0) + 1, len: PAGE, mode: M },
      { start: at(0), len: PAGE - 1, mode: M },
    ];
    for (const request of bad) {
      const raw = uffdio_register.encode({ range: request, mode: request.mode, ioctls: 0x77n });
      expect(errno(() => uffd.registerSync(request))).toBe('EINVAL');
      expect(errno(() => uffd.ioctlSync(UFFDIO_REGISTER, raw))).toBe('EINVAL');
      expect(uffdio_register.decode(raw).ioctls).toBe(0x77n);
    }
    expect(snapshot(machine)).toEqual(before);
  });

  test('a range over a hole registers both areas; a hole alone is EINVAL [9.15]', () => {
    const { uffd, proc, main, at } = machineWith({ pages: 6, modes: 0 });
    main.munmapSync(span(at(2), 2));
    expect(register(uffd, 2, 2, M)).toBe('EINVAL');
    expect(register(uffd, -2, 2, M)).toBe('EINVAL');
    expect(areas(proc, BASE)).toEqual(['0-2:none', '4-6:none']);
    expect(register(uffd, -1, 8, M)).toBe(0x13c);
    expect(areas(proc, BASE)).toEqual(['0-2:um', '4-6:um']);
  });

  test('a range may begin in a hole; what is mapped there later is not registered', () => {
    const { uffd, proc, main, t0, at } = machineWith({ pages: 6, modes: 0 });
    main.munmapSync(span(at(2), 2));
    expect(register(uffd, 2, 4, M)).toBe(0x13c);
    mapAt(main, at(2), 2);
    expect(areas(proc, BASE)).toEqual(['0-4:none', '4-6:um']);
    expect(t0.load8Sync(at(3))).toBe(0);
  });
});

describe('kinds of memory', () => {
  test('a shared mapping of a read-only memfd is EPERM, a private one is not [9.19]', () => {
    const { uffd, proc, main, at } = machineWith({ pages: 0 });
    const fd = main.reopenReadOnlySync(memfd(main, 2));
    mapAt(main, at(0), 2, { kind: 'shared', prot: PROT_READ, fd });
    mapAt(main, at(4), 2, { kind: 'private', prot: PROT_READ, fd });
    expect([M, W, N].map((mode) => register(uffd, 0, 2, mode))).toEqual([
      'EPERM',
      'EPERM',
      'EPERM',
    ]);
    expect(register(uffd, 4, 2, M)).toBe(0x13c);
    expect(areas(proc, BASE)).toEqual(['0-2:none', '4-6:um']);
  });

  test.each([
    ['PROT_NONE', PROT_NONE],
    ['PROT_READ', PROT_READ],
    ['PROT_READ|PROT_EXEC', PROT_READ | PROT_EXEC],
  ])('%s anonymous memory is accepted [9.20]', (_name, prot) => {
    const { uffd, proc } = machineWith({ prot, modes: 0 });
    expect(register(uffd, 0, 4, M | W)).toBe(0x17c);
    expect(areas(proc, BASE)).toEqual(['0-4:um+uw']);
  });

  test('anonymous and shmem areas in one range: N is EINVAL, M registers both [9.106]', () => {
    const { uffd, proc, main, at } = machineWith({ pages: 2, modes: 0 });
    mapAt(main, at(2), 2, { kind: 'shared', fd: memfd(main, 2) });
    expect(register(uffd, 0, 4, N)).toBe('EINVAL');
    expect(areas(proc, BASE)).toEqual(['0-2:none', '2-4:none']);
    expect(register(uffd, 0, 4, M)).toBe(0x13c);
    expect(areas(proc, BASE)).toEqual(['0-2:um', '2-4:um']);
    const copy = () => uffd.copySync({ dst: at(1), src: page(1, 2) });
    expect(ending(copy)).toEqual({ code: 'ENOENT', progress: -2 });
    expect(pages(proc, BASE, 4)).toBe('- - - -');
  });

  test('MINOR of shmem behind anonymous memory is EINVAL, of shmem alone fine', () => {
    const { uffd, proc, main, at } = machineWith({ pages: 2, modes: 0 });
    mapAt(main, at(2), 2, { kind: 'shared', fd: memfd(main, 2) });
    expect(register(uffd, 1, 2, N)).toBe('EINVAL');
    expect(register(uffd, 2, 2, N)).toBe(0x1bc);
    expect(areas(proc, BASE)).toEqual(['0-2:none', '2-4:ui']);
  });
});

describe('ownership', () => {
  test('a range that another userfaultfd owns in part is EBUSY and nothing changes [9.17]', () => {
    const { uffd, main, proc, at, machine } = machineWith({ pages: 6, modes: 0 });
    const other = anotherUffd(main);
    other.registerSync({ ...pagesAt(at(4), 2), mode: M });
    const before = snapshot(machine);
    expect(register(uffd, 0, 6, M)).toBe('EBUSY');
    expect(snapshot(machine)).toEqual(before);
    expect(register(uffd, 0, 4, W)).toBe(0x17c);
    expect(areas(proc, BASE)).toEqual(['0-4:uw', '4-6:um']);
  });

  test('two userfaultfds of one process get the faults of their own areas', async () => {
    const { uffd, main, t0, t1, at } = machineWith({ modes: 0 });
    const other = anotherUffd(main);
    uffd.registerSync({ ...pagesAt(at(0), 2), mode: M });
    other.registerSync({ ...pagesAt(at(2), 2), mode: M });
    const loads = [t0.load8(at(1)), t1.load8(at(2))];
    expect(drain(uffd, BASE)).toEqual(['fault 0 @1']);
    expect(drain(other, BASE)).toEqual(['fault 0 @2']);
    uffd.zeropageSync(pagesAt(at(1)));
    other.copySync({ dst: at(2), src: page(5) });
    expect(await Promise.all(loads)).toEqual([0, 5]);
  });
});

describe('registration again with the same userfaultfd', () => {
  test('replaces the mode, unless all its bits are set already [9.21]', () => {
    const { uffd, proc } = machineWith({ modes: M });
    register(uffd, 0, 4, W);
    expect(areas(proc, BASE)).toEqual(['0-4:uw']);
    register(uffd, 0, 4, M | W);
    register(uffd, 0, 4, M);
    expect(areas(proc, BASE)).toEqual(['0-4:um+uw']);
    register(uffd, 0, 4, W);
    expect(areas(proc, BASE)).toEqual(['0-4:um+uw']);
  });

  test('W to M goes through up to 7.2 and is EBUSY in 7.3 [9.22]', () => {
    const old = machineWith({ modes: W });
    expect(register(old.uffd, 0, 4, M)).toBe(0x13c);
    expect(areas(old.proc, BASE)).toEqual(['0-4:um']);
    for (const modes of [W, M | W]) {
      const { uffd, proc, machine } = machineWith({ kernel: '7.3', modes });
      const before = snapshot(machine);
      expect(register(uffd, 0, 4, M)).toBe('EBUSY');
      expect(snapshot(machine)).toEqual(before);
      expect(register(uffd, 0, 4, M | W)).toBe(0x17c);
      expect(areas(proc, BASE)).toEqual(['0-4:um+uw']);
    }
  });

  test('leaves uffd-wp bits inert without W, and they trap again with it [9.23]', async () => {
    const { uffd, proc, t0, main, at } = machineWith({ modes: W });
    main.writeSync(at(0), page(1, 2));
    uffd.writeprotectSync({ ...pagesAt(at(0), 2), mode: 1 });
    register(uffd, 0, 4, M);
    expect(pages(proc, BASE, 2)).toBe('Pw Pw');
    expect(errno(() => uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 0 }))).toBe('ENOENT');
    t0.store8Sync(at(0), 9);
    expect(drain(uffd, BASE)).toEqual([]);
    register(uffd, 0, 4, M | W);
    const store = t0.store8(at(1), 9);
    expect(drain(uffd, BASE)).toEqual(['fault 3 @1']);
    uffd.writeprotectSync({ ...pagesAt(at(1)), mode: 0 });
    await store;
    expect(main.load8Sync(at(1))).toBe(9);
  });

  test('with the same mode keeps uffd-wp bits and page tables', () => {
    const { uffd, proc, main, at } = machineWith({ modes: W });
    main.store8Sync(at(0), 1);
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 1 });
    register(uffd, 0, 4, W);
    expect(pages(proc, BASE, 2)).toBe('Pw -');
  });
});

describe('page tables', () => {
  test('pages that are there stay and raise no missing fault', () => {
    const { uffd, t0, main, at } = machineWith({ modes: 0 });
    main.store8Sync(at(1), 7);
    register(uffd, 0, 4, M);
    expect(t0.load8Sync(at(1))).toBe(7);
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('WP_ASYNC with mode exactly W is accepted on anonymous memory and shmem', () => {
    for (const kind of ['anon', 'shared', 'private'] as const) {
      const { uffd } = machineWith({ kind, modes: 0, features: UFFD_FEATURE_WP_ASYNC });
      expect(register(uffd, 0, 4, W)).toBe(0x17c);
    }
  });

  test('a range up to the end of user space is accepted, one byte more is EINVAL', () => {
    const { uffd, main, proc } = machineWith({ pages: 0 });
    const last = 0x7fff_ffff_f000 - PAGE;
    mapAt(main, last, 1, { prot: RW });
    expect(errno(() => uffd.registerSync({ start: last, len: 2 * PAGE, mode: M }))).toBe('EINVAL');
    expect(errno(() => uffd.registerSync({ start: last + PAGE, len: PAGE, mode: M }))).toBe(
      'EINVAL',
    );
    expect(errno(() => uffd.registerSync({ start: last, len: PAGE, mode: M }))).toBe('ok');
    expect(areas(proc, last)).toEqual(['0-1:um']);
  });
});
