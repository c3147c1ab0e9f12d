/**
 * Fixtures: a machine, a process and memory for each test, checked and taken down at its end.
 * Each is made only for a test that asks for it.
 */

import { test as plain, type TestAPI } from 'vitest';
import { Machine, type MachineOptions } from '../machine/machine.js';
import type { Process } from '../machine/process.js';
import { exploreTest } from './explore-test.js';
import { Region, type RegionOptions } from './region.js';

const MIB = 2 ** 20;

/** What a test can ask for. */
export interface UffdFixtures {
  /** Options of the machine; set them with `test.extend({ machineOptions: … })`. */
  machineOptions: MachineOptions;
  /** A machine of 16 MiB; its invariants are checked when the test ends, and it is closed. */
  machine: Machine;
  /** A process on the machine, named `guest`. */
  process: Process;
  /** Makes memory of the process, or of another one. */
  region: (options?: RegionOptions, process?: Process) => Region;
}

type Use<T> = (value: T) => Promise<void>;

const fixtures = {
  machineOptions: {} as MachineOptions,
  machine: async (
    { machineOptions }: Pick<UffdFixtures, 'machineOptions'>,
    use: Use<Machine>,
  ): Promise<void> => {
    const machine = new Machine({ memory: 16 * MIB, ...machineOptions });
    await use(machine);
    machine.checkInvariants();
    machine.close();
  },
  process: async ({ machine }: Pick<UffdFixtures, 'machine'>, use: Use<Process>): Promise<void> => {
    await use(machine.spawn({ name: 'guest' }));
  },
  region: async (
    { process }: Pick<UffdFixtures, 'process'>,
    use: Use<UffdFixtures['region']>,
  ): Promise<void> => {
    await use((options, owner = process) => new Region(owner, options));
  },
};

const extended: TestAPI<UffdFixtures> = plain.extend<UffdFixtures>(fixtures);

/** A test that explores schedules, beside others. */
export interface ExploringTest {
  /** Declares a test that runs a program under many schedules. @see {@link exploreTest} */
  readonly explore: typeof exploreTest;
}

/** Type of {@link test}. */
export type UffdTest = TestAPI<UffdFixtures> & ExploringTest;

/**
 * Vitest's `test` with the fixtures of {@link UffdFixtures}, and `test.explore`, which is
 * {@link exploreTest}.
 */
export const test: UffdTest = Object.assign(extended, { explore: exploreTest });
