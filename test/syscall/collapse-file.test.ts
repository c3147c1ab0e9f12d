/**
 * MADV_COLLAPSE of shmem: what is refused, and what the attempt does to mappings. As 6.18.44
 * answered; a huge page in the page cache is not modelled.
 */
import { MADV_COLLAPSE, NotModelledError } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import {
  BASE,
  type Guest,
  type GuestOptions,
  M,
  machineWith,
  mapAt,
  span,
} from '../support/guest.js';
import { H } from '../support/huge.js';
import { errno } from '../support/observe.js';

const collapse = ({ main }: Guest, addr = BASE): string =>
  errno(() => main.madviseSync({ ...span(addr, H), advice: MADV_COLLAPSE }));

const guestOf = (options: GuestOptions = {}): Guest =>
  machineWith({ kernel: '6.18', kind: 'shared', pages: H, modes: 0, ...options });

describe.each(['shared', 'private'] as const)('MADV_COLLAPSE of a %s mapping', (kind) => {
  test('is EINVAL where the file is empty, registered or not', () => {
    expect(collapse(guestOf({ kind }))).toBe('EINVAL');
    expect(collapse(guestOf({ kind, modes: M }))).toBe('EINVAL');
  });

  test('is EINVAL where 2 MiB of the file do not begin with 2 MiB of addresses', () => {
    const guest = guestOf({ kind, filePages: 2 * H, cached: [1, 2] });
    mapAt(guest.main, BASE, H, { kind, fd: guest.fd, offset: 4096 });
    expect(collapse(guest)).toBe('EINVAL');
  });

  test('is EBUSY over holes that a userfaultfd waits for', () => {
    expect(collapse(guestOf({ kind, modes: M, cached: [1, 2] }))).toBe('EBUSY');
  });

  test('is not modelled where it would make a huge page', () => {
    expect(() => collapse(guestOf({ kind, cached: [1] }))).toThrow(NotModelledError);
  });
});

describe('MADV_COLLAPSE that is refused for holes', () => {
  test('has taken the pages away from everybody who mapped them', () => {
    const guest = guestOf({ modes: M, cached: [1, 2] });
    guest.t0.load8Sync(BASE);
    const other = BASE + 2 ** 30;
    mapAt(guest.main, other, H, { kind: 'shared', fd: guest.fd });
    guest.t0.load8Sync(other);
    expect(collapse(guest, other)).toBe('EBUSY');
    const present = [...guest.proc.pagemap(span(BASE, 2))].map((word) => word >> 63n);
    expect(present).toEqual([0n, 0n]);
    expect(guest.t0.load8Sync(BASE)).toBe(1);
  });

  test('counts a registered area that begins right behind the 2 MiB', () => {
    const guest = guestOf({ pages: 2 * H, cached: [1] });
    const start = BASE + H * 4096;
    guest.uffd.registerSync({ start, len: 4096, mode: M });
    expect(collapse(guest)).toBe('EBUSY');
  });

  test('is not known of kernels before 6.6', () => {
    const guest = guestOf({ kernel: '6.1', modes: M, cached: [1] });
    expect(() => collapse(guest)).toThrow(NotModelledError);
  });
});
