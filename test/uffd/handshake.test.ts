/** UFFDIO_API: what an uninitialised userfaultfd refuses, the order of checks, what is answered. */
import {
  POLLERR,
  type U64,
  UFFD_FEATURE_EVENT_FORK,
  UFFD_FEATURE_EVENT_REMOVE,
  UFFD_FEATURE_THREAD_ID,
  UFFD_FEATURE_WP_ASYNC,
  UFFDIO_API,
  UFFDIO_COPY,
  uffdio_api,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { machineWith, newMachine, PAGE } from '../support/guest.js';
import { errno, snapshot } from '../support/observe.js';

const SUPPORTED = { api: 0xaan, features: 0x1ffffn, ioctls: 0x8000000000000003n };
const ZEROS = { api: 0n, features: 0n, ioctls: 0n };

/** Makes the raw call with a struct full of sevens; tells the errno and the struct afterwards. */
function rawApi(
  uffd: ReturnType<typeof machineWith>['uffd'],
  request: { api?: U64; features: U64 },
) {
  const bytes = uffdio_api.encode({ api: 0xaa, ioctls: 0x7777n, ...request });
  return [errno(() => uffd.ioctlSync(UFFDIO_API, bytes)), uffdio_api.decode(bytes)];
}

describe('before the handshake', () => {
  const fresh = () => machineWith({ features: null });

  test('every other ioctl is EINVAL: unknown numbers, NULL, bad arguments alike [9.1]', () => {
    const { uffd, machine, at } = fresh();
    const before = snapshot(machine);
    const range = { start: at(0), len: PAGE };
    const calls = [
      () => uffd.registerSync({ ...range, mode: 1 }),
      () => uffd.unregisterSync(range),
      () => uffd.wakeSync(range),
      () => uffd.copySync({ dst: 1, src: new Uint8Array(PAGE) }),
      () => uffd.zeropageSync({ start: 1, len: 0 }),
      () => uffd.continueSync(range),
      () => uffd.poisonSync(range),
      () => uffd.moveSync({ dst: at(0), src: at(1), len: PAGE }),
      () => uffd.writeprotectSync({ ...range, mode: 99 }),
      () => uffd.ioctlSync(UFFDIO_COPY, 0),
      () => uffd.ioctlSync(UFFDIO_COPY, new Uint8Array(0)),
      () => uffd.ioctlSync(0xdead, 0),
    ];
    expect(calls.map(errno)).toEqual(calls.map(() => 'EINVAL'));
    expect(snapshot(machine)).toEqual(before);
  });

  test('poll is POLLERR and read is EINVAL [9.2]', () => {
    const { uffd } = fresh();
    expect(uffd.poll()).toBe(POLLERR);
    expect(errno(() => uffd.readSync(new Uint8Array(32)))).toBe('EINVAL');
    expect(errno(() => uffd.readMsgSync())).toBe('EINVAL');
  });

  test('a waiting read is EINVAL at once', async () => {
    const { uffd } = machineWith({ features: null, flags: 0 });
    await expect(uffd.read(new Uint8Array(32))).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(uffd.readMsg()).rejects.toMatchObject({ code: 'EINVAL' });
  });

  test('a NULL or truncated struct is EFAULT and leaves the userfaultfd usable', () => {
    const { uffd } = fresh();
    const short = new Uint8Array(23).fill(0xaa);
    expect(errno(() => uffd.ioctlSync(UFFDIO_API, 0))).toBe('EFAULT');
    expect(errno(() => uffd.ioctlSync(UFFDIO_API, short))).toBe('EFAULT');
    expect(short).toEqual(new Uint8Array(23).fill(0xaa));
    expect(uffd.apiSync()).toEqual(SUPPORTED);
  });
});

describe('the handshake', () => {
  test('answers everything supported, not what was asked for [9.6]', () => {
    expect(machineWith({ features: null }).uffd.apiSync()).toEqual(SUPPORTED);
    const { uffd } = machineWith({ features: null });
    expect(uffd.apiSync({ features: UFFD_FEATURE_THREAD_ID })).toEqual(SUPPORTED);
    expect(uffd.fdinfo().features).toBe(0x8000_0000 + UFFD_FEATURE_THREAD_ID);
  });

  test('with api 0xAB is EINVAL and zeroes the struct; a correct one then succeeds [9.3]', () => {
    const { uffd } = machineWith({ features: null });
    expect(rawApi(uffd, { api: 0xab, features: 0 })).toEqual(['EINVAL', ZEROS]);
    expect(rawApi(uffd, { features: 0 })).toEqual(['ok', SUPPORTED]);
  });

  test.each([
    1n << 17n,
    1n << 31n,
    1n << 32n,
    1n << 40n,
    1n << 63n,
    (1n << 53n) | 1n,
    0xffff_ffff_ffff_ffffn,
  ])('with feature bits 0x%x unknown is EINVAL and zeroes the struct [9.4]', (features) => {
    const { uffd } = machineWith({ features: null });
    expect(rawApi(uffd, { features })).toEqual(['EINVAL', ZEROS]);
    expect(errno(() => uffd.apiSync({ features }))).toBe('EINVAL');
    expect(uffd.poll()).toBe(POLLERR);
    expect(rawApi(uffd, { features: 0 })).toEqual(['ok', SUPPORTED]);
  });

  test.each([0xaan | (1n << 32n), 0n, 1n << 63n])('compares all 64 bits of api 0x%x', (api) => {
    expect(rawApi(machineWith({ features: null }).uffd, { api, features: 0 })).toEqual([
      'EINVAL',
      ZEROS,
    ]);
  });

  test('a second time is EINVAL, zeroes the struct and keeps the features [9.5]', () => {
    const { uffd } = machineWith({ features: UFFD_FEATURE_EVENT_REMOVE });
    expect(rawApi(uffd, { features: UFFD_FEATURE_THREAD_ID })).toEqual(['EINVAL', ZEROS]);
    expect(rawApi(uffd, { features: 1n << 40n })).toEqual(['EINVAL', ZEROS]);
    expect(uffd.fdinfo().features).toBe(0x8000_0000 + UFFD_FEATURE_EVENT_REMOVE);
  });

  test('requests WP_UNPOPULATED along with WP_ASYNC [9.9]', () => {
    const { uffd } = machineWith({ features: UFFD_FEATURE_WP_ASYNC });
    expect(uffd.fdinfo().text).toContain('API:\taa:8000a000:80000000000001ff\n');
  });

  test('zeroes every one of the 24 bytes and none behind them', () => {
    const { uffd } = machineWith({ features: null });
    const bytes = new Uint8Array(32).fill(0x77);
    expect(errno(() => uffd.ioctlSync(UFFDIO_API, bytes))).toBe('EINVAL');
    expect(bytes).toEqual(new Uint8Array(32).fill(0x77).fill(0, 0, 24));
  });
});

describe('the order of checks of UFFDIO_API', () => {
  const FORK = BigInt(UFFD_FEATURE_EVENT_FORK);
  const UNKNOWN = 1n << 40n;

  test.each([
    ['bad api before the capability', { api: 0xab, features: FORK }, 'EINVAL'],
    ['the capability before unknown bits', { features: FORK | UNKNOWN }, 'EPERM'],
    ['the capability alone', { features: FORK }, 'EPERM'],
    ['unknown bits alone', { features: UNKNOWN }, 'EINVAL'],
  ])('puts %s for an unprivileged caller [9.7]', (_name, request, expected) => {
    const machine = newMachine({ unprivilegedUserfaultfd: 1 });
    const uffd = machine.spawn({ uid: 1000 }).main.userfaultfdSync();
    expect(rawApi(uffd, request)).toEqual([expected, ZEROS]);
    expect(errno(() => uffd.apiSync(request))).toBe(expected);
    expect(uffd.apiSync()).toEqual(SUPPORTED);
  });

  test('puts unknown bits before the capability in 5.10 and 5.15', () => {
    for (const kernel of ['5.10', '5.15'] as const) {
      const machine = newMachine({ kernel, unprivilegedUserfaultfd: 1 });
      const uffd = machine.spawn({ uid: 1000 }).main.userfaultfdSync();
      expect(rawApi(uffd, { features: FORK | UNKNOWN })).toEqual(['EINVAL', ZEROS]);
      expect(rawApi(uffd, { features: FORK })).toEqual(['EPERM', ZEROS]);
    }
  });

  test('finds RWP_ASYNC without RWP in 7.3; both together are fine', () => {
    const { uffd } = machineWith({ kernel: '7.3', features: null });
    expect(rawApi(uffd, { features: 0x40000 })).toEqual(['EINVAL', ZEROS]);
    expect(errno(() => uffd.apiSync({ features: 0x60000 }))).toBe('ok');
  });

  test('puts the capability before a repetition: the caller counts, not the maker', () => {
    const machine = newMachine();
    const { main } = machine.spawn();
    const uffd = main.userfaultfdSync();
    main.setresuidSync(1000);
    expect(errno(() => uffd.apiSync({ features: FORK }))).toBe('EPERM');
    expect(uffd.apiSync()).toEqual(SUPPORTED);
    expect(errno(() => uffd.apiSync({ features: FORK }))).toBe('EPERM');
    expect(errno(() => uffd.apiSync())).toBe('EINVAL');
  });

  test('writes the success answer before it finds a repetition: EFAULT wins over it', () => {
    const { uffd, main, at } = machineWith({ modes: 0 });
    main.writeSync(at(0), uffdio_api.encode({ api: 0xaa }));
    main.mprotectSync({ addr: at(0), length: PAGE, prot: 1 });
    expect(errno(() => uffd.ioctlSync(UFFDIO_API, at(0)))).toBe('EFAULT');
  });

  test('a struct in read-only memory is EFAULT and leaves the userfaultfd uninitialised', () => {
    const { uffd, main, at } = machineWith({ features: null });
    main.writeSync(at(0), uffdio_api.encode({ api: 0xaa }));
    main.writeSync(at(1), uffdio_api.encode({ api: 0xab }));
    main.mprotectSync({ addr: at(0), length: 2 * PAGE, prot: 1 });
    expect(errno(() => uffd.ioctlSync(UFFDIO_API, at(0)))).toBe('EFAULT');
    expect(errno(() => uffd.ioctlSync(UFFDIO_API, at(1)))).toBe('EFAULT');
    expect(uffd.poll()).toBe(POLLERR);
    expect(uffd.apiSync()).toEqual(SUPPORTED);
  });
});
