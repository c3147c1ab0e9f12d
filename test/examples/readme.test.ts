/**
 * Holds what the README shows: its program is the first example, and its table is what
 * `npm start` prints, which times and figures included is the same on every machine.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { DEFAULTS, parseOptions } from '../../src/cli/migrate/options.js';
import { runMigrate } from '../../src/cli/migrate/run.js';
import { findExamples } from '../../tools/doc-examples.js';
import { root } from '../../tools/files.js';

const readme = readFileSync(join(root, 'README.md'), 'utf8');

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

test('the program of the README is the first example, in 20 lines', () => {
  const text = readFileSync(join(root, 'examples', '01-first-fault.ts'), 'utf8');
  const program = text.slice(text.indexOf('import'));
  expect(findExamples(join(root, 'README.md')).map(({ code }) => code)).toEqual([program]);
  expect(program.trim().split('\n').length).toBeLessThanOrEqual(20);
});

test('the table of the README is what migrate prints', { timeout: 60_000 }, async () => {
  const [, shown] = /```text\n(sqlite[\s\S]*?)```/.exec(readme) ?? [];
  let printed = '';
  vi.stubEnv('FORCE_COLOR', '0');
  vi.stubEnv('NO_COLOR', '1');
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
  const code = await runMigrate(parseOptions(undefined, { ...DEFAULTS, inProcess: true }));
  vi.restoreAllMocks();
  expect(code).toBe(0);
  expect(printed).toBe(shown);
});

test.each(['README.md', 'docs/test-a-handler.md'])(
  '%s shows the failure that an example prints',
  (path) => {
    const example = readFileSync(join(root, 'test/examples/examples.test.ts'), 'utf8');
    const [failure = 'none'] = /lost wake-up after[\s\S]*?UFFD_SCHEDULE=\w+/.exec(example) ?? [];
    expect(readFileSync(join(root, path), 'utf8')).toContain(failure);
  },
);
