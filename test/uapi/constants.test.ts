/** Every exported constant against the table: value, completeness, and the release it names. */
import { describe, expect, test } from 'vitest';
import { decodeIoctl, encodeIoctl } from '../../src/uapi/ioctl.js';
import * as structs from '../../src/uapi/structs.js';
import { CONSTANT_FILES, CONSTANTS, readBeside, TABLE } from './table.js';

describe('constants', () => {
  test.each(TABLE)('$name is $value', ({ name, value }) => {
    expect(CONSTANTS.get(name)).toBe(Number(value));
  });

  test('the table names each exported constant exactly once', () => {
    const names = TABLE.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.toSorted()).toEqual([...CONSTANTS.keys()].toSorted());
  });

  test('no name is exported by two files', () => {
    const names = Object.values(CONSTANT_FILES).flatMap((file) => Object.keys(file));
    expect(new Set(names).size).toBe(names.length);
  });

  test.each(Object.keys(CONSTANT_FILES))(
    '%s.ts documents each constant and its release',
    (file) => {
      const source = readBeside(`../../src/uapi/${file}.ts`);
      const documented = /^\/\*\* \S.*\. @since Linux (\S+) \*\/\nexport const (\w+)/gm;
      const found = [...source.matchAll(documented)].map(([, since, name]) => ({ name, since }));
      const expected = TABLE.filter(({ name }) => Object.hasOwn(CONSTANT_FILES[file] ?? {}, name));
      expect(found.toSorted(byName)).toEqual(
        expected.map(({ name, since }) => ({ name, since })).toSorted(byName),
      );
    },
  );
});

describe('ioctl request numbers', () => {
  const uffd = TABLE.filter(({ name }) => name.startsWith('_UFFDIO_')).map(({ name, value }) => {
    return { name: name.slice(1), nr: Number(value) };
  });

  test.each(uffd)('$name is of type 0xAA, index $nr', ({ name, nr }) => {
    expect(decodeIoctl(CONSTANTS.get(name) ?? 0)).toMatchObject({ type: 0xaa, nr });
  });

  test.each([
    ['UFFDIO_API', structs.uffdio_api, 'readwrite'],
    ['UFFDIO_REGISTER', structs.uffdio_register, 'readwrite'],
    ['UFFDIO_UNREGISTER', structs.uffdio_range, 'read'],
    ['UFFDIO_WAKE', structs.uffdio_range, 'read'],
    ['UFFDIO_COPY', structs.uffdio_copy, 'readwrite'],
    ['UFFDIO_ZEROPAGE', structs.uffdio_zeropage, 'readwrite'],
    ['UFFDIO_MOVE', structs.uffdio_move, 'readwrite'],
    ['UFFDIO_WRITEPROTECT', structs.uffdio_writeprotect, 'readwrite'],
    ['UFFDIO_CONTINUE', structs.uffdio_continue, 'readwrite'],
    ['UFFDIO_POISON', structs.uffdio_poison, 'readwrite'],
    ['UFFDIO_RWPROTECT', structs.uffdio_rwprotect, 'readwrite'],
    ['UFFDIO_SET_MODE', structs.uffdio_set_mode, 'write'],
    ['PAGEMAP_SCAN', structs.pm_scan_arg, 'readwrite'],
  ] as const)('%s encodes direction and size of its struct', (name, { sizeBytes }, direction) => {
    const request = CONSTANTS.get(name) ?? 0;
    const { type, nr } = decodeIoctl(request);
    expect(decodeIoctl(request)).toMatchObject({ direction, sizeBytes });
    expect(encodeIoctl({ direction, type, nr, sizeBytes })).toBe(request);
  });

  test('USERFAULTFD_IOC_NEW has no argument struct', () => {
    expect(decodeIoctl(CONSTANTS.get('USERFAULTFD_IOC_NEW') ?? 0)).toEqual({
      direction: 'none',
      type: 0xaa,
      nr: 0,
      sizeBytes: 0,
    });
  });
});

function byName(a: { name?: string | undefined }, b: { name?: string | undefined }): number {
  return (a.name ?? '') < (b.name ?? '') ? -1 : 1;
}
