import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatSchedule, parseSchedule, ScheduleMismatchError } from '../../src/sim/schedule.js';

describe('the text of a schedule', () => {
  it('counts consecutive steps of a thread', () => {
    expect(formatSchedule([0, 0, 0, 1, 0, 27])).toBe('a3baB');
  });

  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(51)), (steps) => {
        expect(parseSchedule(formatSchedule(steps))).toEqual(steps);
      }),
    );
  });

  it.each(['a-b', '3a', 'a0', 'a9999999'])('refuses %s', (text) => {
    expect(() => parseSchedule(text)).toThrow(ScheduleMismatchError);
  });
});
