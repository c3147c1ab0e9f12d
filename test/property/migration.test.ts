/**
 * Moving pages to other frames changes nothing that a program can see: a random program in which
 * every page moves after each call shows the same as without. And whatever is begun at random and
 * finished or failed at random leaves no entry behind.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Chaos, NAMES } from './chaos.js';
import { programs, runs, type Step } from './world.js';

const MOVERS = ['migrate', 'migrated', 'movePages', 'compact', 'ksm'];
const STILL = NAMES.filter((name) => !MOVERS.includes(name));
const MEMORY = 8 * 2 ** 20;

/** Areas, entries without their frame numbers, and threads of every process. */
const shown = ({ machine }: Chaos): unknown =>
  machine.processes.map((proc) => [
    proc.maps(),
    proc
      .maps()
      .map(({ start, end }) =>
        [...proc.pagemap({ addr: start, length: end - start })].map((word) => word >> 55n),
      ),
    proc.threads.map(({ state }) => state),
  ]);

async function closed(chaos: Chaos): Promise<void> {
  chaos.close();
  await Promise.all(chaos.asleep);
}

test('a program cannot tell that its pages move', async () => {
  await fc.assert(
    fc.asyncProperty(programs(STILL, 40), async (program) => {
      const [still, moving] = [new Chaos({ memory: MEMORY }), new Chaos({ memory: MEMORY })];
      for (const step of program) {
        const goesOn = still.play(step);
        moving.play(step);
        for (const proc of moving.living) moving.machine.compact(proc);
        moving.machine.checkInvariants();
        expect(shown(moving)).toEqual(shown(still));
        if (!goesOn) break;
      }
      await Promise.all([closed(still), closed(moving)]);
    }),
    runs(0.1),
  );
});

/** Types of migration entries in pagemap, of every kernel that is played. */
const isMoving = (word: bigint): boolean =>
  word >> 62n === 1n && [27n, 28n, 29n, 30n].includes(word & 31n);

test('no migration entry, no swap slot and no frame is left when everything has ended', async () => {
  const names = [...NAMES, 'migrate', 'migrate', 'migrated', 'ksm', 'reclaim', 'fork'];
  const kernels = fc.constantFrom(...(['6.6', '6.12', '6.18', '7.3'] as const));
  await fc.assert(
    fc.asyncProperty(kernels, programs(names, 60), async (kernel, program: Step[]) => {
      const chaos = new Chaos({ kernel, memory: MEMORY, config: { memoryFailure: false } });
      for (const step of program) {
        if (!chaos.play(step)) break;
        chaos.machine.checkInvariants();
      }
      for (const migration of chaos.migrations.splice(0)) migration.fail();
      const words = chaos.living.flatMap((proc) =>
        proc
          .maps()
          .flatMap(({ start, end }) => [...proc.pagemap({ addr: start, length: end - start })]),
      );
      expect(words.filter(isMoving)).toEqual([]);
      await closed(chaos);
      const { freePages, totalPages, swapDevices } = chaos.machine;
      expect(swapDevices.map(({ usedPages }) => usedPages)).toEqual([0]);
      expect(freePages).toBe(totalPages);
    }),
    runs(0.1),
  );
});
