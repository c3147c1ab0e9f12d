import { describe, expect, test } from 'vitest';
import { FEATURES, PROTECT_MODES, SCAN_CATEGORIES } from '../../src/scenario/names.js';
import {
  fillByte,
  parseAddress,
  parseFill,
  parseLength,
  parseName,
  parseNumber,
  parseSet,
} from '../../src/scenario/values.js';

const A = 0x2000_0000_0000n;
const GIB = 1n << 30n;
const HUGE = 0x20_0000n;
const U64_MAX = 0xffff_ffff_ffff_ffffn;

describe('a number', () => {
  test.each([
    ['10', 10n],
    ['0x1f', 31n],
    ['0X1F', 31n],
    ['017', 15n],
    ['0', 0n],
    ['-1', U64_MAX],
    ['0xffffffffffffffff', U64_MAX],
  ])('%s is C style', (text, value) => expect(parseNumber(text)).toBe(value));

  test.each(['', '08', '0x', '1k', ' 1', 'A', '1.0'])('%j does not parse', (text) =>
    expect(parseNumber(text)).toBeUndefined(),
  );
});

describe('an address', () => {
  test.each([
    ['A', A],
    ['A+3', A + 3n * 4096n],
    ['A+0x10', A + 0x10n * 4096n],
    ['A+3.0x10', A + 3n * 4096n + 0x10n],
    ['A.0x800', A + 0x800n],
    ['P', A + 15n * GIB],
    ['HA', A + 16n * GIB],
    ['HD+2', A + 19n * GIB + 2n * HUGE],
    ['HA+1.0x1000', A + 16n * GIB + HUGE + 0x1000n],
    ['NULL', 0n],
    ['NULL+16', 0x10000n],
    ['LIM-1', 0x7fff_ffff_e000n],
    ['TOP', 0xffff_ffff_ffff_f000n],
    ['TOP.0xfff', U64_MAX],
    ['BUF', 0x3000_0000_0000n],
  ])('%s', (text, value) => expect(parseAddress(text)).toBe(value));

  test('B-1 is the last page of window A', () => {
    expect(parseAddress('B-1')).toBe(parseAddress('A+262143'));
  });

  test('P+262144 is HA', () => expect(parseAddress('P+262144')).toBe(parseAddress('HA')));

  test('sums wrap at 64 bits', () => {
    expect(parseAddress('TOP+1')).toBe(0n);
    expect(parseAddress('NULL-1')).toBe(parseAddress('TOP'));
  });

  test.each(['', 'Q', 'HE', 'a', 'A+', 'A+x', 'A+1.10', 'A+1.0x', 'A+1+1', '3', 'A.'])(
    '%j does not parse',
    (text) => expect(parseAddress(text)).toBeUndefined(),
  );
});

describe('a length', () => {
  test('counts in the unit of its address', () => {
    expect(parseLength('3', 4096n)).toBe(12288n);
    expect(parseLength('3', HUGE)).toBe(3n * HUGE);
    expect(parseLength('1.0x800', 4096n)).toBe(0x1800n);
    expect(parseLength('0x1b', 4096n)).toBe(0x1b000n);
  });

  test('with b it is bytes in any unit', () => {
    expect(parseLength('b0x7fffffffffff', HUGE)).toBe(0x7fff_ffff_ffffn);
    expect(parseLength('b0xfffffffffffff000', 4096n)).toBe(0xffff_ffff_ffff_f000n);
  });

  test.each(['', 'b', 'b16', '1.', '1.5', 'A', '0b1'])('%j does not parse', (text) =>
    expect(parseLength(text, 4096n)).toBeUndefined(),
  );
});

describe('a set', () => {
  test('ors names and numbers', () => {
    expect(parseSet('EVENT_FORK,THREAD_ID', FEATURES)).toBe(0x102n);
    expect(parseSet('missing,0x10', new Map([['missing', 1n]]))).toBe(0x11n);
    expect(parseSet('on,dontwake', PROTECT_MODES)).toBe(3n);
    expect(parseSet('all', SCAN_CATEGORIES)).toBe(0x17fn);
  });

  test('is 0 when it is empty or none', () => {
    expect(parseSet('', FEATURES)).toBe(0n);
    expect(parseSet('none', FEATURES)).toBe(0n);
    expect(parseSet('off', PROTECT_MODES)).toBe(0n);
  });

  test('does not parse with an unknown name', () => {
    expect(parseSet('missing,x', FEATURES)).toBeUndefined();
  });
});

describe('a fill', () => {
  test('repeats the low byte of a number', () => {
    expect(parseFill('0x15a')).toEqual({ byte: 0x5a, step: 0 });
    expect(fillByte({ byte: 7, step: 0 }, 3)).toBe(7);
  });

  test('counts up with seq, from 0x10 when it stands alone', () => {
    expect(parseFill('seq0x8a')).toEqual({ byte: 0x8a, step: 1 });
    expect(parseFill('seq')).toEqual({ byte: 0x10, step: 1 });
    expect(fillByte({ byte: 0xff, step: 1 }, 2)).toBe(1);
  });

  test('does not parse otherwise', () => expect(parseFill('x')).toBeUndefined());
});

test('a name has at most 15 letters and digits', () => {
  expect(parseName('F0')).toBe('F0');
  expect(parseName('ABCDEFGHIJKLMNO')).toBeDefined();
  expect(parseName('ABCDEFGHIJKLMNOP')).toBeUndefined();
  expect(parseName('A_B')).toBeUndefined();
});
