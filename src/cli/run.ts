/**
 * The command `run`: plays scenarios and prints their transcripts. Options, help text, exit codes;
 * what it does is in run/.
 */
import type { Command } from 'commander';
import {
  addMachineOptions,
  CONFIG_HELP,
  parseMachine,
  type RawMachineOptions,
} from './run/machine-options.js';
import { processStreams, runScenarios } from './run/run.js';
import { openScenarios } from './run/scenario-files.js';

const help = `
${CONFIG_HELP}

A folder run goes on after a scenario that fails. The language is described in
conformance/FORMAT.md of the package.

Exit codes:
  0  every operation ran
  1  an operation is not modelled (UNMODELLED); of a folder: some scenario failed
  2  a malformed line (BADOP), with its number on stderr; bad input: options, files
  4  a scenario never comes to rest (! stuck)
  70 an error of this program

Examples:
  uffd-emulator run first.scn
  uffd-emulator run first.scn --kernel 6.18 --config no-memory-failure,no-soft-dirty
  uffd-emulator run scenarios --out transcripts --kernel 5.10
  echo 'T0 read A' | uffd-emulator run -`;

interface RawOptions extends RawMachineOptions {
  readonly out?: string;
}

/** Adds the command to a program; `end` gets the exit code. */
export function addRun(program: Command, end: (exitCode: number) => void): void {
  const command = program
    .command('run')
    .description('play scenarios and print their transcripts')
    .argument('<file|folder>', 'a scenario (- for standard input), or a folder of *.scn')
    .option('--out <folder>', 'write NAME.out for each NAME.scn in there');
  addMachineOptions(command, '6.18')
    .addHelpText('after', help)
    .action((path: string, raw: RawOptions) => {
      const machine = parseMachine(raw);
      const plan = { input: openScenarios(path), machine, outFolder: raw.out };
      end(runScenarios(plan, processStreams));
    });
}
