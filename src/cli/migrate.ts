/**
 * The command `migrate` (and `migrate-destination`, which a source starts for itself): options,
 * help text, exit codes. What it does is in migrate/.
 */
import { type Command, Option } from 'commander';
import { DEFAULTS, parseOptions, type RawOptions } from './migrate/options.js';
import { runMigrate } from './migrate/run.js';
import { serveParent } from './migrate/transport/serve-as-destination.js';

const help = `
Modes:
  precopy    write-protect, send, repeat until the dirty set is small; stop, send the rest
  postcopy   stop at once; the guest goes on at the destination and faults for its pages
  hybrid     one round of pre-copy, then post-copy of what was written meanwhile

The trace is what 'valgrind --tool=lackey --trace-mem=yes --log-file=FILE PROGRAM' writes, also
gzipped; by default the one that comes with the package. Times are virtual: the same trace and
options give the same table on every machine.

Exit codes:
  0  the two memories are the same
  1  they differ, or the destination was lost (the guest then goes on at the source)
  2  bad input: options, trace file, port
  70 an error of this program

Examples:
  uffd-emulator migrate
  uffd-emulator migrate --mode hybrid --report out.html
  uffd-emulator migrate trace.gz --mode postcopy --json
  uffd-emulator migrate --listen 7777     (in one terminal)
  uffd-emulator migrate --connect 7777    (in another)`;

/** Adds the command to a program; `end` gets the exit code. */
export function addMigrate(program: Command, end: (exitCode: number) => void): void {
  program
    .command('migrate')
    .description('migrate a guest that plays a memory trace, through an emulated userfaultfd')
    .argument('[trace]', 'a Lackey trace, plain or gzip')
    .option('--mode <mode>', 'precopy, postcopy or hybrid', DEFAULTS.mode)
    .option('--json', 'print the result as JSON')
    .option('--report <file>', 'write a page with charts')
    .option('--in-process', 'keep both sides in this process')
    .option('--port <port>', 'port of the destination that is started')
    .option('--listen <[host:]port>', 'be the destination')
    .option('--connect <[host:]port>', 'use a destination that listens')
    .option('--vcpus <n>', 'virtual CPUs that share the trace', DEFAULTS.vcpus)
    .option('--start-at <percent>', 'part of the trace played before', DEFAULTS.startAt)
    .option('--bandwidth <gbit/s>', 'rate of the virtual link', DEFAULTS.bandwidth)
    .option('--latency <us>', 'delay of the virtual link, one way', DEFAULTS.latency)
    .option('--dirty-limit <pages>', 'a dirty set this small ends pre-copy', DEFAULTS.dirtyLimit)
    .option('--max-rounds <n>', 'rounds of pre-copy at most', DEFAULTS.maxRounds)
    .option('--allow-truncated', 'take a trace that ends in the middle')
    .addHelpText('after', help)
    .action(async (trace: string | undefined, raw: RawOptions) => {
      end(await runMigrate(parseOptions(trace, raw)));
    });
  program
    .command('migrate-destination', { hidden: true })
    .argument('<trace>')
    .addOption(new Option('--port <port>').argParser(Number).default(0))
    .action(async (trace: string, { port }: { port: number }) => serveParent(port, trace));
}
