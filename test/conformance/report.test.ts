import { expect, test } from 'vitest';
import type { Outcome, Verdict } from '../../tools/conformance.js';
import { reportText } from '../../tools/conformance-report.js';
import { Divergences } from '../../tools/divergences.js';

function outcome(name: string, verdict: Verdict, reason = ''): Outcome {
  const expected = ['> map A 1 anon', '= ok', '> read A', '= 0x00', '. end'];
  const got = ['> map A 1 anon', '= ok', '> read A', '= 0x01', '. end'];
  const theme = name.replace(/-\d.*$/, '');
  return { kernel: '6.18', name, theme, verdict, reason, expected, got, firstDifference: 3 };
}

const groups = [
  {
    kernel: '6.18',
    facts: { release: '6.18.44', note: 'a machine' },
    outcomes: [
      outcome('fork-01', 'equal'),
      outcome('wp-01-why', 'differing'),
      outcome('wp-02-what', 'differing'),
      outcome('wp-03', 'unmodelled', 'swap is not modelled'),
    ],
  },
];

const divergences = new Divergences(
  '| Linux | Here | Why |\n|---|---|---|\n' +
    '| one | other (`wp-01-why`, `6.1/wp-02-what`) | a choice |\n',
);

test('the report counts by kernel and theme, and names what differs with its reason', () => {
  const lines = reportText(groups, divergences).split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      '| 6.18 | 6.18.44 | 4 | 1 | 2 | 1 | a machine |',
      '| fork | 1 | 1 | 0 | 0 |',
      '| wp | 3 | 0 | 2 | 1 |',
      '| all | 4 | 1 | 2 | 1 |',
      '| 6.18 | wp-01-why | `read A` | a choice |',
      '| 6.18 | wp-02-what | `read A` | not explained: a bug |',
      '| swap is not modelled | 6.18: 1 |',
    ]),
  );
});

test('a divergence may be of one kernel alone', () => {
  expect(divergences.reasonOf('6.1', 'wp-02-what')).toBe('a choice');
  expect(divergences.reasonOf('6.12', 'wp-02-what')).toBeUndefined();
  expect(divergences.reasonOf('6.12', 'wp-01-why')).toBe('a choice');
});
