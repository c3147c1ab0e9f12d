/**
 * The suites by name, loaded when they are run.
 */
import type { Suite } from './harness/lab.js';

const SUITES: Readonly<Record<string, () => Promise<{ default: Suite }>>> = {
  access: () => import('./suites/access.js'),
  fault: () => import('./suites/fault.js'),
  arm: () => import('./suites/arm.js'),
  lifecycle: () => import('./suites/lifecycle.js'),
  state: () => import('./suites/state.js'),
  explore: () => import('./suites/explore.js'),
};

/** Names of all suites, in the order in which they run. */
export const suiteNames: readonly string[] = Object.keys(SUITES);

/** Loads a suite. */
export async function suiteOf(name: string): Promise<Suite> {
  const load = SUITES[name];
  if (load === undefined) throw new Error(`no suite ${name}: there are ${suiteNames.join(', ')}`);
  return (await load()).default;
}
