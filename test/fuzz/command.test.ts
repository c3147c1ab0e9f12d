/** The command as a user starts it. Planted faults stand in for a kernel. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { root } from '../../tools/files.js';
import { missingParts } from '../../tools/fuzz/parts.js';
import { PROFILES } from '../../tools/fuzz/profiles.js';

const TIMEOUT_MS = 60_000;

function fuzz(...args: readonly string[]) {
  const run = spawnSync(process.execPath, ['--import', 'tsx', 'tools/fuzz.ts', ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  return { status: run.status, stdout: run.stdout, stderr: run.stderr };
}

describe('npm run fuzz', () => {
  test(
    'ends with 1 at the first difference, which it writes to a file',
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      const plant = ['--profile', 'shmem', '--plant', 'fillOverMarkers=off', '--out', folder];
      const { status, stdout } = fuzz(...plant, '--count', '200');
      expect(status).toBe(1);
      const [file = ''] = stdout.split('\n');
      expect(existsSync(file)).toBe(true);
      expect(stdout).toMatch(/shmem: \d+ seeds in .* 1 differ in 1 shapes, \d+% of \d+ operations/);
    },
    TIMEOUT_MS,
  );

  test(
    'ends with 0 when nothing differs',
    () => {
      const { status, stdout } = fuzz('--count', '5', '--plant', 'moveIoctl=on');
      expect(status).toBe(0);
      expect(stdout).toContain('mixed: 5 seeds');
    },
    TIMEOUT_MS,
  );

  test(
    'refuses a profile by its name while the emulator lacks what it needs',
    () => {
      const missing = missingParts();
      const [name] =
        Object.entries(PROFILES).find(([, { needs }]) => needs.some((part) => missing.has(part))) ??
        [];
      const { status, stderr } = fuzz('--profile', name ?? 'nonsense', '--plant', 'moveIoctl=on');
      expect(status).toBe(2);
      expect(stderr).toMatch(name === undefined ? /nonsense is none of/ : `${name}: the emulator`);
    },
    TIMEOUT_MS,
  );

  test(
    'ends with 2 and one line for what it does not understand',
    () => {
      expect(fuzz('--seed', 'x', '--plant', 'moveIoctl=on')).toMatchObject({
        status: 2,
        stderr: '--seed: x is no number\n',
      });
      expect(fuzz('--nonsense').status).toBe(2);
      expect(fuzz('--plant', 'nonsense=on').stderr).toContain('nonsense is not a capability');
    },
    TIMEOUT_MS,
  );
});
