/** Areas and registrations: what splits, what merges again, what a neighbour inherits. */
import { MREMAP_MAYMOVE, PROT_READ, UFFD_FEATURE_WP_UNPOPULATED } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import {
  anotherUffd,
  BASE,
  M,
  machineWith,
  mapAt,
  memfd,
  PAGE,
  page,
  pagesAt,
  RW,
  span,
  W,
} from '../support/guest.js';
import { areas, drain, pages } from '../support/observe.js';

describe('splitting', () => {
  test('registering middle pages makes three areas, unregistering them makes one [9.16]', () => {
    const { uffd, proc, at } = machineWith({ modes: 0 });
    uffd.registerSync({ ...pagesAt(at(1), 2), mode: M });
    expect(areas(proc, BASE)).toEqual(['0-1:none', '1-3:um', '3-4:none']);
    uffd.unregisterSync(pagesAt(at(1), 2));
    expect(areas(proc, BASE)).toEqual(['0-4:none']);
  });

  test('registering the rest merges it all into one', () => {
    const { uffd, proc, at } = machineWith({ modes: 0 });
    uffd.registerSync({ ...pagesAt(at(1)), mode: M });
    uffd.registerSync({ ...pagesAt(at(3)), mode: M });
    expect(areas(proc, BASE)).toEqual(['0-1:none', '1-2:um', '2-3:none', '3-4:um']);
    uffd.registerSync({ ...pagesAt(at(0), 4), mode: M });
    expect(areas(proc, BASE)).toEqual(['0-4:um']);
  });

  test('different modes and different userfaultfds stay apart', () => {
    const { uffd, proc, main, at } = machineWith({ pages: 6, modes: 0 });
    uffd.registerSync({ ...pagesAt(at(0), 2), mode: M });
    uffd.registerSync({ ...pagesAt(at(2), 2), mode: W });
    anotherUffd(main).registerSync({ ...pagesAt(at(4), 2), mode: W });
    expect(areas(proc, BASE)).toEqual(['0-2:um', '2-4:uw', '4-6:uw']);
  });

  test('unregistering a part splits the registration', () => {
    const { uffd, proc, at } = machineWith();
    uffd.unregisterSync(pagesAt(at(1), 2));
    expect(areas(proc, BASE)).toEqual(['0-1:um', '1-3:none', '3-4:um']);
  });

  test('neighbours with pages of their own do not merge, untouched ones do', () => {
    const { uffd, proc, main, at } = machineWith({ pages: 6, modes: 0 });
    uffd.registerSync({ ...pagesAt(at(2), 2), mode: W });
    main.store8Sync(at(0), 1);
    main.store8Sync(at(2), 1);
    uffd.unregisterSync(pagesAt(at(2), 2));
    expect(areas(proc, BASE)).toEqual(['0-2:none', '2-6:none']);
  });
});

describe('mprotect', () => {
  test('of a part keeps both halves registered and the uffd-wp bits', () => {
    const { uffd, proc, main, at } = machineWith({ modes: M | W });
    uffd.copySync({ dst: at(0), src: page(1, 4), mode: 2 });
    main.mprotectSync({ ...span(at(2), 2), prot: PROT_READ });
    expect(areas(proc, BASE)).toEqual(['0-2:um+uw', '2-4:um+uw']);
    expect(pages(proc, BASE, 4)).toBe('Pw Pw Pw Pw');
    main.mprotectSync({ ...span(at(2), 2), prot: RW });
    expect(areas(proc, BASE)).toEqual(['0-4:um+uw']);
    expect(pages(proc, BASE, 4)).toBe('Pw Pw Pw Pw');
  });

  test('keeps markers', () => {
    const { uffd, proc, main, at } = machineWith({
      modes: W,
      features: UFFD_FEATURE_WP_UNPOPULATED,
    });
    uffd.writeprotectSync({ ...pagesAt(at(0), 2), mode: 1 });
    main.mprotectSync({ ...span(at(0), 4), prot: PROT_READ });
    main.mprotectSync({ ...span(at(0), 4), prot: RW });
    expect(pages(proc, BASE, 3)).toBe('mw mw -');
  });
});

describe('neighbours', () => {
  test('a mapping next to a registered one is not registered [9.102]', () => {
    const { uffd, proc, main, t0, at } = machineWith();
    mapAt(main, at(4), 2);
    mapAt(main, at(-2), 2);
    expect(areas(proc, at(-2))).toEqual(['0-2:none', '2-6:um', '6-8:none']);
    expect(t0.load8Sync(at(5))).toBe(0);
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('growing in place by mremap extends the registration [9.102]', async () => {
    const { uffd, proc, main, t0, at } = machineWith();
    const request = { oldAddress: at(0), oldSize: 4 * PAGE, newSize: 6 * PAGE };
    expect(main.mremapSync({ ...request, flags: MREMAP_MAYMOVE })).toBe(BASE);
    expect(areas(proc, BASE)).toEqual(['0-6:um']);
    const load = t0.load8(at(5));
    expect(drain(uffd, BASE)).toEqual(['fault 0 @5']);
    uffd.zeropageSync(pagesAt(at(5)));
    expect(await load).toBe(0);
  });

  test('shrinking in place keeps the registration of the rest', () => {
    const { proc, main, at } = machineWith();
    main.mremapSync({ oldAddress: at(0), oldSize: 4 * PAGE, newSize: 2 * PAGE });
    expect(areas(proc, BASE)).toEqual(['0-2:um']);
  });

  test('MAP_FIXED over a part leaves a hole in the registration', () => {
    const { proc, main, at } = machineWith();
    mapAt(main, at(1), 2);
    expect(areas(proc, BASE)).toEqual(['0-1:um', '1-3:none', '3-4:um']);
  });

  test('two mappings of one memfd are registered each for itself', () => {
    const { uffd, main, t0, at } = machineWith({ pages: 0 });
    const fd = memfd(main, 2);
    mapAt(main, at(0), 2, { kind: 'shared', fd });
    mapAt(main, at(8), 2, { kind: 'shared', fd });
    uffd.registerSync({ ...pagesAt(at(0), 2), mode: M });
    t0.store8Sync(at(9), 3);
    expect(t0.load8Sync(at(1))).toBe(3);
    expect(drain(uffd, BASE)).toEqual([]);
  });
});

describe('splitting in 6.1', () => {
  test('a range that begins inside an area does not join the area behind it', () => {
    const behind = (kernel: '6.1' | '6.18') => {
      const { uffd, proc, at } = machineWith({ kernel, modes: 0 });
      uffd.registerSync({ ...pagesAt(at(3)), mode: M });
      uffd.registerSync({ ...pagesAt(at(1), 2), mode: M });
      return areas(proc, BASE);
    };
    expect(behind('6.18')).toEqual(['0-1:none', '1-4:um']);
    expect(behind('6.1')).toEqual(['0-1:none', '1-3:um', '3-4:um']);
  });
});
