/** The fuzzer finds what is wrong: one capability at a time is switched on one side. */
import { describe, expect, test } from 'vitest';
import { hunt } from '../../tools/fuzz/hunt.js';
import { modelledParts } from '../../tools/fuzz/parts.js';
import type { Divergence } from '../../tools/fuzz/shrink.js';
import { againstPlanted } from '../../tools/fuzz/sides.js';

const SEEDS_MOST = 200;
const TIMEOUT_MS = 60_000;

const PLANTED = [
  { capability: 'fillOverMarkers', value: false, profile: 'shmem', shows: /copy|continue/ },
  { capability: 'mremapClearsWp', value: false, profile: 'remap', shows: /mremap/ },
  { capability: 'unregisterForeign', value: true, profile: 'mixed', shows: /unregister/ },
  { capability: 'windowIsCounter', value: false, profile: 'events', shows: /./ },
  { capability: 'closeClearsWp', value: false, profile: 'anon', shows: /close/ },
  { capability: 'forkCopiesWpVma', value: false, profile: 'fork', shows: /fork/ },
  { capability: 'remapEventNewLen', value: false, profile: 'remap', shows: /mremap/ },
] as const;

async function firstFound(capability: string, value: boolean, profile: string) {
  let found: Divergence | undefined;
  const plan = { profile, seed: 1, count: SEEDS_MOST, parts: modelledParts(), all: false };
  const tally = await hunt(
    againstPlanted({ [capability]: value }),
    { ...plan, isOver: () => false },
    {
      seed: () => {},
      found: (_seed, divergence) => {
        found = divergence;
      },
    },
  );
  return { found, tally };
}

describe('a planted fault is found', () => {
  test.each(PLANTED)(
    '$capability: $value by profile $profile',
    async ({ capability, value, profile, shows }) => {
      const { found, tally } = await firstFound(capability, value, profile);
      expect(tally.seeds).toBeLessThanOrEqual(SEEDS_MOST);
      expect(found?.lines.join('\n')).toMatch(shows);
      expect(found?.lines.length).toBeLessThanOrEqual(12);
    },
    TIMEOUT_MS,
  );

  test(
    'two sides without a fault agree on every seed',
    async () => {
      const plan = { profile: 'mixed', seed: 1, count: 40, parts: modelledParts(), all: true };
      const quiet = { seed: () => {}, found: () => {} };
      const tally = await hunt(againstPlanted({}), { ...plan, isOver: () => false }, quiet);
      expect(tally).toMatchObject({ seeds: 40, differing: 0 });
    },
    TIMEOUT_MS,
  );
});
