/**
 * Peers in C: compiled on the spot, started once, asked over a pipe. One process lives through all
 * rounds, since starting another would fork this one and make every page of it copy-on-write.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { root } from '../../tools/files.js';

const FLAGS = ['-O2', '-std=gnu11', '-pthread'];

/** A running peer. */
export class Peer {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  #skipped: string | undefined;

  private constructor(binary: string) {
    this.#process = spawn(binary, { stdio: ['pipe', 'pipe', 'inherit'] });
    const { stdout } = this.#process;
    if (stdout === null) throw new Error(`${binary}: no output`);
    this.#reader = createInterface({ input: stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  /** Starts a compiled peer. */
  static async start(binary: string): Promise<Peer> {
    const peer = new Peer(binary);
    const greeting = await peer.#line();
    if (greeting.startsWith('skip ')) peer.#skipped = greeting.slice('skip '.length);
    return peer;
  }

  /** Why the peer cannot run here. */
  get skipped(): string | undefined {
    return this.#skipped;
  }

  /** Sends a line of words; answers the numbers that come back. */
  async ask(request: string): Promise<number[]> {
    this.#process.stdin?.write(`${request}\n`);
    return (await this.#line()).split(' ').map(Number);
  }

  /** Ends the peer. */
  async stop(): Promise<void> {
    this.#process.stdin?.end();
    if (this.#process.exitCode === null) await once(this.#process, 'exit');
    this.#reader.close();
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`${this.#process.spawnfile} ended without an answer`);
    return value;
  }
}

/** Compiles a program of bench/c; answers the binary, or why there is none. */
export function compile(name: string, folder: string): { binary: string } | { skipped: string } {
  const source = join(root, 'bench', 'c', `${name}.c`);
  const binary = join(folder, name);
  const compiler = process.env['CC'] ?? 'cc';
  const { status, stderr, error } = spawnSync(compiler, [...FLAGS, '-o', binary, source]);
  if (error !== undefined) return { skipped: `no C compiler (${compiler})` };
  if (status === 0) return { binary };
  const [reason = ''] = String(stderr).split('\n');
  return { skipped: `${compiler} does not compile ${name}.c: ${reason}` };
}
