import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatSchedule, parseSchedule, ScheduleMismatchError } from '../../src/sim/schedule.js';

describe('the text of a schedule', () => {
  it('counts consecutive steps of a thread', () => {
    expect(formatSchedule({ steps: [0, 0, 0, 1, 0, 27], injected: [] })).toBe('a3baB');
  });

  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(51)), (steps) => {
        expect(parseSchedule(formatSchedule({ steps, injected: [] })).steps).toEqual(steps);
      }),
    );
  });

  it('carries the faults of calls', () => {
    const recipe = parseSchedule('a2b,b3=EAGAIN,a1=partial');
    expect(recipe.injected).toEqual([
      { thread: 1, call: 3, fault: 'EAGAIN' },
      { thread: 0, call: 1, fault: 'partial' },
    ]);
    expect(formatSchedule(recipe)).toBe('a2b,b3=EAGAIN,a1=partial');
  });

  it.each(['a,b3', 'a,b3=EWHAT', 'a,3=die', 'a-b', '3a', 'a0', 'a9999999'])(
    'refuses %s',
    (text) => {
      expect(() => parseSchedule(text)).toThrow(ScheduleMismatchError);
    },
  );
});
