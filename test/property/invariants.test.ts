/**
 * Random programs of every call: after each one all that must hold of frames, page tables, areas
 * and translation caches holds, no error escapes that Linux has no counterpart for, and when every
 * process has ended all memory is free. With plenty of memory, and with so little that calls fail
 * and processes are killed.
 */
import fc from 'fast-check';
import { KERNELS, type MachineOptions } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { PAGE } from '../support/guest.js';
import { Chaos, NAMES } from './chaos.js';
import { programs, runs, type Step } from './world.js';

function run(options: MachineOptions, program: readonly Step[]): Chaos {
  const chaos = new Chaos(options);
  for (const step of program) {
    if (!chaos.play(step)) break;
    chaos.machine.checkInvariants();
  }
  return chaos;
}

async function ends(chaos: Chaos): Promise<void> {
  chaos.close();
  chaos.machine.checkInvariants();
  await Promise.all(chaos.asleep);
  const { freePages, totalPages, poisonedPages } = chaos.machine;
  expect(freePages + poisonedPages).toBe(totalPages); // what was lost never comes back
}

describe('with plenty of memory', () => {
  test.each(KERNELS)('everything holds after each call on %s', async (kernel) => {
    await fc.assert(
      fc.asyncProperty(programs(NAMES, 50), async (program) => {
        await ends(run({ kernel, memory: 8 * 2 ** 20 }, program));
      }),
      runs(0.12),
    );
  });
});

describe('with little memory', () => {
  const sizes = fc.integer({ min: 3, max: 90 }).map((pages) => pages * PAGE);

  test('everything holds, no call ends in anything but an errno, a signal or a wait', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, programs(NAMES, 80), async (memory, program) => {
        await ends(run({ memory }, program));
      }),
      runs(0.6),
    );
  });
});

test('the same program has the same result', () => {
  const shown = (chaos: Chaos): unknown[] =>
    chaos.machine.processes.map((proc) => [
      proc.maps(),
      proc.maps().map(({ start, end }) => [...proc.pagemap({ addr: start, length: end - start })]),
      proc.threads.map(({ state }) => state),
    ]);
  fc.assert(
    fc.property(programs(NAMES, 50), (program) => {
      const options = { memory: 2 ** 20 };
      expect(shown(run(options, program))).toEqual(shown(run(options, program)));
    }),
    runs(0.12),
  );
});
