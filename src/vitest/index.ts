/**
 * Everything for testing a handler with Vitest: fixtures, tests that explore schedules, matchers.
 * Importing it teaches `expect` the matchers.
 *
 * @module
 */

import { expect } from 'vitest';
import { machineMatchers } from './machine-matchers.js';
import { pageMatchers } from './page-matchers.js';
import { watchMatchers } from './watch-matchers.js';

expect.extend({ ...machineMatchers, ...pageMatchers, ...watchMatchers });

export {
  type ExploreBody,
  type ExploreKit,
  type ExploreTestOptions,
  exploreTest,
  withKit,
} from './explore-test.js';
export { type ExploringTest, test, type UffdFixtures, type UffdTest } from './fixtures.js';
export { type IoctlRange, type PageRange, Region, type RegionOptions } from './region.js';
export type { UffdMatchers } from './types.js';
export type { TrackedPages } from './watch-matchers.js';
