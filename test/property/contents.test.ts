/** Random programs of mappings, accesses, files and forks against a model without page tables. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Contents, NAMES } from './contents.js';
import { programs, runs } from './world.js';

test('every page reads what was last written to it, in every process', () => {
  fc.assert(
    fc.property(programs(NAMES), (program) => {
      const contents = new Contents();
      for (const step of program) contents.play(step);
      contents.compare();
      contents.machine.checkInvariants();
      contents.machine.close();
      expect(contents.machine.freePages).toBe(contents.machine.totalPages);
    }),
    runs(0.5),
  );
});
