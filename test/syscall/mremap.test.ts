/** mremap(2): its checks in their order. What moves with it is in the tests of `mm/move`. */
import { MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE, type MremapRequest } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { TASK_SIZE } from '../../src/base/page.js';
import { ANON, BASE, mapAt, newMachine, PAGE, RW } from '../support/guest.js';
import { areas, errno, snapshot } from '../support/observe.js';

const at = (n: number): number => BASE + n * PAGE;
const [MAYMOVE, FIXED] = [MREMAP_MAYMOVE, MREMAP_MAYMOVE | MREMAP_FIXED];
const HUGE = (1n << 64n) - 1n;

function world() {
  const machine = newMachine();
  const proc = machine.spawn();
  mapAt(proc.main, BASE, 4);
  mapAt(proc.main, at(4), 2, { prot: 1 });
  mapAt(proc.main, BASE + 2 ** 44, 1);
  const remap = (request: Partial<MremapRequest>) =>
    proc.main.mremapSync({ oldAddress: BASE, oldSize: PAGE, newSize: PAGE, ...request });
  return { machine, proc, main: proc.main, remap };
}

describe('a request that is refused', () => {
  test.each<[string, string, Partial<MremapRequest>]>([
    ['unknown flags', 'EINVAL', { flags: 8 }],
    ['an old address within a page', 'EINVAL', { oldAddress: BASE + 1 }],
    ['a new size of zero', 'EINVAL', { newSize: 0 }],
    ['a new size that rounds to zero', 'EINVAL', { newSize: HUGE, flags: MAYMOVE }],
    ['a new size beyond user space', 'EINVAL', { newSize: 2 ** 47, flags: MAYMOVE }],
    ['FIXED without MAYMOVE', 'EINVAL', { flags: MREMAP_FIXED, newAddress: at(20) }],
    ['DONTUNMAP without MAYMOVE', 'EINVAL', { flags: MREMAP_DONTUNMAP }],
    ['a new address within a page', 'EINVAL', { flags: FIXED, newAddress: at(20) + 1 }],
    ['a new address beyond user space', 'EINVAL', { flags: FIXED, newAddress: TASK_SIZE }],
    ['a new address of 64 bits', 'EINVAL', { flags: FIXED, newAddress: 1n << 63n }],
    [
      'DONTUNMAP with another size',
      'EINVAL',
      { flags: MAYMOVE | MREMAP_DONTUNMAP, newSize: 2 * PAGE },
    ],
    ['a target that overlaps', 'EINVAL', { flags: FIXED, oldSize: 2 * PAGE, newAddress: at(1) }],
    ['nothing mapped at the old address', 'EFAULT', { oldAddress: at(9) }],
    ['an old address beyond user space', 'EFAULT', { oldAddress: (1n << 64n) - 4096n }],
    ['an old size of zero of private memory', 'EINVAL', { oldSize: 0, flags: MAYMOVE }],
    ['an old size that rounds to zero', 'EINVAL', { oldSize: HUGE, flags: MAYMOVE }],
    ['a tail beyond user space', 'EINVAL', { oldSize: 0x7fff_ffff_0000 }],
    ['a tail far beyond user space', 'EINVAL', { oldSize: 1n << 50n }],
    ['growth over the end of the area', 'EFAULT', { oldSize: 5 * PAGE, newSize: 6 * PAGE }],
    ['growth without room', 'ENOMEM', { oldSize: 4 * PAGE, newSize: 5 * PAGE }],
    ['growth of a part', 'ENOMEM', { newSize: 2 * PAGE }],
    ['growth beyond memory', 'ENOMEM', { newSize: 2 ** 40, flags: MAYMOVE }],
  ])('for %s is %s and changes nothing', (_name, code, request) => {
    const { machine, remap } = world();
    const before = snapshot(machine);
    expect(errno(() => remap(request))).toBe(code);
    expect(snapshot(machine)).toEqual(before);
  });

  test.each<[string, string, Partial<MremapRequest>]>([
    ['flags, then alignment', 'EINVAL', { flags: 8, oldAddress: at(9) + 1 }],
    ['sizes, then what is mapped', 'EINVAL', { newSize: 0, oldAddress: at(9) }],
    [
      'the target, then what is mapped',
      'EINVAL',
      { flags: FIXED, newAddress: 1, oldAddress: at(9) },
    ],
    ['what is mapped, then an old size of zero', 'EFAULT', { oldAddress: at(9), oldSize: 0 }],
  ])('in the order of the checks: %s', (_name, code, request) => {
    expect(errno(() => world().remap(request))).toBe(code);
  });
});

describe('the hint of DONTUNMAP', () => {
  const flags = MAYMOVE | MREMAP_DONTUNMAP;

  test('is taken when it is free and ignored when it is not', () => {
    const { remap } = world();
    expect(remap({ flags, newAddress: at(20) })).toBe(at(20));
    expect(remap({ flags, newAddress: at(20) })).not.toBe(at(20));
  });

  test('may be left out', () => {
    const { remap, proc } = world();
    expect(remap({ flags })).toBeGreaterThan(BASE + 2 ** 44);
    expect(areas(proc, BASE).slice(0, 2)).toEqual(['0-4:none', '4-6:none']);
  });
});

test('shrinking may cut off other areas and holes behind it', () => {
  const { remap, proc, main } = world();
  main.munmapSync({ addr: at(5), length: PAGE });
  mapAt(main, at(8), 2);
  remap({ oldSize: 9 * PAGE, newSize: 2 * PAGE });
  expect(areas(proc, BASE).slice(0, 2)).toEqual(['0-2:none', '9-10:none']);
});

test('sizes are rounded up to pages', () => {
  const { remap, proc, main } = world();
  main.munmapSync({ addr: at(4), length: 2 * PAGE });
  remap({ oldSize: 3 * PAGE + 1, newSize: 4 * PAGE + 1 });
  expect(areas(proc, BASE)[0]).toBe('0-5:none');
});

test('a locked area is faulted in where it grew', () => {
  const proc = newMachine().spawn();
  const flags = ANON | 0x2010;
  proc.main.mmapSync({ addr: BASE, length: PAGE, prot: RW, flags });
  proc.main.mremapSync({ oldAddress: BASE, oldSize: PAGE, newSize: 3 * PAGE });
  expect([...proc.main.mincoreSync({ addr: BASE, length: 3 * PAGE })]).toEqual([1, 1, 1]);
});
