/**
 * `npm run bench -- [--filter TEXT] [--json FILE]`: measures the library beside its peers; with a
 * filter only what has the text in its name.
 *
 * Builds the library as it is published, compiles the peers, runs each suite in its own process,
 * prints a table. What cannot run here (no compiler, no userfaultfd) is skipped and says why.
 */
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../tools/files.js';
import { buildLibrary } from './harness/library.js';
import type { Row } from './harness/row.js';
import { tableOf } from './harness/table.js';
import { suiteNames } from './suites.js';

/** Runs one suite in a process of its own. */
function runSuite(name: string, ...rest: readonly string[]): Promise<Row[]> {
  return new Promise((resolve, reject) => {
    const child = fork(join(root, 'bench', 'child.ts'), [name, ...rest]);
    let rows: Row[] | undefined;
    child.on('message', (message) => {
      rows = message as Row[];
    });
    child.on('exit', (code, signal) => {
      if (code === 0 && rows !== undefined) resolve(rows);
      else reject(new Error(`the suite ${name} ended with ${signal ?? code}`));
    });
  });
}

/** The suites that a filter may want: the one that it names, or all. */
function suitesFor(filter: string): readonly string[] {
  const named = suiteNames.filter((name) => name.includes(filter) || filter.startsWith(name));
  return named.length > 0 ? named : suiteNames;
}

async function runAll(filter: string, folder: string): Promise<Row[]> {
  const library = await buildLibrary(folder);
  const rows: Row[] = [];
  for (const name of suitesFor(filter)) {
    process.stderr.write(`${name} ...\n`);
    rows.push(...(await runSuite(name, library, folder, filter)));
  }
  return rows;
}

const { values } = parseArgs({ options: { filter: { type: 'string' }, json: { type: 'string' } } });
const folder = mkdtempSync(join(tmpdir(), 'uffd-bench-'));
try {
  const rows = await runAll(values.filter ?? '', folder);
  if (rows.length === 0) throw new Error(`--filter ${values.filter}: no name has this text`);
  console.log(tableOf(rows));
  const judged = rows.filter(({ ok }) => ok !== null);
  const held = judged.filter(({ ok }) => ok === true);
  console.log(`${held.length} of ${judged.length} requirements hold`);
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
