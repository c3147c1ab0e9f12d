/**
 * The controller: gives each line of a scenario to its worker, lets the machine run until every
 * worker is idle or asleep, and writes the transcript. Owns the order of checks and of lines;
 * what an operation does is in operations/.
 */

import { NotModelledError } from '../base/not-modelled.js';
import type { Op } from '../base/op.js';
import { PMD_SIZE } from '../base/page.js';
import { FaultLivelockError } from '../fault/access.js';
import { Machine, type MachineOptions } from '../machine/machine.js';
import { LivelockError } from '../sched/scheduler.js';
import { Args, BadOp } from './args.js';
import { mapBuffer } from './operations/mappings.js';
import { CONTROLLER_OPERATIONS, type ControllerOperation } from './operations/processes.js';
import { OPERATIONS } from './operations/table.js';
import { type Line, parseScenario, parseWho } from './parse.js';
import { type Worker, World } from './world.js';

/** The machine that a scenario runs on. */
export type ScenarioOptions = Pick<
  MachineOptions,
  'kernel' | 'config' | 'quirks' | 'mmapMinAddr' | 'nodes' | 'readAhead' | 'rmwReadsFirst'
>;

/** What a scenario printed, and how it went. */
export interface ScenarioResult {
  /** The operations as written, each with its result; see the language's description. */
  readonly transcript: string;
  /**
   * 0: it ran. 1: an operation is not modelled (`UNMODELLED`). 2: an operation was malformed
   * (`BADOP`). 3: never, as nothing here depends on time. 4: it did not come to rest (`! stuck`).
   * Of several the first counts.
   */
  readonly status: 0 | 1 | 2 | 3 | 4;
  /** What the emulator lacks, one sentence for each `UNMODELLED` in order. */
  readonly unmodelled: readonly string[];
}

/** Pages of 2 MiB, as FORMAT.md has them. */
const HUGE_PAGES = 64;
const MEMORY_BYTES = 128 * 2 ** 20 + HUGE_PAGES * PMD_SIZE;
/** Far from full, as FORMAT.md asks; costs nothing until it is used. */
const SWAP_BYTES = 2 ** 30;
const MMAP_MIN_ADDR = 4096;

/**
 * Runs a scenario on a new machine, as root on an otherwise idle system.
 *
 * @param text - One operation per line.
 * @throws RangeError for a line of more than 600 bytes.
 */
export function runScenario(text: string, options: ScenarioOptions = {}): ScenarioResult {
  const machine = new Machine({
    memory: MEMORY_BYTES,
    mmapMinAddr: MMAP_MIN_ADDR,
    nrHugepages: { '2M': HUGE_PAGES },
    ...options,
  });
  machine.swapOn({ size: SWAP_BYTES });
  const controller = new Controller(machine);
  for (const line of parseScenario(text)) controller.run(line);
  return controller.end();
}

class Controller {
  readonly #world: World;
  readonly #lines: string[] = [];
  readonly #unmodelled: string[] = [];
  #status: ScenarioResult['status'] = 0;

  constructor(machine: Machine) {
    this.#world = new World(machine);
    const first = this.#world.admit(0, machine.spawn({ name: 'P0' }), new Map());
    for (const worker of first.workers.slice(0, 1)) mapBuffer(worker);
  }

  /** Runs one operation until the machine is quiet, then prints it and what it let finish. */
  run(line: Line): void {
    const earlier = this.#world.busy;
    this.#lines.push(`> ${line.text}`);
    this.#print('=', this.#resultOf(line));
    for (const worker of earlier) {
      if (worker.task?.done !== true || worker.member.process.ended) continue;
      this.#print(`~ ${worker.name}`, this.#finish(worker));
    }
  }

  end(): ScenarioResult {
    const blocked = this.#world.busy.map(({ name }) => name).join(',');
    this.#lines.push(blocked === '' ? '. end' : `. end blocked=${blocked}`);
    const transcript = `${this.#lines.join('\n')}\n`;
    return { transcript, status: this.#status, unmodelled: this.#unmodelled };
  }

  #print(head: string, result: string): void {
    const [first = '', ...more] = result.split('\n');
    this.#lines.push(`${head} ${first}`, ...more.map((line) => `| ${line}`));
  }

  #resultOf(line: Line): string {
    if (line.op === '') return this.#malformed();
    const operation = CONTROLLER_OPERATIONS.get(line.op);
    if (operation !== undefined) return this.#control(operation, line);
    const worker = this.#world.worker(line.who);
    if (worker === undefined) return 'dead';
    if (worker.task !== undefined) return 'busy';
    return this.#start(worker, line);
  }

  #control(operation: ControllerOperation, line: Line): string {
    const who = parseWho(line.words[0] ?? '');
    if (who === undefined) return this.#malformed();
    const target = this.#world.worker(who);
    return target === undefined ? 'dead' : operation(target);
  }

  #start(worker: Worker, line: Line): string {
    const op = this.#prepare(worker, line);
    if (typeof op === 'string') {
      worker.result = op;
      return op;
    }
    worker.task = worker.thread.begin(op);
    if (worker.member.process.ended) return line.op === 'exit' ? 'exited' : 'died';
    return worker.task.done ? this.#finish(worker) : 'blocked';
  }

  /** What the worker is going to run, or the result of a line that it cannot run. */
  #prepare(worker: Worker, line: Line): Op<string> | string {
    try {
      const operation = OPERATIONS.get(line.op);
      if (operation === undefined) return this.#malformed();
      const args = new Args(line, worker.member.handles);
      const op = operation(args, worker);
      return args.lacksHandle ? 'NOFD' : op;
    } catch (error) {
      if (error instanceof BadOp) return this.#malformed();
      return this.#failure(error);
    }
  }

  /** Takes the result of a task that ended. */
  #finish(worker: Worker): string {
    const outcome = worker.task?.outcome;
    worker.task = undefined;
    if (outcome === undefined) throw new Error(`${worker.name} has not finished`);
    worker.result = outcome.ok ? outcome.value : this.#failure(outcome.error);
    return worker.result;
  }

  /** What an error that is no result of the kernel's makes of its line; a bug is thrown on. */
  #failure(error: unknown): string {
    if (error instanceof NotModelledError) {
      this.#raise(1);
      this.#unmodelled.push(error.message);
      return 'UNMODELLED';
    }
    if (!(error instanceof FaultLivelockError || error instanceof LivelockError)) throw error;
    this.#raise(4);
    this.#lines.push('! stuck');
    return 'stuck';
  }

  #malformed(): string {
    this.#raise(2);
    return 'BADOP';
  }

  #raise(status: ScenarioResult['status']): void {
    if (this.#status === 0) this.#status = status;
  }
}
