import { describe, expect, test } from 'vitest';
import { runScenario } from '../../src/scenario/run.js';
import { successShare } from '../../tools/fuzz/compare.js';
import { isExcluded } from '../../tools/fuzz/excluded.js';
import { generate, profileNamed } from '../../tools/fuzz/generate.js';
import { modelledParts } from '../../tools/fuzz/parts.js';
import { PROFILES } from '../../tools/fuzz/profiles.js';
import { emulator } from '../../tools/fuzz/sides.js';

const parts = modelledParts();
const modelled = Object.entries(PROFILES)
  .filter(([, { needs }]) => needs.every((part) => parts.has(part)))
  .map(([name]) => name);
const machine = emulator('emulator', { config: { memoryFailure: false, softDirty: false } });
const SEEDS = 12;

const texts = (name: string): string[] =>
  Array.from({ length: SEEDS }, (_, seed) => generate(name, seed, parts));

describe('the generator', () => {
  test('gives the same scenario for the same seed and profile', () => {
    for (const name of Object.keys(PROFILES)) {
      expect(generate(name, 5, parts)).toBe(generate(name, 5, parts));
      expect(generate(name, 6, parts)).not.toBe(generate(name, 5, parts));
    }
  });

  test('names the profiles there are when it is asked for another', () => {
    expect(() => profileNamed('nonsense')).toThrow(/nonsense is none of anon, shmem, minor/);
  });

  test.each(modelled)('profile %s writes operations that are well formed', async (name) => {
    for (const text of texts(name)) {
      const { transcript } = await machine.run(text);
      expect(transcript).not.toContain('= BADOP');
    }
  });

  test.each(modelled)('most operations of profile %s succeed, and some fail', async (name) => {
    let [operations, succeeded] = [0, 0];
    for (const text of texts(name)) {
      const share = successShare((await machine.run(text)).transcript);
      operations += share.operations;
      succeeded += share.succeeded;
    }
    expect(succeeded / operations).toBeGreaterThan(0.6);
    expect(succeeded / operations).toBeLessThan(0.97);
  });

  test('nobody is left asleep in a fault when the scenario ends', () => {
    for (const text of texts('anon')) {
      expect(runScenario(text).transcript).toMatch(/\n\. end\n$/);
    }
  });

  test('looks at protection before the last close and at contents after it', () => {
    const lines = generate('shmem', 1, parts).split('\n');
    const close = lines.findLastIndex((line) => line.startsWith('close '));
    expect(lines.slice(0, close).some((line) => line.startsWith('pagemap '))).toBe(true);
    expect(lines.slice(close).some((line) => line.startsWith('peek '))).toBe(true);
    expect(lines.slice(close).some((line) => line.startsWith('fread '))).toBe(true);
  });
});

/** The pages that a line names: `P0 A+3`. */
function pagesOf(line: string): string[] {
  const [, who = '', slot = '', index = '0', count = '1'] =
    /^(?:(P\d)\S* )?(?:\S+ )*?([A-P]|H[A-D])(?:\+(\d+))? (\d+)\b/.exec(line) ?? [];
  return Array.from({ length: Number(count) }, (_, at) => `${who} ${slot}+${Number(index) + at}`);
}

describe('what is left out of generated scenarios', () => {
  const every = Object.keys(PROFILES).flatMap((name) =>
    Array.from({ length: 25 }, (_, seed) => generate(name, 100 + seed, parts)),
  );

  test('no thread that may sleep in a kernel-mode access is interrupted', () => {
    for (const text of every) expect(isExcluded(text.split('\n'))).toBe(false);
    expect(every.some((text) => /^signal /m.test(text))).toBe(true);
    expect(isExcluded(['T1 sysread A', 'T1 nop', 'signal T1'])).toBe(true);
    expect(isExcluded(['P1.T1 madvise A 1 POPULATE_READ', 'signal P1.T1'])).toBe(true);
    expect(isExcluded(['T1 sysread A', 'T0 read A', 'signal T0', 'signal P1.T1'])).toBe(false);
  });

  test('no lazily freed page is swapped out', () => {
    for (const text of every) {
      const freed = new Set<string>();
      for (const line of text.split('\n')) {
        if (/^(\S+ )?(map|mremap|munmap) /.test(line)) freed.clear();
        if (line.endsWith(' FREE')) for (const page of pagesOf(line)) freed.add(page);
        if (line.includes('swapout')) {
          for (const page of pagesOf(line)) expect(freed).not.toContain(page);
        }
      }
    }
  });

  test('no advice with a length beyond user space reaches the memory of others', () => {
    for (const text of every) expect(text).not.toMatch(/madvise \S+ b0x7f/);
  });
});
