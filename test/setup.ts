/**
 * Runs before every test file. Fixes the seed of the property tests, so that a run is the same on
 * every machine; UFFD_SEED=n explores another one, UFFD_RUNS=n takes more samples.
 */
import fc from 'fast-check';

const numberFrom = (name: string, fallback: number): number =>
  Number(process.env[name] ?? fallback);

fc.configureGlobal({ seed: numberFrom('UFFD_SEED', 1), numRuns: numberFrom('UFFD_RUNS', 100) });
