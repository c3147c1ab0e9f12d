/**
 * The real kernel as something to ask: compiles the agent on demand, probes this machine, and runs
 * scenarios on its kernel. What verify, the live conformance test and the fuzzer stand on.
 *
 *     await using oracle = await openOracle({ swap: true });
 *     const { transcript, status } = await oracle.run('map A 2 anon\nT0 write A');
 *     const emulated = runScenario(text, oracle.machine);   // the same kernel, emulated
 */
import { arch, platform } from 'node:os';
import type { KernelVersion } from '../../profile/matrix.js';
import type { ScenarioOptions } from '../../scenario/run.js';
import { AgentChannel, type OracleResult } from './channel.js';
import { compiledAgent } from './compile.js';
import { machineFor } from './kernel.js';
import { NoKernelError } from './no-kernel.js';
import { type KernelFacts, probeKernel } from './probe.js';

export type { KernelFacts, OracleResult };
export { NoKernelError };

/** Options of {@link openOracle}. */
export interface OracleOptions {
  /** Make a swap device for the run where that is possible. @defaultValue `false` */
  readonly swap?: boolean;
  /** The profile to compare with. @defaultValue the nearest to the kernel's release */
  readonly kernel?: KernelVersion;
}

/** A kernel that runs scenarios. */
export interface Oracle extends AsyncDisposable {
  /** What the agent found out about this machine. */
  readonly facts: KernelFacts;
  /** The options with which `runScenario` plays this kernel. */
  readonly machine: ScenarioOptions;
  /** Whether scenarios that swap have a swap device. */
  readonly hasSwap: boolean;
  /** What the agent could not set up; complete once a scenario has run. */
  readonly warnings: readonly string[];
  /**
   * Runs a scenario in processes of its own. Calls may overlap; scenarios run one after the other.
   * Rejects when the agent ended or the kernel hangs; every later call then rejects too.
   */
  run(text: string): Promise<OracleResult>;
  /** Ends the agent, which restores the machine's settings. */
  close(): Promise<void>;
}

/**
 * Opens this machine's kernel.
 *
 * @throws NoKernelError says why there is none that can be used, and what to do.
 */
export async function openOracle(options: OracleOptions = {}): Promise<Oracle> {
  refuseOtherMachines();
  const program = await compiledAgent();
  const facts = await probeKernel(program);
  const hasSwap = options.swap === true && facts.swapPossible;
  const channel = new AgentChannel(program, hasSwap ? ['--swap'] : []);
  return {
    facts,
    machine: machineFor(facts, options.kernel),
    hasSwap,
    get warnings() {
      return channel.warnings;
    },
    run: (text) => channel.run(text),
    close: () => channel.close(),
    [Symbol.asyncDispose]: () => channel.close(),
  };
}

function refuseOtherMachines(): void {
  if (platform() === 'linux' && arch() === 'x64') return;
  throw new NoKernelError(
    `this is ${platform()} on ${arch()}`,
    'run it on x86-64 Linux, for example in a virtual machine (conformance/qemu)',
  );
}
