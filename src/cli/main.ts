/**
 * The command line tool `uffd-emulator`: gathers the commands, one file each, and turns every end
 * into an exit code and at most one line on stderr. No command calls process.exit while it works.
 */
import { Command, CommanderError } from 'commander';
import { CliError, EXIT_OK, EXIT_USAGE, messageOf } from './exit.js';
import { addMigrate } from './migrate.js';
import { addRun } from './run.js';
import { addVerify } from './verify.js';

/** An error of ours, as sysexits(3) has it. */
const EXIT_SOFTWARE = 70;

function end(exitCode: number): void {
  process.exitCode = exitCode;
}

function createProgram(): Command {
  const program = new Command('uffd-emulator')
    .description('The kernel side of Linux userfaultfd, emulated.')
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureOutput({ writeErr: () => undefined });
  addMigrate(program, end);
  addRun(program, end);
  addVerify(program, end);
  for (const command of program.commands) command.copyInheritedSettings(program);
  return program;
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return reportUsage(error);
  if (error instanceof CliError) {
    process.stderr.write(`uffd-emulator: ${error.message}\n`);
    return error.exitCode;
  }
  const stack = error instanceof Error ? error.stack : undefined;
  process.stderr.write(`uffd-emulator: internal error: ${stack ?? messageOf(error)}\n`);
  return EXIT_SOFTWARE;
}

function reportUsage(error: CommanderError): number {
  if (error.exitCode === 0 || error.code === 'commander.helpDisplayed') return EXIT_OK;
  if (error.code === 'commander.help') {
    process.stderr.write('uffd-emulator: no command given; see uffd-emulator --help\n');
    return EXIT_USAGE;
  }
  const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  process.stderr.write(`uffd-emulator: ${message}; see uffd-emulator --help\n`);
  return EXIT_USAGE;
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT_OK); // the reader has seen enough
  throw error;
});

try {
  await createProgram().parseAsync();
} catch (error) {
  end(report(error));
}
