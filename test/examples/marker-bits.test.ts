/** Holds the table of docs/marker-bits.md to the program that it says it comes from. */
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { root } from '../../tools/files.js';
import { rowsOf } from './tables.js';

afterEach(() => {
  vi.restoreAllMocks();
});

test('docs/marker-bits.md has what the program prints', async () => {
  const lines: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => lines.push(line));
  await import(/* @vite-ignore */ join(root, 'examples/09-marker-bits.ts'));
  const rows = rowsOf('docs/marker-bits.md', 'Operation').map((row) => Object.values(row));
  expect(rows.length).toBe(9);
  const printed = lines.map((line) => line.split(/ {2,}/));
  for (const row of rows) expect(printed).toContainEqual(row);
});
