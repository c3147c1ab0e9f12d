/**
 * The command `verify`: scenarios on the emulator and on this machine's kernel. Options, help text,
 * exit codes; what it does is in verify/, the kernel's side in oracle/.
 */
import type { Command } from 'commander';
import { openOracle } from './oracle/oracle.js';
import {
  addMachineOptions,
  CONFIG_HELP,
  parseConfig,
  parseKernel,
  type RawMachineOptions,
} from './run/machine-options.js';
import { processStreams } from './run/run.js';
import { openScenarios } from './run/scenario-files.js';
import { colorsFor } from './terminal.js';
import { verifyScenarios } from './verify/verify.js';

const help = `
Runs each scenario twice, on the emulator and, through a C program that is compiled with cc when
it is first needed, on this machine's kernel. The program probes the kernel; the emulator then plays
the profile that is nearest to it. Prints where the two first differ, with the state around it:
  - what the kernel says        + what the emulator says

It wants root: SCHED_FIFO, 64 huge pages, a zram device for swap. Settings that it changes for
the run are restored (conformance/agent/README.md).

${CONFIG_HELP}
By default both options are what the kernel was found to be.

Exit codes:
  0  everything is equal
  1  something differs, or an operation is not modelled
  2  no usable kernel, and what to do about it; bad input: options, files

Examples:
  uffd-emulator verify first.scn
  uffd-emulator verify scenarios`;

/** Adds the command to a program; `end` gets the exit code. */
export function addVerify(program: Command, end: (exitCode: number) => void): void {
  const command = program
    .command('verify')
    .description("compare the emulator with this machine's kernel")
    .argument('<file|folder>', 'a scenario (- for standard input), or a folder of *.scn');
  addMachineOptions(command, "the nearest to this machine's")
    .addHelpText('after', help)
    .action(async (path: string, raw: RawMachineOptions) => {
      const kernel = parseKernel(raw.kernel);
      parseConfig(raw.config, {}); // a wrong word is told before anything is compiled
      const { files } = openScenarios(path);
      const oracle = await openOracle({ swap: true, ...(kernel === undefined ? {} : { kernel }) });
      try {
        const machine = parseConfig(raw.config, oracle.machine);
        const colors = colorsFor(process.stdout);
        end(await verifyScenarios({ files, oracle, machine, colors }, processStreams));
      } finally {
        await oracle.close();
      }
    });
}
