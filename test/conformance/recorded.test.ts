/**
 * Every recorded scenario, played as the kernel it was recorded on, gives that kernel's transcript.
 * One test for each kernel and theme. A scenario that needs what is not modelled fails its theme.
 */
import { describe, expect, test } from 'vitest';
import { Conformance, type Outcome } from '../../tools/conformance.js';

const conformance = new Conformance();

/** What a person needs to see of a scenario that differs. */
function difference({ name, verdict, reason, expected, got, firstDifference: at }: Outcome) {
  if (verdict === 'crashed' || verdict === 'unmodelled') return { name, reason };
  const from = Math.max(0, at - 6);
  return {
    name,
    line: at + 1,
    expected: expected.slice(from, at + 2),
    got: got.slice(from, at + 2),
  };
}

describe.each(conformance.kernels)('Linux %s', (kernel) => {
  let played = 0;
  for (const [theme, names] of conformance.themes(kernel)) {
    const outcomes = names.map((name) => conformance.play(kernel, name));
    const differing = outcomes.filter(({ verdict }) => verdict !== 'equal');
    played += outcomes.length;
    test(`${theme}: ${outcomes.length} scenarios give the recorded transcript`, () => {
      expect(differing.map(difference)).toEqual([]);
    });
  }

  test('has scenarios to compare', () => expect(played).toBeGreaterThan(0));
});
