import { describe, expect, test } from 'vitest';
import {
  ADVICE,
  CATEGORIES,
  FAULT_FLAGS,
  FEATURES,
  FILL_MODES,
  IOCTLS,
  MAP_FLAGS,
  MOVE_MODES,
  type Names,
  POLL_EVENTS,
  PROTECT_MODES,
  REGISTER_MODES,
  REMAP_FLAGS,
  SCAN_FLAGS,
  UFFD_FLAGS,
} from '../../src/scenario/names.js';
import * as fcntl from '../../src/uapi/fcntl.js';
import * as features from '../../src/uapi/features.js';
import * as mman from '../../src/uapi/mman.js';
import * as pagemap from '../../src/uapi/pagemap.js';
import * as poll from '../../src/uapi/poll.js';
import * as uffd from '../../src/uapi/userfaultfd.js';

type Header = Readonly<Record<string, unknown>>;

/** What a header says of a name. */
const constant = (header: Header, name: string): bigint =>
  BigInt(Number(header[name] ?? Number.NaN));

function agrees(names: Names, header: Header, prefix: string): void {
  for (const [name, value] of names) {
    expect([name, value]).toEqual([name, constant(header, prefix + name.toUpperCase())]);
  }
}

describe('the names of scenarios mean what the headers say', () => {
  test('UFFD_FEATURE_*', () => agrees(FEATURES, features, 'UFFD_FEATURE_'));
  test('UFFDIO_REGISTER_MODE_*', () => agrees(REGISTER_MODES, uffd, 'UFFDIO_REGISTER_MODE_'));
  test('UFFDIO_COPY_MODE_*', () => agrees(FILL_MODES, uffd, 'UFFDIO_COPY_MODE_'));
  test('UFFD_PAGEFAULT_FLAG_*', () => agrees(FAULT_FLAGS, uffd, 'UFFD_PAGEFAULT_FLAG_'));
  test('MAP_*', () => agrees(MAP_FLAGS, mman, 'MAP_'));
  test('MREMAP_*', () => agrees(REMAP_FLAGS, mman, 'MREMAP_'));
  test('MADV_*', () => agrees(ADVICE, mman, 'MADV_'));
  test('PAGE_IS_*', () => agrees(CATEGORIES, pagemap, 'PAGE_IS_'));
  test('PM_SCAN_*', () => agrees(SCAN_FLAGS, pagemap, 'PM_SCAN_'));
  test('POLL*', () => agrees(POLL_EVENTS, poll, ''));

  test('the rest, whose names are shorter than the header ones', () => {
    expect(MOVE_MODES.get('holes')).toBe(constant(uffd, 'UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES'));
    expect(PROTECT_MODES.get('on')).toBe(constant(uffd, 'UFFDIO_WRITEPROTECT_MODE_WP'));
    expect(PROTECT_MODES.get('dontwake')).toBe(constant(uffd, 'UFFDIO_WRITEPROTECT_MODE_DONTWAKE'));
    expect(UFFD_FLAGS.get('usermode')).toBe(constant(uffd, 'UFFD_USER_MODE_ONLY'));
    expect(UFFD_FLAGS.get('nonblock')).toBe(constant(fcntl, 'O_NONBLOCK'));
    expect(UFFD_FLAGS.get('cloexec')).toBe(constant(fcntl, 'O_CLOEXEC'));
  });

  test('commands are the bits of their numbers', () => {
    for (const [name, bit] of IOCTLS) {
      expect([name, bit]).toEqual([name, 1n << constant(uffd, `_UFFDIO_${name}`)]);
    }
  });
});
