// Compiles the kernel agent, runs every scenario on this machine's kernel and compares the
// transcripts with those recorded from the same kernel version (kernels.json). Prints
// `N equal, M differ`; scenarios without a recording are only run. Needs root, cc and Linux.
// Usage: node conformance/agent/check.mjs [--diff] [--kernel NAME] [SCENARIO...]
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));
const STATUS = { 0: 'ran', 2: 'BADOP', 3: 'watchdog', 4: 'stuck' };

function compile(folder) {
  const sources = readdirSync(join(FOLDER, 'agent'))
    .filter((file) => file.endsWith('.c'))
    .map((file) => join(FOLDER, 'agent', file));
  const program = join(folder, 'agent');
  const flags = ['-O1', '-Wall', '-Wextra', '-Werror', '-o', program];
  execFileSync('cc', [...flags, ...sources, '-lpthread'], { stdio: 'inherit' });
  return program;
}

/** The recording of exactly this release, else of the same major and minor number. */
function kernelName() {
  const kernels = Object.entries(JSON.parse(readFileSync(join(FOLDER, 'kernels.json'), 'utf8')));
  const here = release();
  const minor = (version) => version.split('.').slice(0, 2).join('.');
  const exact = kernels.find(([, { release: r }]) => here === r || here.startsWith(`${r}-`));
  return (exact ?? kernels.find(([name]) => name === minor(here)))?.[0];
}

function runAll(program, names) {
  const scenario = (name) => readFileSync(join(FOLDER, 'scenarios', `${name}.scn`), 'utf8');
  const input = names.map((name) => `=== ${name}\n${scenario(name)}`).join('\n');
  const limits = { maxBuffer: 1 << 28, stdio: ['pipe', 'pipe', 'inherit'] };
  const run = spawnSync(program, ['--batch', '--swap'], { input, encoding: 'utf8', ...limits });
  if (run.status !== 0) throw new Error(`the agent ended with ${run.status ?? run.signal}`);
  const results = new Map();
  for (const part of run.stdout.split(/^=== /m).slice(1)) {
    const [head, ...lines] = part.split('\n');
    const [name, status] = head.split(' ');
    results.set(name, { status: Number(status), transcript: lines.join('\n') });
  }
  return results;
}

function readsAllocate(program) {
  return JSON.parse(spawnSync(program, ['--probe'], { encoding: 'utf8' }).stdout).zeroPage === false;
}

function printFirstDifference(name, expected, actual) {
  const [want, got] = [expected.split('\n'), actual.split('\n')];
  const at = want.findIndex((line, i) => line !== got[i]);
  const line = at < 0 ? want.length : at;
  console.log(`${name}:${line + 1}\n    ${want[line - 1] ?? ''}`);
  console.log(`  - ${want[line] ?? ''}\n  + ${got[line] ?? ''}`);
}

function compare(names, results, kernel, showDifferences) {
  const differ = [];
  const unrecorded = [];
  for (const name of names) {
    const file = join(FOLDER, 'transcripts', kernel, `${name}.out`);
    const result = results.get(name);
    if (!existsSync(file)) {
      const status = STATUS[result?.status] ?? 'no answer';
      unrecorded.push(`${name} (${status})`);
      continue;
    }
    const expected = readFileSync(file, 'utf8');
    if (result?.transcript === expected) continue;
    differ.push(name);
    if (showDifferences) printFirstDifference(name, expected, result?.transcript ?? '');
  }
  return { differ, unrecorded, equal: names.length - differ.length - unrecorded.length };
}

const { values, positionals } = parseArgs({
  options: { diff: { type: 'boolean' }, kernel: { type: 'string' } },
  allowPositionals: true,
});
const kernel = values.kernel ?? kernelName();
if (!kernel) throw new Error(`no transcripts of ${release()}; choose some with --kernel`);
const every = readdirSync(join(FOLDER, 'scenarios')).map((file) => file.replace(/\.scn$/, ''));
const names = positionals.length > 0 ? positionals : every.sort();
const folder = mkdtempSync(join(tmpdir(), 'uffd-agent-'));
try {
  const program = compile(folder);
  const results = runAll(program, names);
  const { equal, differ, unrecorded } = compare(names, results, kernel, values.diff);
  console.log(`${equal} equal, ${differ.length} differ (transcripts of ${kernel})`);
  if (differ.length > 0) console.log(`differ: ${differ.join(' ')}`);
  if (differ.length > 0 && readsAllocate(program)) {
    console.log('A read of empty private memory allocates a page here; the recordings are of kernels');
    console.log('that map a shared page of zeros. `uffd-emulator verify` compares such a kernel.');
  }
  if (unrecorded.length > 0) console.log(`not recorded there: ${unrecorded.join(' ')}`);
  process.exitCode = differ.length > 0 ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true });
}
