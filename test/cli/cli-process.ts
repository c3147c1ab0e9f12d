/**
 * Runs the command line tool as a process, from a bundle made of the present sources with the
 * settings of the package's own, so that no stale build is tested.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'tsup';
import { afterAll, beforeAll } from 'vitest';
import configs from '../../tsup.config.js';

/** How a run ended. */
export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process that is under way. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Waits until stderr holds a match, and returns it. */
  stderrMatch(pattern: RegExp): Promise<RegExpMatchArray>;
}

/** The tool, bundled before the tests of a file. */
export class Cli {
  readonly #folder = mkdtempSync(join(tmpdir(), 'uffd-emulator-cli-'));

  readonly #children: ChildProcess[] = [];

  constructor() {
    beforeAll(() => this.#bundle(), 60_000);
    afterAll(() => {
      for (const child of this.#children) child.kill('SIGKILL'); // those that a failed test left
      rmSync(this.#folder, { recursive: true, force: true });
    });
  }

  /** Starts the tool; its output is no terminal. */
  start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
    const script = join(this.#folder, 'cli.js');
    const inherited = { ...process.env, NO_COLOR: undefined, FORCE_COLOR: undefined };
    const child = spawn(process.execPath, [script, ...args], { env: { ...inherited, ...env } });
    this.#children.push(child);
    return watched(child);
  }

  /** Runs the tool to its end. */
  run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return this.start(args, env).ended;
  }

  async #bundle(): Promise<void> {
    const list = Array.isArray(configs) ? configs : [];
    const settings = list.find(({ entry }) => JSON.stringify(entry)?.includes('cli/main'));
    if (!settings) throw new Error('tsup.config.ts has no entry for the command line tool');
    await build({ ...settings, config: false, outDir: this.#folder });
  }
}

function watched(child: ChildProcess): Running {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
  return {
    child,
    ended,
    stderrMatch: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = stderr.match(pattern);
          if (match) resolve(match);
        };
        child.stderr?.on('data', look);
        child.once('close', () => reject(new Error(`ended without ${pattern}: ${stderr}`)));
        look();
      }),
  };
}
