/**
 * The agent as a child that stays: scenarios go in over one pipe, transcripts come out of another,
 * one at a time. Owns the framing (`=== NAME`, a bare `===` to end a scenario) and the child's end,
 * which restores the machine's settings. Knows nothing of what a scenario says.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

/** What a kernel made of a scenario. */
export interface OracleResult {
  /** The operations as written, each with its result. */
  readonly transcript: string;
  /** 0: it ran. 2: an operation was malformed. 3: `! watchdog`, out of time. 4: `! stuck`. */
  readonly status: number;
}

/** The agent gives a scenario six seconds; the rest is for others whose turn it is. */
const ANSWER_MS = 60_000;
const NAME = 'scenario';
const SYNC = 'sync';
const WATCHDOG = 3;
const SAID_CHARS_MAX = 4096;

const HEAD = /^=== \S+ (\d+)\n/;
const COMPLETE = /(?:^|\n)\. end[^\n]*\n$/;
/** What comes out of an empty scenario, which marks the end of one that may have none. */
const SYNCED = `=== ${SYNC} 0\n. end\n`;

interface Waiter {
  answer(text: string): boolean;
  fail(error: Error): void;
}

/** One running agent. */
export class AgentChannel {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  #received = '';
  #said = '';
  #waiter: Waiter | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #ended: Error | undefined;

  constructor(program: string, args: readonly string[]) {
    this.#child = spawn(program, ['--batch', ...args], { stdio: 'pipe' });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => this.#receive(text));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(0, SAID_CHARS_MAX);
    });
    this.#child.stdin.on('error', () => undefined); // its end is reported by 'close'
    this.#child.on('error', (error) => this.#end(error));
    this.#child.on('close', (status, signal) => {
      const why = this.#said.trim() === '' ? '' : `: ${this.#said.trim()}`;
      this.#end(new Error(`the agent ended with ${status ?? signal}${why}`));
    });
  }

  /** Lines that the agent said about its environment, such as settings it could not make. */
  get warnings(): string[] {
    return this.#said.split('\n').filter((line) => line !== '');
  }

  /** Runs one scenario after those that were asked for before. */
  run(text: string): Promise<OracleResult> {
    if (text.includes('\0')) return Promise.reject(new RangeError('a scenario has no NUL bytes'));
    const result = this.#last.then(() => this.#exchange(text));
    this.#last = result.catch(() => undefined); // its caller is told; the next one may go on
    return result;
  }

  /** Ends the agent and waits until it has restored the machine's settings. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    if (this.#ended !== undefined && this.#child.pid === undefined) return;
    const closed = once(this.#child, 'close');
    this.#child.stdin.end();
    await closed;
  }

  async #exchange(text: string): Promise<OracleResult> {
    // a line that looks like a frame is given a blank, which means nothing to a scenario
    const body = text.replace(/^===/gm, ' ===');
    const received = await this.#ask(`=== ${NAME}\n${body}\n===\n`, isAnswered);
    const status = Number(HEAD.exec(received)?.[1]);
    if (status !== WATCHDOG) return { transcript: transcriptOf(received), status };
    // a controller that had to be killed leaves no end: what comes before the next answer is all
    const all = await this.#ask(`=== ${SYNC}\n===\n`, (now) => now.endsWith(SYNCED), received);
    return { transcript: transcriptOf(all.slice(0, -SYNCED.length)), status };
  }

  /** Writes, then answers everything received once that is complete. */
  #ask(bytes: string, isComplete: (text: string) => boolean, before = ''): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      const seconds = ANSWER_MS / 1000;
      const late = setTimeout(() => {
        this.#end(new Error(`the agent has not answered for ${seconds} s: is the kernel hung?`));
        this.#child.kill('SIGTERM');
      }, ANSWER_MS);
      const settle = (): void => {
        clearTimeout(late);
        this.#waiter = undefined;
      };
      this.#received = before;
      this.#waiter = {
        answer: (text) => {
          if (!isComplete(text)) return false;
          settle();
          resolve(text);
          return true;
        },
        fail: (error) => {
          settle();
          reject(error);
        },
      };
      this.#child.stdin.write(bytes);
    });
  }

  #receive(text: string): void {
    this.#received += text;
    this.#waiter?.answer(this.#received);
  }

  #end(error: Error): void {
    this.#ended ??= error;
    this.#waiter?.fail(this.#ended);
  }
}

function isAnswered(text: string): boolean {
  const status = HEAD.exec(text)?.[1];
  if (status === undefined) return false;
  return Number(status) === WATCHDOG || COMPLETE.test(text);
}

const transcriptOf = (received: string): string => received.replace(HEAD, '');
