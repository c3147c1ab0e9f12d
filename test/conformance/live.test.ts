/**
 * Every scenario on the emulator and on this machine's kernel gives the same transcript. One test
 * for each theme. What this machine cannot run is held to the recorded transcripts instead, and the
 * title says why.
 */
import { afterAll, describe, expect, test } from 'vitest';
import { Conformance } from '../../tools/conformance.js';
import { type LiveOutcome, runLive } from '../../tools/live.js';

const run = await runLive();

/** What a person needs to see of a scenario that differs. */
function differenceOf(outcome: LiveOutcome) {
  if (outcome.verdict !== 'differs') return [];
  const { step, kernelLine, emulatorLine } = outcome.difference;
  const { name } = outcome;
  return [{ name, line: step?.line, operation: step?.text, kernelLine, emulatorLine }];
}

const isKnown = (outcome: LiveOutcome): boolean =>
  outcome.verdict === 'differs' && outcome.known !== undefined;

const isUnexpected = (outcome: LiveOutcome): boolean =>
  outcome.verdict === 'differs' && outcome.known === undefined;

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return [...groups];
}

const conformance = new Conformance();

/** Whether a scenario was recorded somewhere, and gives each of its transcripts. */
function equalsRecordings(name: string): boolean {
  const kernels = conformance.kernels.filter((kernel) => conformance.names(kernel).includes(name));
  const isEqual = (kernel: string) => conformance.play(kernel, name).verdict === 'equal';
  return kernels.length > 0 && kernels.every(isEqual);
}

function themeTests(theme: string, outcomes: readonly LiveOutcome[], doubt: string | undefined) {
  const compared = outcomes.filter(({ verdict }) => verdict !== 'skipped');
  const title = `${theme}: ${compared.length} scenarios give the kernel's transcript`;
  const unexpected = outcomes.filter(isUnexpected).flatMap(differenceOf);
  if (compared.length > 0) {
    test(title, (context) => {
      if (doubt !== undefined && unexpected.length > 0) {
        context.skip(`${doubt}; differ: ${unexpected.map(({ name }) => name).join(' ')}`);
      }
      expect(unexpected).toEqual([]);
    });
  }
  const skipped = outcomes.flatMap((outcome) => (outcome.verdict === 'skipped' ? [outcome] : []));
  for (const [reason, without] of grouped(skipped, (outcome) => outcome.reason)) {
    const names = without.map(({ name }) => name);
    test(`${theme}: recordings stand in for ${names.join(' ')}: ${reason}`, () => {
      expect(names.filter((name) => !equalsRecordings(name))).toEqual([]);
    });
  }
}

if (run.kind === 'none') {
  test(`recordings stand in for a kernel: ${run.reason}`, () => {
    const counts = conformance.kernels.map((kernel) => conformance.names(kernel).length);
    expect(Math.min(...counts)).toBeGreaterThan(0); // recorded.test.ts plays them all
  });
  console.info(`conformance: recorded transcripts only; not live, ${run.reason}`);
} else {
  const { outcomes, comparison, doubt } = run;
  describe(comparison, () => {
    for (const [theme, own] of grouped(outcomes, (outcome) => outcome.theme)) {
      themeTests(theme, own, doubt);
    }

    test('has scenarios to compare', () => {
      expect(outcomes.filter(({ verdict }) => verdict === 'equal').length).toBeGreaterThan(0);
    });

    afterAll(() => {
      const count = (is: (outcome: LiveOutcome) => boolean): number => outcomes.filter(is).length;
      const known = count(isKnown);
      console.info(
        `conformance: live and recorded transcripts; live: ${comparison}: ` +
          `${count(({ verdict }) => verdict === 'equal')} equal, ` +
          `${count(isUnexpected)} differ, ${known > 0 ? `${known} differ as documented, ` : ''}` +
          `${count(({ verdict }) => verdict === 'skipped')} held to recordings`,
      );
    });
  });
}
