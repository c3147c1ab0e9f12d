/**
 * The agent as a child, without a kernel that could refuse: scripts stand for it, so that every
 * way in which it can answer, not answer or end is there to see.
 */
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { AgentChannel } from '../../src/cli/oracle/channel.js';
import { agentSources, compiledAgent } from '../../src/cli/oracle/compile.js';
import { NoKernelError } from '../../src/cli/oracle/no-kernel.js';
import { probeKernel } from '../../src/cli/oracle/probe.js';

const folder = mkdtempSync(join(tmpdir(), 'uffd-emulator-oracle-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let programs = 0;

/** A program of the shell. */
function program(script: string): string {
  const path = join(folder, `program${programs++}`);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** Repeats each scenario as an agent would that knows only `nop`. */
const ECHO = `
while IFS= read -r line; do
  case "$line" in
    "=== "*) name="\${line#=== }" text= ;;
    "===") [ -n "$name" ] && printf '=== %s 0\\n%s. end\\n' "$name" "$text"; name= ;;
    *) [ -n "$line" ] && text="$text> $line
= ok
" ;;
  esac
done`;

describe('a channel to the agent', () => {
  test('gives each scenario its transcript, also when they are asked for at once', async () => {
    const channel = new AgentChannel(program(ECHO), []);
    const answers = await Promise.all(['a\nb', '', 'c\n'].map((text) => channel.run(text)));
    expect(answers).toEqual([
      { transcript: '> a\n= ok\n> b\n= ok\n. end\n', status: 0 },
      { transcript: '. end\n', status: 0 },
      { transcript: '> c\n= ok\n. end\n', status: 0 },
    ]);
    await channel.close();
    await channel.close();
  });

  test('lets no line of a scenario end it', async () => {
    const channel = new AgentChannel(program(ECHO), []);
    const { transcript } = await channel.run('===\n=== x\nnop');
    const operations = transcript.split('\n').filter((line) => line.startsWith('> '));
    expect(operations).toEqual(['>  ===', '>  === x', '> nop']);
    await expect(channel.run('a\0b')).rejects.toThrow(RangeError);
    await channel.close();
  });

  test('takes a transcript without an end from a controller that had to be killed', async () => {
    const script = `read -r a; read -r b; read -r c
printf '=== scenario 3\\n> nop\\n'
read -r a; read -r b
printf '=== sync 0\\n. '; printf 'end\\n'; cat >/dev/null`;
    const channel = new AgentChannel(program(script), []);
    expect(await channel.run('nop')).toEqual({ transcript: '> nop\n', status: 3 });
    await channel.close();
  });

  test('rejects when the agent ends, with what it said', async () => {
    const channel = new AgentChannel(program('echo no room >&2; exit 1'), []);
    await expect(channel.run('nop')).rejects.toThrow(/ended with 1: no room/);
    await expect(channel.run('nop')).rejects.toThrow(/ended with 1/);
    await channel.close();
  });

  test('rejects when the agent cannot be started', async () => {
    const channel = new AgentChannel(join(folder, 'nothing'), []);
    await expect(channel.run('nop')).rejects.toThrow(/ENOENT/);
    await channel.close();
  });
});

describe('a probe', () => {
  test('that refuses becomes a reason and a remedy', async () => {
    const line = '{"release":"6.1.0","usable":false,"reason":"ENOSYS","remedy":"another kernel"}';
    const refused = probeKernel(program(`echo '${line}'; exit 2`));
    await expect(refused).rejects.toMatchObject({
      reason: 'userfaultfd(2) says ENOSYS on Linux 6.1.0',
      remedy: 'another kernel',
      exitCode: 2,
    });
  });

  test('of a program on a noexec file system becomes a reason and a remedy', async () => {
    const path = program('exit 0');
    chmodSync(path, 0o644);
    await expect(probeKernel(path)).rejects.toThrow(NoKernelError);
  });
});

test('the sources of the agent are those of this package alone', () => {
  expect(agentSources().some((path) => path.endsWith('/conformance/agent/main.c'))).toBe(true);
  expect(() => agentSources(folder)).toThrow(/conformance\/agent\) are missing/);
});

describe('the compiled agent', () => {
  /** A cc that writes a line to a log and makes what `-o` names. */
  const CC = 'echo once >> "$LOG"; while [ "$1" != -o ]; do shift; done; echo made > "$2"';

  function emptyMachine() {
    const temporary = mkdtempSync(join(folder, 'tmp-'));
    const tools = mkdtempSync(join(folder, 'bin-'));
    renameSync(program(CC), join(tools, 'cc'));
    vi.stubEnv('TMPDIR', temporary);
    vi.stubEnv('PATH', tools);
    vi.stubEnv('LOG', join(temporary, 'log'));
    return { temporary, runs: () => readFileSync(join(temporary, 'log'), 'utf8').length / 5 };
  }

  afterEach(() => vi.unstubAllEnvs());

  test('is made once, and again when a source changes', async () => {
    const { runs } = emptyMachine();
    const source = join(folder, 'agent.c');
    writeFileSync(source, 'int main;');
    const first = await compiledAgent([source]);
    expect(readFileSync(first, 'utf8')).toBe('made\n');
    expect(await compiledAgent([source])).toBe(first);
    expect(runs()).toBe(1);
    writeFileSync(source, 'int main, other;');
    expect(await compiledAgent([source])).not.toBe(first);
    expect(runs()).toBe(2);
  });

  test('is never taken from a folder that others may write', async () => {
    const { runs } = emptyMachine();
    const source = join(folder, 'other.c');
    writeFileSync(source, 'int main;');
    const first = await compiledAgent([source]);
    chmodSync(dirname(first), 0o777);
    expect(dirname(await compiledAgent([source]))).not.toBe(dirname(first));
    expect(runs()).toBe(2);
  });

  test('that has no place to be kept is a reason, and the variable to set the remedy', async () => {
    vi.stubEnv('TMPDIR', join(program(''), 'below-a-file'));
    await expect(compiledAgent()).rejects.toThrow(/cannot be kept in \S+\. Remedy: set TMPDIR/);
  });
});
