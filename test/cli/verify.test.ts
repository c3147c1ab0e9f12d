import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createColors } from 'picocolors';
import { describe, expect, test } from 'vitest';
import { machineFor, nearestKernel } from '../../src/cli/oracle/kernel.js';
import type { KernelFacts, Oracle, OracleResult } from '../../src/cli/oracle/oracle.js';
import { emulatorRunner } from '../../src/cli/verify/emulator.js';
import { namedBy } from '../../src/cli/verify/named.js';
import { stateAfter } from '../../src/cli/verify/state.js';
import { verifyScenarios } from '../../src/cli/verify/verify.js';
import { runScenario, type ScenarioOptions } from '../../src/scenario/run.js';
import { Conformance } from '../../tools/conformance.js';
import { KeptStreams } from './streams.js';

const FACTS: KernelFacts = {
  release: '6.18.44-test',
  stable: '6.18.44',
  features: '0x1ffff',
  memoryFailure: true,
  softDirty: true,
  zeroPage: true,
  fifo: true,
  swapPossible: true,
  hugetlb: { pages: 0, settable: true },
  numaNodes: 1,
  mmapMinAddr: 4096,
  readAheadKb: -1,
};

/** A kernel that is another emulator: what it says is known, and it is always there. */
function kernelLike(
  machine: ScenarioOptions,
  changes: Partial<KernelFacts> = {},
  statuses: number[] = [],
): Oracle {
  const facts = { ...FACTS, ...changes };
  return {
    facts,
    machine: machineFor(facts),
    hasSwap: facts.swapPossible,
    warnings: [],
    run: async (text): Promise<OracleResult> => ({
      transcript: runScenario(text, machine).transcript,
      status: statuses.shift() ?? 0,
    }),
    close: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function verify(scenario: string, oracle: Oracle, isColored = false) {
  const streams = new KeptStreams();
  const files = [{ name: 'a', path: 'a.scn', read: () => scenario }];
  const colors = createColors(isColored);
  const plan = { files, oracle, machine: oracle.machine, colors };
  const status = await verifyScenarios(plan, streams);
  const lines = streams.stdout.trimEnd().split('\n');
  return { status, lines, stderr: streams.stderr };
}

const POISONED = [
  'map A 4 anon',
  'uffd U',
  'api U',
  'register U A 4 missing',
  'copy U A 2 fill=seq',
  'T1 write A+2',
  'poison U A+3 1',
  'T0 read A+3',
].join('\n');

describe('uffd-emulator verify', () => {
  test('ends with status 0 and says what was compared when nothing differs', async () => {
    expect(await verify(POISONED, kernelLike({ kernel: '6.18' }))).toEqual({
      status: 0,
      lines: ['Linux 6.18.44-test against profile 6.18', '1 equal, 0 differ'],
      stderr: '',
    });
  });

  test('shows the first line that differs, and the state around it', async () => {
    const kernel = kernelLike({ kernel: '6.18', config: { memoryFailure: false } });
    const { status, lines } = await verify(`# text\n${POISONED}`, kernel);
    expect(status).toBe(1);
    expect(lines).toEqual([
      'Linux 6.18.44-test against profile 6.18',
      'a.scn:9: differs: T0 read A+3',
      '    = ok ioctls=WAKE,COPY,ZEROPAGE,MOVE,POISON',
      '    > copy U A 2 fill=seq',
      '    = ok copy=2',
      '    > T1 write A+2',
      '    = blocked',
      '    > poison U A+3 1',
      '    = ok updated=1',
      '    > T0 read A+3',
      '  - = SIGBUS/ADRERR addr=A+3',
      '  + = SIGBUS/MCEERR_AR addr=A+3 lsb=12',
      '  state before it:',
      '    P0 areas of A  0-4:rw-p:um',
      '    P0 page A+0    present exclusive soft-dirty: 10',
      '    P0 page A+1    present exclusive soft-dirty: 11',
      '    P0 page A+2    soft-dirty',
      '    P0 page A+3    swap soft-dirty',
      '    P0 queue of U  pending=1 total=1',
      '',
      '0 equal, 1 differ',
    ]);
  });

  test('says since which operation the states differ when that is an earlier one', async () => {
    const kernel = kernelLike({ kernel: '6.18', quirks: { guardVmFlag: false } });
    const scenario = 'map A 2 anon\nmadvise A 1 GUARD_INSTALL\nnop\nnop\nvmflags A\n';
    const { lines } = await verify(scenario, kernel);
    expect(lines).toContain('  - P0 areas of A  0-2:rw-p:-');
    expect(lines).toContain('  + P0 areas of A  0-2:rw-p:gu');
    expect(lines).toContain('  states differ since line 2: madvise A 1 GUARD_INSTALL');
  });

  test('shows what the operation itself changed', async () => {
    const kernel = kernelLike({ kernel: '6.1' });
    const { lines } = await verify('map A 1 anon\nuffd U\napi U\nregister U A 1 wp\n', kernel);
    expect(lines.slice(-4)).toEqual([
      '  state after it, where something changed:',
      '    P0 areas of A  0-1:rw-p:uw',
      '',
      '0 equal, 1 differ',
    ]);
  });

  test('colours only when it is asked to', async () => {
    const kernel = () => kernelLike({ kernel: '6.18', config: { memoryFailure: false } });
    const [plain, colored] = [
      await verify(POISONED, kernel()),
      await verify(POISONED, kernel(), true),
    ];
    expect(plain.lines.join('')).not.toContain('\u001b');
    expect(colored.lines).toContain('\u001b[31m  - = SIGBUS/ADRERR addr=A+3\u001b[39m');
    expect(colored.lines).toContain('\u001b[32m  + = SIGBUS/MCEERR_AR addr=A+3 lsb=12\u001b[39m');
  });

  test('skips what the machine cannot run, and has then compared nothing', async () => {
    const kernel = kernelLike({}, { swapPossible: false });
    expect(await verify('map A 1 anon\nswapout A 1\n', kernel)).toMatchObject({
      status: 2,
      lines: [
        'Linux 6.18.44-test against profile 6.18',
        'a.scn: skipped: needs a swap device (root and the zram module)',
        '0 equal, 0 differ, 1 skipped',
      ],
    });
  });

  test('asks again when the kernel was too slow, and says so when it stays so', async () => {
    const once = await verify('nop', kernelLike({}, {}, [3]));
    expect(once).toMatchObject({ status: 0, stderr: '' });
    const always = await verify('nop', kernelLike({}, {}, [3, 3, 3]));
    expect(always.stderr).toBe('a.scn: the kernel ran out of time (! watchdog): not comparable\n');
  });

  test('says when the kernel was built with other features than its profile', async () => {
    const { stderr } = await verify('nop', kernelLike({}, { features: '0x1fffe' }));
    expect(stderr).toMatch(/offers features 0x1fffe, profile 6\.18 has 0x1ffff/);
  });
});

describe('the machine to compare with', () => {
  test('is the newest profile that is not newer than the kernel', () => {
    const releases = ['4.19.1', '5.10.0-28-amd64', '5.14', '6.8.0-45-generic', '6.18.44', '8.0'];
    expect(releases.map(nearestKernel)).toEqual(['5.10', '5.10', '5.10', '6.6', '6.18', '7.3']);
  });

  test('has the build options and the smallest address that the agent found', () => {
    const config = { memoryFailure: false, softDirty: false, zeroPage: false };
    expect(machineFor({ ...FACTS, ...config, mmapMinAddr: 65536 })).toEqual({
      kernel: '6.18',
      config,
      mmapMinAddr: 65536,
    });
    expect(machineFor({ ...FACTS, memoryFailure: null }).config?.memoryFailure).toBe(true);
  });

  test('follows what stable releases of a series changed', () => {
    expect(machineFor({ ...FACTS, stable: '6.18.15' }).quirks).toMatchObject({
      guardVmFlag: false,
      minAddrCheck: true,
    });
    expect(machineFor({ ...FACTS, stable: '6.18.15' }, '6.12').quirks).toBeUndefined();
    expect(machineFor(FACTS).quirks).toBeUndefined();
    const debian = { ...FACTS, release: '6.1.0-50-amd64' };
    expect(machineFor({ ...debian, stable: '6.1.174' }).quirks).toBeUndefined();
    expect(machineFor({ ...debian, stable: '6.1.176' }).quirks).toEqual({ minAddrCheck: false });
  });

  test('is the one that the recordings of a kernel are played on', () => {
    const conformance = new Conformance();
    const file = join(conformance.folder, 'kernels.json');
    const kernels: Record<string, { release: string }> = JSON.parse(readFileSync(file, 'utf8'));
    for (const [name, { release }] of Object.entries(kernels)) {
      const { kernel, quirks } = machineFor({ ...FACTS, release, stable: release });
      const recorded = conformance.options(name);
      expect([name, kernel, quirks]).toEqual([name, recorded.kernel, recorded.quirks]);
    }
  });
});

describe('what the last operations name', () => {
  const step = (text: string) => ({ text, line: 1, at: 0, end: 1 });

  test('is their pages, windows, processes and every uffd', () => {
    const steps = [
      'uffd U',
      'dup U V',
      'nop',
      'nop',
      'nop',
      'P1.T0 copy U A+2 2 src=B',
      'vmread P2 HA',
    ];
    expect(namedBy(steps.map(step), 'FORK ufd=W\nFORK ufd=closed\n')).toEqual({
      processes: ['P0', 'P1', 'P2'],
      windows: ['A', 'B', 'HA'],
      pages: ['A+2', 'A+3', 'B+0', 'HA+0'],
      uffds: ['U', 'V', 'W'],
    });
  });

  test('is bounded, and leaves out the ends of the address space', () => {
    const steps = [
      'map A 1000 anon',
      'map B 1000 anon',
      'map C 1000 anon',
      'read NULL',
      'read TOP',
    ];
    const { pages, windows } = namedBy(steps.map(step), '');
    expect(pages).toHaveLength(16);
    expect(windows).toEqual(['A', 'B', 'C']);
  });
});

describe('the state after some operations', () => {
  const named = { processes: ['P0', 'P3'], windows: ['A'], pages: ['A+0'], uffds: ['U', 'X'] };

  test('is seen by a worker that is free, of processes that are alive', async () => {
    const run = emulatorRunner({ kernel: '6.18', config: { softDirty: false } });
    const operations = 'uffd U flags=none\napi U\nmap A 1 anon\nwrite A\nevent U';
    expect(await stateAfter(run, operations, named)).toEqual(
      new Map([
        ['P0 areas of A', '0-1:rw-p:-'],
        ['P0 page A+0', 'present exclusive: 41*1,00*4095'],
        ['P0 queue of U', 'pending=0 total=0'],
      ]),
    );
  });
});
