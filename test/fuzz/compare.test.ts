import { describe, expect, test } from 'vitest';
import { compare, operationName, successShare } from '../../tools/fuzz/compare.js';

const outcome = (transcript: string, status = 0) => ({ transcript, status });

describe('comparing transcripts', () => {
  const common = '> map A 1 anon\n= ok\n> T0 read A\n';

  test('names the operation under which the first differing line stands', () => {
    const comparison = compare(
      outcome(`${common}= 0x00\n~ P0.T1 ok\n. end\n`),
      outcome(`${common}= 0x00\n. end\n`),
    );
    expect(comparison).toEqual({
      kind: 'differs',
      difference: { at: 4, operation: 'T0 read A', expected: '~ P0.T1 ok', actual: '. end' },
    });
  });

  test('equal transcripts are equal', () => {
    expect(compare(outcome(common), outcome(common))).toEqual({ kind: 'equal' });
  });

  test('lines behind an operation that is not modelled say nothing', () => {
    const actual = outcome(`${common}= UNMODELLED\n> nop\n= something else\n`, 1);
    expect(compare(outcome(`${common}= 0x00\n> nop\n= ok\n`), actual)).toEqual({
      kind: 'unmodelled',
      operation: 'T0 read A',
    });
    const before = outcome('> map A 1 anon\n= EINVAL\n> T0 read A\n= UNMODELLED\n', 1);
    expect(compare(outcome(`${common}= 0x00\n`), before).kind).toBe('differs');
  });

  test('nothing is said about a scenario on which the expected side ran out of time', () => {
    const stuck = outcome(`${common}! watchdog\n. end\n`, 3);
    expect(compare(stuck, outcome(`${common}= 0x00\n`))).toEqual({
      kind: 'trouble',
      reason: '! watchdog',
    });
  });

  test('the name of an operation is without who does it', () => {
    expect(operationName('> P1.T2 copy U A 1')).toBe('copy');
    expect(operationName('T0 write A')).toBe('write');
    expect(operationName('kill P1')).toBe('kill');
  });
});

describe('the share of operations that succeed', () => {
  test('leaves out what only looks, and counts what sleeps as a success', () => {
    const share = successShare(
      [
        '> map A 1 anon',
        '= ok',
        '> T0 read A',
        '= blocked',
        '> copy U A 1',
        '= EEXIST copy=-EEXIST',
        '> T1 write A',
        '= SIGSEGV/MAPERR addr=A+0',
        '> pagemap A 1',
        '= 0:-',
        '> drain U',
        '= 0',
      ].join('\n'),
    );
    expect(share).toEqual({
      operations: 4,
      succeeded: 2,
      failures: ['copy EEXIST', 'write SIGSEGV/MAPERR'],
    });
  });
});
