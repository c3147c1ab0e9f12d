/**
 * Each program makes one mistake, which must be found and named; without it, the same program must
 * pass. The table at the end says which seed found what, and how fast schedules run.
 */
import { afterAll, describe, expect, it, vi } from 'vitest';
import { type Body, explore, ScheduleError } from '../../src/index.js';
import { staleAfterRemove } from './01-stale-after-remove.js';
import { eagainSpin } from './02-eagain-spin.js';
import { shortCopy } from './03-short-copy.js';
import { eexistNoWake } from './04-eexist-no-wake.js';
import { dontwakeForgotten } from './05-dontwake-forgotten.js';
import { handlerFaults } from './06-handler-faults.js';
import { munmapUnderLock } from './07-munmap-under-lock.js';
import { wpUnpopulated } from './08-wp-unpopulated.js';
import { installThenArm } from './09-install-then-arm.js';
import { writtenOutside } from './10-written-outside.js';
import { forkUnserved } from './11-fork-unserved.js';
import { handlerDies } from './12-handler-dies.js';
import { blockingPoll } from './13-blocking-poll.js';
import { userModeOnly } from './14-user-mode-only.js';
import { secondHandshake } from './15-second-handshake.js';
import { removeUnaligned } from './16-remove-unaligned.js';
import { hugePageNeighbours } from './17-huge-page-neighbours.js';
import { accessBeforeRegister } from './18-access-before-register.js';
import { unregisterWpWaiters } from './19-unregister-wp-waiters.js';
import { deferredFault } from './20-deferred-fault.js';
import { oneKey } from './21-one-key.js';
import { collectThenArm } from './22-collect-then-arm.js';
import type { Pitfall } from './kit.js';

const PITFALLS: readonly Pitfall[] = [
  staleAfterRemove,
  eagainSpin,
  shortCopy,
  eexistNoWake,
  dontwakeForgotten,
  handlerFaults,
  munmapUnderLock,
  wpUnpopulated,
  installThenArm,
  writtenOutside,
  forkUnserved,
  handlerDies,
  blockingPoll,
  userModeOnly,
  secondHandshake,
  removeUnaligned,
  hugePageNeighbours,
  accessBeforeRegister,
  unregisterWpWaiters,
  deferredFault,
  oneKey,
  collectThenArm,
];

/** Memory of a run: little, as there are many. */
const MEMORY = 64 * 4096;
const CORRECT_SEEDS = 2000;
const BROKEN_SEEDS = 200;

async function failureOf(body: Body, { machine }: Pitfall): Promise<ScheduleError> {
  const options = { seeds: BROKEN_SEEDS, machine: { memory: MEMORY, ...machine } };
  const found = await explore(options, body).catch((error: unknown) => error);
  expect(found).toBeInstanceOf(ScheduleError);
  return found as ScheduleError;
}

const rows: string[] = [];
let allRuns = 0;
let allSeconds = 0;

vi.setConfig({ testTimeout: 60_000 }); // on a machine that does other things too

describe.each(PITFALLS.map((pitfall, i) => ({ pitfall, name: `${i + 1}. ${pitfall.title}` })))(
  '$name',
  ({ pitfall, name }) => {
    const seeds: (number | undefined)[] = [];

    it.each(pitfall.broken)('is found, and its cause is named: $says', async (form) => {
      const failure = await failureOf(form.body, pitfall);
      expect(failure.message).toMatch(form.says);
      expect(failure.trouble).toBe(form.trouble);
      seeds.push(failure.seed);
    });

    it(`is not in the correct form: ${CORRECT_SEEDS} schedules pass`, async () => {
      const machine = { memory: MEMORY, ...pitfall.machine };
      const begin = performance.now();
      const { runs, steps } = await explore({ seeds: CORRECT_SEEDS, machine }, pitfall.correct);
      const seconds = (performance.now() - begin) / 1000;
      expect(runs).toBe(CORRECT_SEEDS);
      allRuns += runs;
      allSeconds += seconds;
      const [found, long] = [seeds.join(', '), (steps / runs).toFixed(0)];
      const speed = (runs / seconds).toFixed(0);
      rows.push(`${name.padEnd(86)}${found.padStart(8)}${long.padStart(8)}${speed.padStart(10)}`);
    });
  },
);

afterAll(() => {
  const head = `${'pitfall'.padEnd(86)}${'seed'.padStart(8)}${'steps'.padStart(8)}`;
  const total = `${allRuns} schedules, ${(allRuns / allSeconds).toFixed(0)} a second`;
  console.log([`${head}${'runs/s'.padStart(10)}`, ...rows, total].join('\n'));
});
