/**
 * MADV_COLLAPSE: what becomes a huge page, and each reason why not, by kernel version.
 */
import {
  MADV_COLLAPSE,
  MADV_GUARD_INSTALL,
  MADV_HUGEPAGE,
  MADV_NOHUGEPAGE,
  MADV_PAGEOUT,
  PROT_READ,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { BASE, type Guest, M, machineWith, pagesAt, span, W } from '../support/guest.js';
import { H, shape } from '../support/huge.js';
import { errno } from '../support/observe.js';

const collapse = ({ main, at }: Guest, page = 0, pages = H): string =>
  errno(() => main.madviseSync({ ...span(at(page), pages), advice: MADV_COLLAPSE }));

/** Single pages: one written, the others empty. */
function touched(options: Parameters<typeof machineWith>[0] = {}): Guest {
  const guest = machineWith({ pages: 2 * H, modes: 0, ...options });
  guest.t0.store8Sync(guest.at(5), 7);
  return guest;
}

describe('MADV_COLLAPSE', () => {
  test('puts pages and holes into a huge page, without MADV_HUGEPAGE and with THP at never', () => {
    const guest = touched({ transparentHugepage: 'never' });
    expect(collapse(guest)).toBe('ok');
    expect(shape(guest.proc)).toBe('0-511:HP');
    expect(guest.t0.load8Sync(guest.at(5))).toBe(7);
    expect(guest.t0.load8Sync(guest.at(6))).toBe(0);
    expect(collapse(guest)).toBe('ok');
  });

  test('reads swapped pages back', () => {
    const guest = touched();
    guest.machine.swapOn({ size: 2 ** 20 });
    guest.main.madviseSync({ ...span(BASE, H), advice: MADV_PAGEOUT });
    guest.t0.store8Sync(guest.at(6), 8);
    expect(collapse(guest)).toBe('ok');
    expect(guest.t0.load8Sync(guest.at(5))).toBe(7);
  });

  test('takes only 2 MiB that the range has whole; EINVAL when it is too small for one', () => {
    const guest = touched();
    expect(collapse(guest, 1, H - 1)).toBe('ok');
    expect(collapse(guest, 1, 4)).toBe('EINVAL');
    expect(shape(guest.proc)).toBe('5:P');
  });

  test('gives each process its own huge page of what fork shared', () => {
    const guest = touched();
    const child = guest.machine.process(guest.main.forkSync('child'));
    expect(errno(() => child.main.madviseSync({ ...span(BASE, H), advice: MADV_COLLAPSE }))).toBe(
      'ok',
    );
    expect(shape(child)).toBe('0-511:HP');
    expect(shape(guest.proc)).toBe('5:P');
  });

  test.each<[string, (guest: Guest) => void, string]>([
    ['a write-protected page', (g) => protect(g), 'EINVAL'],
    ['a guard', (g) => g.main.madviseSync({ ...span(BASE), advice: MADV_GUARD_INSTALL }), 'EINVAL'],
    ['MADV_NOHUGEPAGE', (g) => advise(g, MADV_NOHUGEPAGE), 'EINVAL'],
    ['MADV_HUGEPAGE after it', (g) => advise(g, MADV_HUGEPAGE), 'ok'],
    ['a registration and holes', (g) => register(g, M), 'EBUSY'],
  ])('with %s', (_title, act, code) => {
    const guest = touched();
    act(guest);
    expect(collapse(guest)).toBe(code);
  });

  test('says EINVAL over holes of a registered area before 6.6', () => {
    const guest = touched({ kernel: '6.1', modes: W });
    expect(collapse(guest)).toBe('EINVAL');
  });

  test('needs a page table, and a writable page before 6.18', () => {
    const guest = touched({ kernel: '6.12' });
    expect(collapse(guest, H)).toBe('EINVAL');
    guest.main.mprotectSync({ ...span(BASE, 2 * H), prot: PROT_READ });
    expect(collapse(guest)).toBe('EINVAL');
    const newer = touched();
    newer.main.mprotectSync({ ...span(BASE, 2 * H), prot: PROT_READ });
    expect(collapse(newer)).toBe('ok');
  });

  test('is EINVAL where no page ever was, and unknown before 6.1', () => {
    expect(collapse(machineWith({ pages: H, modes: 0 }))).toBe('EINVAL');
    expect(collapse(touched({ kernel: '5.19' }))).toBe('EINVAL');
  });
});

/** Before the first hole, which would be a reason of its own. */
function protect({ uffd, t0 }: Guest): void {
  t0.store8Sync(BASE, 1);
  uffd.registerSync({ ...pagesAt(BASE, 2 * H), mode: W });
  uffd.writeprotectSync({ ...pagesAt(BASE), mode: 1 });
}

const advise = ({ main }: Guest, advice: number): void => {
  main.madviseSync({ ...span(BASE, 2 * H), advice });
};

const register = ({ uffd }: Guest, mode: number): void => {
  uffd.registerSync({ ...pagesAt(BASE, 2 * H), mode });
};
