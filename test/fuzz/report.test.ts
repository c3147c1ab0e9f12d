import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { barText } from '../../tools/fuzz/progress.js';
import { around, writeDivergence } from '../../tools/fuzz/report.js';
import { diverge } from '../../tools/fuzz/shrink.js';
import { againstPlanted } from '../../tools/fuzz/sides.js';

const lines = ['map A 1 anon', 'uffd U', 'api U', 'register U A 1 wp', 'wp U A 1 on', 'close U'];
const pair = againstPlanted({ wpNonAnon: false });

describe('what the fuzzer says of a divergence', () => {
  test('both transcripts around the first line that differs', async () => {
    const shared = ['file F shmem 1', 'map A 1 shared F', ...lines.slice(1, 4)];
    const divergence = await diverge(pair, shared);
    if (divergence === undefined) throw new Error('the sides agree');
    const text = around(divergence, pair);
    expect(text[0]).toBe('-: without, +: planted');
    expect(text).toContain('  > register U A 1 wp');
    expect(text.some((line) => line.startsWith('- = ok ioctls='))).toBe(true);
    expect(text).toContain('+ = EINVAL');
  });

  test('the scenario and the difference are written side by side', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const divergence = await diverge(againstPlanted({ closeClearsWp: false }), [
      'file F shmem 1',
      'map A 1 shared F',
      ...lines.slice(1),
      'pagemap A 1',
    ]);
    if (divergence === undefined) throw new Error('the sides agree');
    const file = writeDivergence(folder, { profile: 'shmem', seed: 7 }, { divergence, pair });
    expect(file).toBe(join(folder, 'fuzz-shmem-7.scn'));
    const written = readFileSync(file, 'utf8').split('\n');
    expect(written[0]).toBe('# profile shmem, seed 7');
    expect(written.slice(1, -1)).toEqual(divergence.lines);
    expect(readFileSync(file.replace('.scn', '.diff'), 'utf8')).toContain('+ = 0:SW');
  });
});

describe('the progress bar', () => {
  test('shows how far, how many and how fast', () => {
    const text = barText({ fraction: 0.5, seeds: 100, elapsedMs: 2000, note: 'anon' });
    expect(text).toBe(`[${'#'.repeat(12)}${'.'.repeat(12)}] 100 seeds 50/s anon`);
  });

  test('is full at the end and never longer', () => {
    expect(barText({ fraction: 3, seeds: 1, elapsedMs: 0, note: '' })).toBe(
      `[${'#'.repeat(24)}] 1 seeds`,
    );
  });
});
