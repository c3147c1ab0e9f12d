/**
 * Every recorded scenario, played as the kernel it was recorded on, gives that kernel's transcript.
 * One test for each kernel and theme. What needs a part of Linux that the emulator lacks is
 * a skipped test that names it and the scenarios, and is counted at the end.
 */
import { afterAll, describe, expect, test } from 'vitest';
import { Conformance, type Outcome } from '../../tools/conformance.js';

const conformance = new Conformance();

/** What a person needs to see of a scenario that differs. */
function difference({ name, verdict, reason, expected, got, firstDifference: at }: Outcome) {
  if (verdict === 'crashed') return { name, reason };
  const from = Math.max(0, at - 6);
  return {
    name,
    line: at + 1,
    expected: expected.slice(from, at + 2),
    got: got.slice(from, at + 2),
  };
}

/** Scenarios that are not modelled, by what is missing. */
function byReason(outcomes: readonly Outcome[]): Map<string, string[]> {
  const reasons = new Map<string, string[]>();
  for (const { name, reason } of outcomes) {
    reasons.set(reason, [...(reasons.get(reason) ?? []), name]);
  }
  return reasons;
}

describe.each(conformance.kernels)('Linux %s', (kernel) => {
  const counts = { equal: 0, skipped: 0 };
  for (const [theme, names] of conformance.themes(kernel)) {
    const outcomes = names.map((name) => conformance.play(kernel, name));
    const unmodelled = outcomes.filter(({ verdict }) => verdict === 'unmodelled');
    const modelled = outcomes.filter(({ verdict }) => verdict !== 'unmodelled');
    const differing = modelled.filter(({ verdict }) => verdict !== 'equal');
    counts.equal += modelled.length - differing.length;
    counts.skipped += unmodelled.length;
    if (modelled.length > 0) {
      test(`${theme}: ${modelled.length} scenarios give the recorded transcript`, () => {
        expect(differing.map(difference)).toEqual([]);
      });
    }
    for (const [reason, without] of byReason(unmodelled)) {
      test.skip(`${theme}: ${reason}: ${without.join(' ')}`, () => {
        expect(without).toEqual([]);
      });
    }
  }

  test('has scenarios to compare', () => expect(counts.equal).toBeGreaterThan(0));

  afterAll(() => {
    if (counts.skipped === 0) return;
    console.info(`${kernel}: ${counts.equal} equal, ${counts.skipped} skipped: not modelled`);
  });
});
