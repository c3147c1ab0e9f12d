import { describe, expect, test } from 'vitest';
import { parseLine, parseScenario, parseWho, whoText } from '../../src/scenario/parse.js';

describe('WHO', () => {
  test.each([
    ['P1', 'P1.M'],
    ['T0', 'P0.T0'],
    ['P1.T2', 'P1.T2'],
    ['P0.M', 'P0.M'],
    ['P5.T3', 'P5.T3'],
  ])('%s names %s', (word, name) => {
    const who = parseWho(word);
    expect(who && whoText(who)).toBe(name);
  });

  test.each(['M', 'T7', 'P6', 'P1.T4', 'p1', 'P1.', 'map', ''])('%j names nobody', (word) =>
    expect(parseWho(word)).toBeUndefined(),
  );
});

describe('a line', () => {
  test('splits into WHO, operation, words and keys', () => {
    const line = parseLine('\tP1.T2  copy U A+1\tfill=3 1 mode=wp,dontwake # a comment');
    expect(line).toEqual({
      text: 'P1.T2 copy U A+1 fill=3 1 mode=wp,dontwake',
      who: { process: 1, worker: 3 },
      op: 'copy',
      words: ['U', 'A+1', '1'],
      keys: new Map([
        ['fill', '3'],
        ['mode', 'wp,dontwake'],
      ]),
    });
  });

  test('goes to P0.M by default', () => {
    expect(parseLine('nop')).toMatchObject({ op: 'nop', who: { process: 0, worker: 0 } });
    expect(parseLine('T7 nop')).toMatchObject({ op: 'T7', words: ['nop'] });
  });

  test('may have nothing but a WHO', () => {
    expect(parseLine('P1')).toMatchObject({ op: '', who: { process: 1, worker: 0 } });
  });

  test('counts the first of a repeated key', () => {
    expect(parseLine('read A off=1 off=2 x=a=b')?.keys).toEqual(
      new Map([
        ['off', '1'],
        ['x', 'a=b'],
      ]),
    );
  });

  test('without a word is nothing', () => {
    expect(parseLine('')).toBeUndefined();
    expect(parseLine(' \t ')).toBeUndefined();
    expect(parseLine('# P1 nop')).toBeUndefined();
  });
});

describe('a scenario', () => {
  test('is its lines that have a word', () => {
    expect(parseScenario('# one\n\nnop\r\nT0 nop#x\n').map(({ text }) => text)).toEqual([
      'nop',
      'T0 nop',
    ]);
  });

  test('has no line of more than 600 bytes', () => {
    expect(() => parseScenario(`nop\n${'x'.repeat(601)}`)).toThrow('line 2: longer than 600 bytes');
  });
});
