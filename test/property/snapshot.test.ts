/**
 * Random programs around snapshots: what was restored answers the same calls in the same way as the
 * first time and shows the same state, in any order of snapshots; a fork and its origin do not see
 * each other. Nobody sleeps in these programs: an operation in progress has no snapshot.
 */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { KernelError, type Machine, type Snapshot } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { PAGE } from '../support/guest.js';
import { Chaos, NAMES } from './chaos.js';
import { programs, runs, type Step } from './world.js';

const IN_PROGRESS = ['sleep', 'migrate', 'migrated'];
const AWAKE = NAMES.filter((name) => !IN_PROGRESS.includes(name));

/** Everything that can be seen of a machine; bytes are read from a fork, which may fault. */
function seen(machine: Machine): unknown {
  const fork = machine.fork();
  fork.checkInvariants();
  const processes = machine.processes.map((proc) => {
    const maps = proc.maps();
    const words = maps.map(({ start, end }) =>
      proc.pagemap({ addr: start, length: end - start }).join(),
    );
    const bytes = maps.map(({ start, end }) => bytesOf(fork, proc.pid, start, end));
    const threads = proc.threads.map(({ tid, name, state }) => [tid, name, state]);
    return { pid: proc.pid, ended: proc.ended, maps, words, bytes, threads };
  });
  const swap = machine.swapDevices.map(({ usedPages }) => usedPages);
  const { freePages, poisonedPages } = machine;
  return { processes, swap, freePages, poisonedPages };
}

function bytesOf(machine: Machine, pid: number, start: number, end: number): unknown[] {
  const { main } = machine.process(pid);
  return Array.from({ length: (end - start) / PAGE }, (_, i) => {
    try {
      const bytes = main.peekSync({ pid, addr: start + i * PAGE, length: PAGE });
      return createHash('sha1').update(bytes).digest('hex');
    } catch (error) {
      if (error instanceof KernelError) return error.code;
      throw error;
    }
  });
}

/** A state of a machine and of the test around it. */
interface Saved {
  readonly snapshot: Snapshot;
  readonly putBack: () => void;
  readonly seen: unknown;
}

function save(chaos: Chaos): Saved {
  return { snapshot: chaos.machine.snapshot(), putBack: chaos.save(), seen: seen(chaos.machine) };
}

function restore(chaos: Chaos, { snapshot, putBack, seen: before }: Saved): void {
  chaos.machine.restore(snapshot);
  putBack();
  chaos.machine.checkInvariants();
  expect(seen(chaos.machine)).toEqual(before);
}

function play(chaos: Chaos, program: readonly Step[]): unknown[] {
  chaos.outcomes.length = 0;
  for (const step of program) {
    chaos.play(step);
    chaos.machine.checkInvariants();
  }
  return [...chaos.outcomes];
}

const sizes = fc.constantFrom(8 * 2 ** 20, 60 * PAGE, 90 * PAGE);
const parts = fc.tuple(programs(AWAKE, 30), programs(AWAKE, 30), programs(AWAKE, 20));

describe('a machine that was restored', () => {
  test('is what it was, and answers the same calls in the same way', () => {
    fc.assert(
      fc.property(sizes, parts, (memory, [before, after]) => {
        const chaos = new Chaos({ memory });
        play(chaos, before);
        const start = save(chaos);
        const first = play(chaos, after);
        const end = seen(chaos.machine);
        restore(chaos, start);
        expect(play(chaos, after)).toEqual(first);
        expect(seen(chaos.machine)).toEqual(end);
      }),
      runs(0.4),
    );
  });

  test('goes to earlier and later snapshots in any order', () => {
    const visits = fc.array(fc.nat({ max: 3 }), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(sizes, parts, visits, (memory, programs, order) => {
        const chaos = new Chaos({ memory });
        const saved = [save(chaos)];
        for (const program of programs) {
          play(chaos, program);
          saved.push(save(chaos));
        }
        for (const index of order) {
          restore(chaos, saved[index] as Saved);
          play(chaos, programs[index % 3] ?? []);
        }
      }),
      runs(0.25),
    );
  });
});

test('a fork and its origin do not see each other', () => {
  fc.assert(
    fc.property(sizes, parts, (memory, [before, after]) => {
      const chaos = new Chaos({ memory });
      play(chaos, before);
      const state = seen(chaos.machine);
      const fork = chaos.machine.fork();
      expect(seen(fork)).toEqual(state);
      play(chaos, after);
      expect(seen(fork)).toEqual(state);
      const later = seen(chaos.machine);
      for (const proc of fork.processes) proc.exit();
      fork.checkInvariants();
      expect(fork.freePages + fork.poisonedPages).toBe(fork.totalPages);
      expect(seen(chaos.machine)).toEqual(later);
    }),
    runs(0.25),
  );
});
