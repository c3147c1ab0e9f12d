import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { InputError } from '../../src/cli/exit.js';
import { parseMachine } from '../../src/cli/run/machine-options.js';
import { troublesOf } from '../../src/cli/run/play.js';
import { runScenarios } from '../../src/cli/run/run.js';
import { openScenarios } from '../../src/cli/run/scenario-files.js';
import type { ScenarioOptions } from '../../src/scenario/run.js';
import { root } from '../../tools/files.js';
import { Cli } from './cli-process.js';
import { KeptStreams } from './streams.js';

vi.setConfig({ testTimeout: 20_000 }); // some tests start processes, on a machine that may be busy

const cli = new Cli();
const conformance = join(root, 'conformance');
const scratch = mkdtempSync(join(tmpdir(), 'uffd-emulator-run-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Makes a folder of scenarios. */
function folderOf(name: string, scenarios: Readonly<Record<string, string>>): string {
  const folder = join(scratch, name);
  mkdirSync(folder);
  for (const [file, text] of Object.entries(scenarios)) writeFileSync(join(folder, file), text);
  return folder;
}

function run(path: string, machine: ScenarioOptions = {}, outFolder?: string) {
  const streams = new KeptStreams();
  const status = runScenarios({ input: openScenarios(path), machine, outFolder }, streams);
  return { status, stdout: streams.stdout, stderr: streams.stderr };
}

function runText(name: string, text: string) {
  return run(join(folderOf(name, { 'a.scn': text }), 'a.scn'));
}

describe('uffd-emulator run', () => {
  test('prints the recorded transcript of a machine, byte for byte', async () => {
    const config = 'no-memory-failure,no-soft-dirty';
    const path = join(conformance, 'scenarios', 'wp-02-unpopulated.scn');
    const ended = await cli.run(['run', path, '--kernel', '6.18', '--config', config]);
    const recorded = readFileSync(
      join(conformance, 'transcripts', '6.18', 'wp-02-unpopulated.out'),
      'utf8',
    );
    expect(ended).toEqual({ exitCode: 0, stdout: recorded, stderr: '' });
  });

  test('reads a scenario from standard input', async () => {
    const running = cli.start(['run', '-']);
    running.child.stdin?.end('T0  nop # nothing\n');
    const { exitCode, stdout } = await running.ended;
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '> T0 nop\n= ok\n. end\n' });
  });

  test('refuses a wrong option in one line and with status 2', async () => {
    const ended = await cli.run(['run', 'x.scn', '--kernel', '6.19']);
    expect(ended).toMatchObject({ exitCode: 2, stdout: '' });
    expect(ended.stderr).toMatch(
      /^uffd-emulator: unknown kernel '6\.19'; --kernel takes 5\.10.*\n$/,
    );
  });
});

describe('a scenario', () => {
  test('with a malformed line ends with status 2 and names file, line and operation', () => {
    const { status, stdout, stderr } = runText('bad', 'nop\n\n# text\nfoo  A\njoin\nnop\n');
    expect(status).toBe(2);
    expect(stdout).toBe('> nop\n= ok\n> foo A\n= BADOP\n> join\n= BADOP\n> nop\n= ok\n. end\n');
    expect(stderr).toMatch(/^\S+a\.scn:4: BADOP: foo A\n\S+a\.scn:5: BADOP: join\n$/);
  });

  test('that joins a malformed operation repeats its result, but has no further trouble', () => {
    const { stdout, stderr } = runText('joined', 'T0 foo\njoin T0\n');
    expect(stdout).toBe('> T0 foo\n= BADOP\n> join T0\n= BADOP\n. end\n');
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  test('with operations that are not modelled has each named with what is missing', () => {
    const scenario = 'nop\n\nT0 read A\nswapout A 1\nwake U A 1\n';
    const transcript =
      '> nop\n= ok\n> T0 read A\n= blocked\n> swapout A 1\n= UNMODELLED\n' +
      '> wake U A 1\n= ok\n~ P0.T0 UNMODELLED\n. end\n';
    const unmodelled = ['swap is not modelled', 'migration is not modelled'];
    expect(troublesOf(scenario, { transcript, status: 1, unmodelled })).toEqual([
      '4: swap is not modelled: swapout A 1',
      '5: migration is not modelled: wake U A 1',
    ]);
  });

  test('with more than 600 bytes in a line is refused with the number of the line', () => {
    const { status, stdout, stderr } = runText('long', `nop\nnop #${'x'.repeat(600)}\n`);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/a\.scn:2: BADOP: longer than 600 bytes\n$/);
  });

  test('with many malformed lines has the first ten named', () => {
    const { stderr } = runText('many', 'foo\n'.repeat(15));
    expect(stderr.trim().split('\n')).toHaveLength(11);
    expect(stderr).toMatch(/a\.scn: and 5 more\n$/);
  });

  test('that is not there or not a text is bad input', () => {
    expect(() => openScenarios(join(scratch, 'none.scn'))).toThrow(InputError);
    expect(() => runText('binary', 'nop\0')).toThrow(/a\.scn: not a text$/);
  });
});

describe('a folder', () => {
  test('without --out is refused', () => {
    expect(() => run(folderOf('no-out', { 'a.scn': 'nop' }))).toThrow(/--out FOLDER/);
  });

  test('without a scenario is refused', () => {
    expect(() => run(folderOf('empty', { 'a.txt': 'nop' }))).toThrow(/no \.scn file/);
  });

  test('goes on after a scenario that fails, and ends with status 1', () => {
    const folder = folderOf('mixed', {
      'a.scn': 'foo\n',
      'b.scn': 'nop\n',
      'c.txt': 'no scenario',
    });
    const out = join(scratch, 'deep', 'out');
    const { status, stdout, stderr } = run(folder, {}, out);
    expect(status).toBe(1);
    expect(readdirSync(out)).toEqual(['a.out', 'b.out']);
    expect(readFileSync(join(out, 'a.out'), 'utf8')).toBe('> foo\n= BADOP\n. end\n');
    expect(readFileSync(join(out, 'b.out'), 'utf8')).toBe('> nop\n= ok\n. end\n');
    expect(stdout).toMatch(/^2 scenarios in \d+\.\d\d s \(\d+\/s\), 1 failed\n$/);
    expect(stderr).toMatch(/a\.scn:1: BADOP: foo\n$/);
  });

  test('in which all is well ends with status 0', () => {
    const folder = folderOf('fine', { 'a.scn': 'nop\n', 'b.scn': 'nop\n' });
    expect(run(folder, {}, join(scratch, 'fine-out'))).toMatchObject({ status: 0, stderr: '' });
  });

  test('of recorded scenarios gives the recorded transcripts', () => {
    const recorded = join(conformance, 'transcripts', '6.18');
    const known = readdirSync(recorded).filter((file) => /^(api|missing|misc)-\d\d-/.test(file));
    expect(known.length).toBeGreaterThan(10);
    const texts = known.map((file) => {
      const scenario = file.replace(/\.out$/, '.scn');
      return [scenario, readFileSync(join(conformance, 'scenarios', scenario), 'utf8')] as const;
    });
    const out = join(scratch, 'recorded-out');
    const machine = parseMachine({ kernel: '6.18', config: 'no-memory-failure,no-soft-dirty' });
    expect(run(folderOf('recorded', Object.fromEntries(texts)), machine, out).status).toBe(0);
    for (const file of known) {
      expect(readFileSync(join(out, file), 'utf8')).toBe(
        readFileSync(join(recorded, file), 'utf8'),
      );
    }
  });
});

describe('--config', () => {
  test('takes features away from a kernel that is built with everything', () => {
    expect(parseMachine({})).toEqual({});
    expect(parseMachine({ config: 'no-memory-failure,no-soft-dirty' })).toEqual({
      config: { memoryFailure: false, softDirty: false },
    });
  });

  test('knows every capability by which kernel versions differ', () => {
    expect(parseMachine({ kernel: '6.18', config: 'no-guard-vm-flag,min-addr-check' })).toEqual({
      kernel: '6.18',
      quirks: { guardVmFlag: false, minAddrCheck: true },
    });
    expect(parseMachine({ config: 'no-vma-above-enomem,rmw-reads-first' })).toEqual({
      quirks: { noVmaAboveEnomem: true },
      rmwReadsFirst: true,
    });
  });

  test('names what it does not know', () => {
    expect(() => parseMachine({ config: 'no-such-thing' })).toThrow(/unknown word 'no-such-thing'/);
  });
});
