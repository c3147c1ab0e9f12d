/**
 * The command `verify` as a process of its own, for the tests that take rights away from it:
 * `verify-child.ts UID ARG...` becomes that user, then runs the command.
 */
import { accessSync, constants } from 'node:fs';
import { Command } from 'commander';
import { CliError } from '../../src/cli/exit.js';
import { agentSources } from '../../src/cli/oracle/compile.js';
import { addVerify } from '../../src/cli/verify.js';

/** The checkout cannot be read by that user: there is nothing to test. */
const EXIT_UNREADABLE = 77;

function isReadable(paths: readonly string[]): boolean {
  try {
    for (const path of paths) accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

const [uid, ...args] = process.argv.slice(2);
const sources = agentSources();
process.setgroups?.([]);
process.setgid?.(Number(uid));
process.setuid?.(Number(uid));
if (!isReadable(sources)) process.exit(EXIT_UNREADABLE);

const program = new Command('uffd-emulator');
addVerify(program, (exitCode) => {
  process.exitCode = exitCode;
});
try {
  await program.parseAsync(['verify', ...args], { from: 'user' });
} catch (error) {
  if (!(error instanceof CliError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error.exitCode;
}
