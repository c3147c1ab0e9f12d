/** Names of masks, values and requests; and that the tables leave no constant out. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeIoctl, encodeIoctl } from '../../src/uapi/ioctl.js';
import {
  formatMask,
  formatName,
  ioctlName,
  MADV_NAMES,
  type NameTable,
  PAGE_IS_NAMES,
  UFFD_EVENT_NAMES,
  UFFD_FEATURE_NAMES,
  UFFD_PAGEFAULT_FLAG_NAMES,
  UFFDIO_NAMES,
  UFFDIO_REGISTER_MODE_NAMES,
} from '../../src/uapi/names.js';
import { TABLE } from './table.js';

const valuesBehind = (prefix: string): [string, number][] =>
  TABLE.filter(({ name }) => name.startsWith(prefix)).map(({ name, value }) => [
    name.slice(prefix.length),
    Number(value),
  ]);

describe('tables', () => {
  const tables: [string, NameTable][] = [
    ['UFFD_FEATURE_', UFFD_FEATURE_NAMES],
    ['UFFDIO_REGISTER_MODE_', UFFDIO_REGISTER_MODE_NAMES],
    ['UFFD_PAGEFAULT_FLAG_', UFFD_PAGEFAULT_FLAG_NAMES],
    ['UFFD_EVENT_', UFFD_EVENT_NAMES],
    ['MADV_', MADV_NAMES],
    ['PAGE_IS_', PAGE_IS_NAMES],
  ];

  test.each(tables)('every %s constant has its name, in ascending order', (prefix, table) => {
    expect([...table]).toEqual(valuesBehind(prefix).toSorted(([, a], [, b]) => a - b));
  });

  test('every UFFDIO index has its bit, in ascending order', () => {
    const bits = valuesBehind('_UFFDIO_').map(([name, nr]) => [name, 2 ** nr]);
    expect([...UFFDIO_NAMES]).toEqual(bits.toSorted(([, a], [, b]) => Number(a) - Number(b)));
  });
});

describe('formatMask', () => {
  test.each([
    [0, UFFDIO_NAMES, '0'],
    [0x8000000000000003n, UFFDIO_NAMES, 'REGISTER,UNREGISTER,API'],
    [0x1fcn, UFFDIO_NAMES, 'WAKE,COPY,ZEROPAGE,MOVE,WRITEPROTECT,CONTINUE,POISON'],
    [
      0x80000000000007ffn,
      UFFDIO_NAMES,
      'REGISTER,UNREGISTER,WAKE,COPY,ZEROPAGE,MOVE,WRITEPROTECT,CONTINUE,POISON,RWPROTECT,SET_MODE,API',
    ],
    [0xa000, UFFD_FEATURE_NAMES, 'WP_UNPOPULATED,WP_ASYNC'],
    [(1n << 40n) | 8n | (1n << 63n), UFFD_FEATURE_NAMES, 'EVENT_REMOVE,0x8000010000000000'],
  ])('%s', (mask, names, text) => {
    expect(formatMask(mask, names)).toBe(text);
  });

  test('joins with the separator that is asked for', () => {
    expect(formatMask(3, UFFD_PAGEFAULT_FLAG_NAMES, '|')).toBe('WRITE|WP');
    expect(formatMask(0x1a, PAGE_IS_NAMES, '|')).toBe('WRITTEN|PRESENT|SWAPPED');
  });

  test('loses no bit', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (mask) => {
        const parts = formatMask(mask, UFFDIO_NAMES).split(',');
        const bits = parts.map((part) => BigInt(UFFDIO_NAMES.get(part) ?? part));
        expect(bits.reduce((sum, bit) => sum + bit, 0n)).toBe(mask);
      }),
    );
  });

  test('a mask outside 64 bits is a RangeError', () => {
    expect(() => formatMask(-1, UFFDIO_NAMES)).toThrow(RangeError);
  });
});

test('formatName names a value, or shows it in hex', () => {
  expect(formatName(0x14, UFFD_EVENT_NAMES)).toBe('REMAP');
  expect(formatName(102, MADV_NAMES)).toBe('GUARD_INSTALL');
  expect(formatName(99, MADV_NAMES)).toBe('0x63');
});

describe('ioctlName', () => {
  const requests = TABLE.filter(
    ({ name, value }) =>
      name === 'PAGEMAP_SCAN' || name === 'USERFAULTFD_IOC_NEW' || /^0x[C84]0..AA/.test(value),
  );

  test('there are 14 requests', () => {
    expect(requests).toHaveLength(14);
  });

  test.each(requests)('$value is $name, also as a signed number', ({ name, value }) => {
    expect(ioctlName(Number(value))).toBe(name);
    expect(ioctlName(Number(value) | 0)).toBe(name);
  });

  test.each([
    [0xaa3e, '_IO(0xaa, 0x3e)'],
    [0xc028aa09, '_IOWR(0xaa, 0x09, 40)'],
    [0x8004541b, '_IOR(0x54, 0x1b, 4)'],
    [0x4010aa3f, '_IOW(0xaa, 0x3f, 16)'],
  ])('%i is shown by its parts', (request, text) => {
    expect(ioctlName(request)).toBe(text);
  });
});

test('encodeIoctl undoes decodeIoctl on all 32 bits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), (request) => {
      expect(encodeIoctl(decodeIoctl(request))).toBe(request);
    }),
  );
});
