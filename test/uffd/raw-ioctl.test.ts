/** ioctl(2) with C structs: which bytes the kernel reads, which it writes, and from where. */
import {
  PROT_NONE,
  PROT_READ,
  UFFDIO_API,
  UFFDIO_CONTINUE,
  UFFDIO_COPY,
  UFFDIO_MOVE,
  UFFDIO_POISON,
  UFFDIO_REGISTER,
  UFFDIO_RWPROTECT,
  UFFDIO_SET_MODE,
  UFFDIO_UNREGISTER,
  UFFDIO_WAKE,
  UFFDIO_WRITEPROTECT,
  UFFDIO_ZEROPAGE,
  type Userfaultfd,
  uffdio_copy,
  uffdio_range,
  uffdio_register,
  uffdio_writeprotect,
  uffdio_zeropage,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import {
  anotherUffd,
  BASE,
  M,
  machineWith,
  mapAt,
  N,
  PAGE,
  page,
  pagesAt,
  span,
  W,
} from '../support/guest.js';
import { areas, drain, errno, pages, snapshot } from '../support/observe.js';

const FILLER = 0x77;

/** A struct of 64-bit words with filler behind it. */
function words(...values: (number | bigint)[]): Uint8Array {
  const bytes = new Uint8Array(64).fill(FILLER);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    view.setBigUint64(8 * i, BigInt.asUintN(64, BigInt(value)), true);
  });
  return bytes;
}

const call = (uffd: Userfaultfd, request: number, arg: Uint8Array | number) =>
  errno(() => uffd.ioctlSync(request, arg));

describe('the result field', () => {
  const guest = () => {
    const g = machineWith({ pages: 8, modes: M | W });
    mapAt(g.main, g.at(16), 1);
    g.main.store8Sync(g.at(16), 5);
    return g;
  };

  test.each([
    ['UFFDIO_COPY', UFFDIO_COPY, [BASE, BASE + 16 * PAGE, PAGE, 0]],
    ['UFFDIO_ZEROPAGE', UFFDIO_ZEROPAGE, [BASE, PAGE, 0]],
    ['UFFDIO_POISON', UFFDIO_POISON, [BASE, PAGE, 0]],
    ['UFFDIO_MOVE', UFFDIO_MOVE, [BASE, BASE + 16 * PAGE, PAGE, 0]],
  ] as const)('of %s is the last one; nothing else is written', (_name, request, fields) => {
    const { uffd } = guest();
    const bytes = words(...fields, 1);
    expect(call(uffd, request, bytes)).toBe('ok');
    expect(bytes).toEqual(words(...fields, PAGE));
    expect(call(uffd, request, bytes)).toBe('EEXIST');
    expect(bytes).toEqual(words(...fields, -17));
    const bad = words(BASE + 1, ...fields.slice(1), 1);
    expect(call(uffd, request, bad)).toBe('EINVAL');
    expect(bad).toEqual(words(BASE + 1, ...fields.slice(1), 1));
  });

  test('of UFFDIO_CONTINUE is the last one', () => {
    const { uffd } = machineWith({ kind: 'shared', modes: N, cached: [1] });
    const bytes = words(BASE, PAGE, 0, 1);
    expect(call(uffd, UFFDIO_CONTINUE, bytes)).toBe('ok');
    expect(bytes).toEqual(words(BASE, PAGE, 0, PAGE));
    const hole = words(BASE + PAGE, PAGE, 0, 1);
    expect(call(uffd, UFFDIO_CONTINUE, hole)).toBe('EFAULT');
    expect(hole).toEqual(words(BASE + PAGE, PAGE, 0, -14));
  });

  test('does not exist in WRITEPROTECT, WAKE and UNREGISTER: nothing is written', () => {
    const { uffd } = guest();
    for (const [request, ...fields] of [
      [UFFDIO_WRITEPROTECT, BASE, PAGE, 1],
      [UFFDIO_WRITEPROTECT, BASE, PAGE, 3],
      [UFFDIO_WAKE, BASE, PAGE],
      [UFFDIO_UNREGISTER, BASE, PAGE],
      [UFFDIO_UNREGISTER, BASE, 0],
    ] as const) {
      const bytes = words(...fields);
      call(uffd, request, bytes);
      expect(bytes).toEqual(words(...fields));
    }
  });
});

describe('UFFDIO_REGISTER', () => {
  test('writes ioctls on success only, at offset 24, whatever it was before', () => {
    const { uffd } = machineWith({ modes: 0 });
    const bytes = words(BASE, 4 * PAGE, M, -1);
    expect(call(uffd, UFFDIO_REGISTER, bytes)).toBe('ok');
    expect(bytes).toEqual(words(BASE, 4 * PAGE, M, 0x13c));
    const bad = words(BASE, 4 * PAGE, N, -1);
    expect(call(uffd, UFFDIO_REGISTER, bad)).toBe('EINVAL');
    expect(bad).toEqual(words(BASE, 4 * PAGE, N, -1));
  });

  test('reads 24 bytes: a struct without room for ioctls is EFAULT, the registration stays', () => {
    const { uffd, proc } = machineWith({ modes: 0 });
    expect(call(uffd, UFFDIO_REGISTER, words(BASE, PAGE, M).subarray(0, 23))).toBe('EFAULT');
    expect(areas(proc, BASE)).toEqual(['0-4:none']);
    expect(call(uffd, UFFDIO_REGISTER, words(BASE, PAGE, M).subarray(0, 24))).toBe('EFAULT');
    expect(areas(proc, BASE)).toEqual(['0-1:um', '1-4:none']);
  });

  test('with ioctls in read-only memory is EFAULT and the registration stays', () => {
    const { uffd, main, proc, at } = machineWith({ modes: 0 });
    mapAt(main, at(16), 1);
    main.writeSync(at(16), uffdio_register.encode({ range: pagesAt(at(0)), mode: M }));
    main.mprotectSync({ ...span(at(16)), prot: PROT_READ });
    expect(call(uffd, UFFDIO_REGISTER, at(16))).toBe('EFAULT');
    expect(areas(proc, BASE)[0]).toBe('0-1:um');
  });
});

describe('sizes', () => {
  test.each([
    ['COPY', UFFDIO_COPY, 32],
    ['ZEROPAGE', UFFDIO_ZEROPAGE, 24],
    ['POISON', UFFDIO_POISON, 24],
    ['CONTINUE', UFFDIO_CONTINUE, 24],
    ['MOVE', UFFDIO_MOVE, 32],
    ['WRITEPROTECT', UFFDIO_WRITEPROTECT, 24],
    ['WAKE', UFFDIO_WAKE, 16],
    ['UNREGISTER', UFFDIO_UNREGISTER, 16],
    ['API', UFFDIO_API, 24],
  ])('UFFDIO_%s is EFAULT for a struct shorter than it reads', (_name, request, reads) => {
    const { uffd, machine } = machineWith({ modes: M | W });
    const before = snapshot(machine);
    for (const size of [0, 8, reads - 1]) {
      const bytes = new Uint8Array(size).fill(FILLER);
      expect(call(uffd, request, bytes)).toBe('EFAULT');
      expect(bytes).toEqual(new Uint8Array(size).fill(FILLER));
    }
    expect(snapshot(machine)).toEqual(before);
  });

  test('a request number with another size, direction, type or command is EINVAL', () => {
    const { uffd, at } = machineWith();
    const bytes = words(at(0), PAGE, 0, 0);
    const numbers = [
      UFFDIO_ZEROPAGE + 0x10000, // size 33
      0xc018aa04, // size 24
      0x4020aa04, // _IOW
      0x0000aa04, // _IO
      0xc020ab04, // type 0xAB
      0xc020aa0b, // command 11
      0xc020aa3e, // command 62
      0x541b, // FIONREAD
      UFFDIO_RWPROTECT,
      UFFDIO_SET_MODE,
      0,
    ];
    expect(numbers.map((request) => call(uffd, request, bytes))).toEqual(
      numbers.map(() => 'EINVAL'),
    );
    expect(bytes).toEqual(words(at(0), PAGE, 0, 0));
  });

  test('an unknown request number is EINVAL with a NULL pointer too', () => {
    expect(call(machineWith().uffd, 0xc020aa3e, 0)).toBe('EINVAL');
  });
});

describe('a struct in user memory', () => {
  test('works like one in bytes', () => {
    const { uffd, main, t0, at } = machineWith({ modes: 0 });
    mapAt(main, at(16), 2);
    const arg = at(17) - 16; // crosses a page boundary
    main.writeSync(arg, uffdio_register.encode({ range: pagesAt(at(0), 4), mode: M | W }));
    expect(call(uffd, UFFDIO_REGISTER, arg)).toBe('ok');
    expect(uffdio_register.decode(main.readSync(arg, 32)).ioctls).toBe(0x17cn);
    const fields = { range: pagesAt(at(0), 2), mode: 0 };
    main.writeSync(arg, uffdio_zeropage.encode(fields));
    expect(call(uffd, UFFDIO_ZEROPAGE, arg)).toBe('ok');
    expect(uffdio_zeropage.decode(main.readSync(arg, 32)).zeropage).toBe(BigInt(2 * PAGE));
    main.writeSync(arg, uffdio_writeprotect.encode({ range: pagesAt(at(0)), mode: 1 }));
    expect(call(uffd, UFFDIO_WRITEPROTECT, arg)).toBe('ok');
    void t0.store8(at(0), 1);
    expect(drain(uffd, BASE)).toEqual(['fault 3 @0']);
    main.writeSync(arg, uffdio_range.encode({ start: at(0), len: PAGE }));
    expect(call(uffd, UFFDIO_WAKE, arg)).toBe('ok');
    expect(drain(uffd, BASE)).toEqual(['fault 3 @0']);
  });

  test('that is read-only is EFAULT, but the page is there, nobody woken [9.40]', async () => {
    const { uffd, main, proc, t0, at } = machineWith();
    mapAt(main, at(16), 2);
    main.writeSync(at(17), page(7));
    const fields = { dst: at(0), src: at(17), len: PAGE, copy: 0x77n };
    main.writeSync(at(16), uffdio_copy.encode(fields));
    main.mprotectSync({ ...span(at(16)), prot: PROT_READ });
    const load = t0.load8(at(0));
    expect(call(uffd, UFFDIO_COPY, at(16))).toBe('EFAULT');
    expect(pages(proc, BASE, 1)).toBe('P');
    expect(t0.state).toBe('blocked');
    expect(uffdio_copy.decode(main.readSync(at(16), 40)).copy).toBe(0x77n);
    uffd.wakeSync(pagesAt(at(0)));
    expect(await load).toBe(7);
  });

  test('that is read-only hides an errno of the field: EEXIST is EFAULT', () => {
    const { uffd, main, at } = machineWith();
    mapAt(main, at(16), 1);
    uffd.zeropageSync(pagesAt(at(0)));
    main.writeSync(at(16), uffdio_zeropage.encode({ range: pagesAt(at(0)) }));
    main.mprotectSync({ ...span(at(16)), prot: PROT_READ });
    expect(call(uffd, UFFDIO_ZEROPAGE, at(16))).toBe('EFAULT');
  });

  test.each([
    ['NULL', 0],
    ['unmapped', BASE + 99 * PAGE],
    ['in the last bytes of a mapping', BASE + 17 * PAGE - 8],
    ['PROT_NONE', BASE + 18 * PAGE],
    ['beyond user space', 0x7fff_ffff_f000],
  ])('that is %s is EFAULT for every ioctl and changes nothing', (_name, arg) => {
    const { uffd, machine, main, at } = machineWith({ modes: M | W });
    mapAt(main, at(16), 1);
    main.writeSync(at(16), new Uint8Array(PAGE));
    mapAt(main, at(18), 1, { prot: PROT_NONE });
    const before = snapshot(machine);
    for (const request of [
      UFFDIO_API,
      UFFDIO_REGISTER,
      UFFDIO_UNREGISTER,
      UFFDIO_WAKE,
      UFFDIO_COPY,
      UFFDIO_ZEROPAGE,
      UFFDIO_CONTINUE,
      UFFDIO_POISON,
      UFFDIO_MOVE,
      UFFDIO_WRITEPROTECT,
    ]) {
      expect(call(uffd, request, arg)).toBe('EFAULT');
    }
    expect(snapshot(machine)).toEqual(before);
  });

  test('that is itself missing raises a fault message; the ioctl waits for it', async () => {
    const { uffd, main, t0, at } = machineWith();
    mapAt(main, at(16), 1);
    const own = anotherUffd(main);
    own.registerSync({ ...pagesAt(at(16)), mode: M });
    const wake = uffd.ioctl(UFFDIO_WAKE, at(16));
    expect(drain(own, at(16))).toEqual(['fault 0 @0']);
    void t0.load8(at(0));
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0']);
    const struct = page(0);
    struct.set(uffdio_range.encode({ start: at(0), len: PAGE }));
    own.copySync({ dst: at(16), src: struct });
    expect(await wake).toBe(0);
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0']);
  });

  test("lies in the caller's memory, the range in the owner's", () => {
    const { uffd, machine, proc, at } = machineWith();
    const { main } = machine.spawn({ name: 'manager' });
    const remote = machine.process(main.tid).receive(uffd);
    mapAt(main, at(32), 1);
    main.writeSync(at(32), uffdio_zeropage.encode({ range: pagesAt(at(0)) }));
    expect(call(remote, UFFDIO_ZEROPAGE, at(32))).toBe('ok');
    expect(pages(proc, BASE, 1)).toBe('P');
    expect(call(uffd, UFFDIO_ZEROPAGE, at(32))).toBe('EFAULT');
  });
});

describe('64-bit fields', () => {
  test('are compared in full: high bits of addresses, lengths and modes are EINVAL', () => {
    const { uffd, machine, at } = machineWith();
    const before = snapshot(machine);
    const high = 1n << 47n;
    for (const fields of [
      [BigInt(at(0)) + high, PAGE, 0],
      [BigInt(at(0)) + (1n << 63n), PAGE, 0],
      [at(0), BigInt(PAGE) + (1n << 32n) * (1n << 16n), 0],
      [at(0), (1n << 64n) - BigInt(PAGE), 0],
      [(1n << 64n) - BigInt(PAGE), 2 * PAGE, 0],
      [at(0), PAGE, 1n << 32n],
      [at(0), PAGE, (1n << 53n) + 1n],
      [at(0), PAGE, 1n << 63n],
      [(1n << 53n) + 1n, PAGE, 0],
    ] as const) {
      expect(call(uffd, UFFDIO_ZEROPAGE, words(...fields, 0))).toBe('EINVAL');
    }
    expect(snapshot(machine)).toEqual(before);
  });
});
