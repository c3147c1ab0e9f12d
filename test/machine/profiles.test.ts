/** Kernel versions: feature masks, ioctl masks, registration masks, and single quirks switched. */
import {
  KERNELS,
  type KernelVersion,
  Machine,
  type Quirks,
  UFFD_FEATURE_EVENT_REMOVE,
  UFFD_USER_MODE_ONLY,
  UFFDIO_CONTINUE,
  UFFDIO_MOVE,
  UFFDIO_POISON,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import {
  anotherUffd,
  BASE,
  M,
  type Memory,
  machineWith,
  mapAt,
  N,
  newMachine,
  PAGE,
  page,
  pagesAt,
  span,
  W,
} from '../support/guest.js';
import { areas, drain, ending, errno } from '../support/observe.js';

const API = 0x8000000000000003n;

/** What REGISTER answers for the modes 1 to 7. */
function masks(kernel: KernelVersion, kind: Memory): (string | number)[] {
  return [1, 2, 3, 4, 5, 6, 7].map((mode) => {
    const { uffd, at } = machineWith({ kernel, kind, modes: 0 });
    const end = ending(() => uffd.registerSync({ ...pagesAt(at(0), 4), mode }));
    if (!('value' in end)) return 'code' in end ? end.code : '';
    return Number((end.value as { ioctls: bigint }).ioctls);
  });
}

const bad = 'EINVAL';

describe('the handshake', () => {
  test.each([
    ['5.10', 0x1ffn, API],
    ['5.15', 0x7ffn, API],
    ['5.19', 0x1fffn, API],
    ['6.1', 0x1fffn, API],
    ['6.6', 0x7fffn, API],
    ['6.12', 0x1ffffn, API],
    ['6.18', 0x1ffffn, API],
    ['7.3', 0x7ffffn, API | 0x400n],
  ] as const)('of %s answers features 0x%x and ioctls 0x%x [9.6]', (kernel, features, ioctls) => {
    const { uffd } = machineWith({ kernel, features: null });
    expect(uffd.apiSync()).toEqual({ api: 0xaan, features, ioctls });
  });

  test.each(KERNELS)('of %s takes every feature it reports and none above them', (kernel) => {
    const { features } = machineWith({ kernel, features: null }).uffd.apiSync();
    const { uffd } = machineWith({ kernel, features: null });
    expect(errno(() => uffd.apiSync({ features: features + 1n }))).toBe('EINVAL');
    expect(uffd.apiSync({ features }).features).toBe(features);
  });

  test('is done with the default kernel 6.18', () => {
    expect(newMachine().kernel).toBe('6.18');
  });
});

describe('registration of anonymous memory, modes 1 to 7', () => {
  test.each<[KernelVersion, (string | number)[]]>([
    ['5.10', [0x1c, 0x5c, 0x5c, bad, bad, bad, bad]],
    ['5.15', [0x1c, 0x5c, 0x5c, bad, bad, bad, bad]],
    ['5.19', [0x1c, 0x5c, 0x5c, bad, bad, bad, bad]],
    ['6.1', [0x1c, 0x5c, 0x5c, bad, bad, bad, bad]],
    ['6.6', [0x11c, 0x15c, 0x15c, bad, bad, bad, bad]],
    ['6.12', [0x13c, 0x17c, 0x17c, bad, bad, bad, bad]],
    ['6.18', [0x13c, 0x17c, 0x17c, bad, bad, bad, bad]],
    ['7.3', [0x13c, 0x17c, 0x17c, bad, bad, bad, bad]],
  ])('in %s', (kernel, expected) => {
    expect(masks(kernel, 'anon')).toEqual(expected);
  });
});

describe('registration of shmem, modes 1 to 7', () => {
  test.each<[KernelVersion, (string | number)[]]>([
    ['5.10', [0x1c, bad, bad, bad, bad, bad, bad]],
    ['5.15', [0x1c, bad, bad, 0x9c, 0x9c, bad, bad]],
    ['5.19', [0x1c, 0x5c, 0x5c, 0x9c, 0x9c, 0xdc, 0xdc]],
    ['6.1', [0x1c, 0x5c, 0x5c, 0x9c, 0x9c, 0xdc, 0xdc]],
    ['6.6', [0x11c, 0x15c, 0x15c, 0x19c, 0x19c, 0x1dc, 0x1dc]],
    ['6.12', [0x13c, 0x17c, 0x17c, 0x1bc, 0x1bc, 0x1fc, 0x1fc]],
    ['6.18', [0x13c, 0x17c, 0x17c, 0x1bc, 0x1bc, 0x1fc, 0x1fc]],
    ['7.3', [0x13c, 0x17c, 0x17c, 0x1bc, 0x1bc, 0x1fc, 0x1fc]],
  ])('in %s', (kernel, expected) => {
    expect(masks(kernel, 'shared')).toEqual(expected);
    expect(masks(kernel, 'private')).toEqual(expected);
  });
});

describe('ioctls and flags by version', () => {
  test('an ioctl that does not exist is EINVAL with the field untouched, in a window too', () => {
    const ends = (kernel: KernelVersion) => {
      const { uffd, t0, at } = machineWith({ kernel, features: UFFD_FEATURE_EVENT_REMOVE });
      void t0.madvise({ ...span(at(3)), advice: 4 });
      return [UFFDIO_CONTINUE, UFFDIO_POISON, UFFDIO_MOVE].map((request) =>
        errno(() => uffd.ioctlSync(request, new Uint8Array(40))),
      );
    };
    expect(ends('5.10')).toEqual(['EINVAL', 'EINVAL', 'EINVAL']);
    expect(ends('5.15')).toEqual(['EAGAIN', 'EINVAL', 'EINVAL']);
    expect(ends('6.6')).toEqual(['EAGAIN', 'EAGAIN', 'EINVAL']);
    expect(ends('6.12')).toEqual(['EAGAIN', 'EAGAIN', 'EAGAIN']);
  });

  test('typed calls of such ioctls are EINVAL without progress', () => {
    const { uffd, at } = machineWith({ kernel: '5.10' });
    const range = pagesAt(at(0));
    const calls = [
      () => uffd.continueSync(range),
      () => uffd.poisonSync(range),
      () => uffd.moveSync({ dst: at(0), src: at(1), len: PAGE }),
    ];
    for (const call of calls) expect(ending(call)).toEqual({ code: 'EINVAL' });
  });

  test('USER_MODE_ONLY is EINVAL in 5.10, /dev/userfaultfd ENOENT before 6.1', () => {
    const make = (kernel: KernelVersion) => {
      const { main } = newMachine({ kernel }).spawn();
      return [
        errno(() => main.userfaultfdSync(UFFD_USER_MODE_ONLY)),
        errno(() => main.openDevUserfaultfdSync(0)),
      ];
    };
    expect(make('5.10')).toEqual(['EINVAL', 'ENOENT']);
    expect(make('5.15')).toEqual(['ok', 'ENOENT']);
    expect(make('6.1')).toEqual(['ok', 'ok']);
  });

  test('anybody may make one in 5.10, where the sysctl is 1 by default', () => {
    const make = (kernel: KernelVersion, sysctl?: 0 | 1) => {
      const options = sysctl === undefined ? {} : { unprivilegedUserfaultfd: sysctl };
      const { main } = newMachine({ kernel, ...options }).spawn({ uid: 1000 });
      return errno(() => main.userfaultfdSync(0));
    };
    expect([make('5.10'), make('5.10', 0), make('5.15')]).toEqual(['ok', 'EPERM', 'EPERM']);
  });

  test('an address below vm.mmap_min_addr is EINVAL in 5.10 and 6.1', () => {
    const wake = (kernel: KernelVersion, mmapMinAddr = 65536) => {
      const { uffd } = machineWith({ kernel, mmapMinAddr });
      return errno(() => uffd.wakeSync({ start: PAGE, len: PAGE }));
    };
    expect([wake('5.10'), wake('6.1'), wake('6.12'), wake('6.18')]).toEqual([
      ...['EINVAL', 'EINVAL', 'ok', 'ok'],
    ]);
    expect(wake('6.1', 4096)).toBe('ok');
  });

  test('a source outside user space is EFAULT -14 in 6.1, EINVAL from 6.6 on', () => {
    const copy = (kernel: KernelVersion) => {
      const { uffd, at } = machineWith({ kernel });
      return ending(() => uffd.copySync({ dst: at(0), src: 0x7fff_ffff_f000, len: PAGE }));
    };
    expect(copy('6.1')).toEqual({ code: 'EFAULT', progress: -14 });
    expect(copy('6.18')).toEqual({ code: 'EINVAL' });
  });
});

describe('quirks', () => {
  const quirked = (quirks: Quirks, options = {}) => machineWith({ quirks, ...options });

  test('unregisterForeign lets another userfaultfd unregister in 6.18', () => {
    const { main, proc, at } = quirked({ unregisterForeign: true });
    anotherUffd(main).unregisterSync(pagesAt(at(0), 4));
    expect(areas(proc, BASE)).toEqual(['0-4:none']);
  });

  test('reregisterDropWp off makes 6.18 refuse to lose W, as 7.3 does', () => {
    const { uffd, at } = quirked({ reregisterDropWp: false }, { modes: W });
    expect(errno(() => uffd.registerSync({ ...pagesAt(at(0), 4), mode: M }))).toBe('EBUSY');
  });

  test('wpSpansVmas off makes WRITEPROTECT over two areas ENOENT', () => {
    const { uffd, main, at } = quirked({ wpSpansVmas: false }, { modes: W });
    main.mprotectSync({ ...span(at(2), 2), prot: 1 });
    const protect = () => uffd.writeprotectSync({ ...pagesAt(at(0), 4), mode: 1 });
    expect(errno(protect)).toBe('ENOENT');
  });

  test('windowField off leaves the field of EAGAIN as it was', () => {
    const features = UFFD_FEATURE_EVENT_REMOVE;
    const { uffd, t0, at } = quirked({ windowField: false }, { features });
    void t0.madvise({ ...span(at(3)), advice: 4 });
    expect(ending(() => uffd.zeropageSync(pagesAt(at(0))))).toEqual({ code: 'EAGAIN' });
  });

  test('minorMode off takes MINOR away, moveIoctl off takes MOVE away', () => {
    const without = quirked({ minorMode: false, moveIoctl: false }, { kind: 'shared', modes: 0 });
    const { uffd, at } = without;
    expect(errno(() => uffd.registerSync({ ...pagesAt(at(0), 4), mode: N }))).toBe('EINVAL');
    expect(uffd.registerSync({ ...pagesAt(at(0), 4), mode: M | W }).ioctls).toBe(0x15cn);
    expect(errno(() => uffd.ioctlSync(UFFDIO_MOVE, new Uint8Array(40)))).toBe('EINVAL');
  });

  test('fillOverMarkers off makes COPY over a marker EEXIST', () => {
    const { uffd, at } = quirked({ fillOverMarkers: false });
    uffd.poisonSync(pagesAt(at(0)));
    expect(errno(() => uffd.copySync({ dst: at(0), src: page(1) }))).toBe('EEXIST');
  });

  test('concern one machine, not the next', () => {
    const { main, at } = quirked({ unregisterForeign: true });
    expect(errno(() => anotherUffd(main).unregisterSync(pagesAt(at(0), 4)))).toBe('ok');
    const plain = machineWith();
    const foreign = () => anotherUffd(plain.main).unregisterSync(pagesAt(BASE, 4));
    expect(errno(foreign)).toBe('EINVAL');
  });

  test('of an unknown name, an unknown kernel and impossible memory are RangeError', () => {
    const unknown = { unregisterAlien: true } as Quirks;
    expect(() => new Machine({ quirks: unknown })).toThrow(RangeError);
    expect(() => new Machine({ kernel: '4.3' as KernelVersion })).toThrow(
      /4\.3 is not one of 5\.10/,
    );
    for (const memory of [0, -1, Number.NaN, 4096.5, 2 ** 40, Number.POSITIVE_INFINITY]) {
      expect(() => new Machine({ memory })).toThrow(RangeError);
    }
  });
});

describe('configuration', () => {
  const SOFT_DIRTY = 1n << 55n;

  test('softDirty off keeps bit 55 of pagemap clear', () => {
    const word = (softDirty: boolean) => {
      const { main, proc, at } = machineWith({ config: { softDirty }, modes: 0 });
      main.store8Sync(at(0), 1);
      return (proc.pagemap(span(at(0)))[0] ?? 0n) & SOFT_DIRTY;
    };
    expect([word(true), word(false)]).toEqual([SOFT_DIRTY, 0n]);
  });

  test('a locked update is one write fault, with rmwReadsFirst a read first', () => {
    const faults = (rmwReadsFirst: boolean) => {
      const { uffd, t0, at } = machineWith({ rmwReadsFirst, modes: M | W });
      void t0.rmw8(at(0), (old) => old + 1);
      const first = drain(uffd, BASE);
      uffd.copySync({ dst: at(0), src: page(1), mode: 2 });
      return [...first, ...drain(uffd, BASE)];
    };
    expect(faults(false)).toEqual(['fault 1 @0', 'fault 3 @0']);
    expect(faults(true)).toEqual(['fault 0 @0', 'fault 3 @0']);
  });

  test('two machines share nothing: ids, memory and messages are their own', () => {
    const [one, two] = [machineWith(), machineWith()];
    expect(one.proc.pid).toBe(two.proc.pid);
    void one.t0.load8(BASE);
    expect([drain(two.uffd, BASE), drain(one.uffd, BASE)]).toEqual([[], ['fault 0 @0']]);
    mapAt(two.main, BASE + 16 * PAGE, 1);
    expect(areas(one.proc, BASE)).toHaveLength(1);
  });
});
