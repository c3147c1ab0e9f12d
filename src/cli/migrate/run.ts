/**
 * One run of `migrate`: scan the trace, find the destination, migrate, print. Decides what goes to
 * stdout (the table or the JSON), what to stderr (progress), and with which code it ends.
 */
import { statSync, writeFileSync } from 'node:fs';
import { EXIT_FAILED, EXIT_OK, InputError, messageOf } from '../exit.js';
import { colorsFor } from '../terminal.js';
import type { MemoryLayout } from './guest/layout.js';
import { DEFAULT_MODEL } from './model.js';
import type { MigrateOptions } from './options.js';
import { type Progress, silentProgress, TerminalProgress } from './progress.js';
import { renderReport } from './report/report.js';
import type { MigrationResult } from './result.js';
import { type MigrationOutcome, type MigrationPlan, migrate } from './source/source.js';
import { closingLine, headerLines, mismatchLine, roundLines } from './table.js';
import { scanTrace, type TraceSummary } from './trace/scan.js';
import { formatEndpoint } from './transport/address.js';
import {
  childDestination,
  type Destination,
  localDestination,
  remoteDestination,
} from './transport/destinations.js';
import { serveAt } from './transport/serve-as-destination.js';

/** Runs the command; returns its exit code. */
export async function runMigrate(options: MigrateOptions): Promise<number> {
  if (options.route.kind === 'be-destination') return runAsDestination(options);
  const progress = progressFor(process.stderr);
  const startedMs = performance.now();
  try {
    const summary = await scan(options, progress);
    const destination = await destinationFor(options);
    const { outcome, transport } = await migrateTo(destination, options, summary, progress);
    const seconds = Math.round(performance.now() - startedMs) / 1000;
    progress.end();
    const result: MigrationResult = { ...outcome.result, wall: { seconds, transport } };
    writeReport(options, result, outcome, summary.layout);
    print(options, result);
    return result.outcome === 'verified' ? EXIT_OK : EXIT_FAILED;
  } finally {
    progress.end();
  }
}

/** Reads the trace for the first time, which takes a while when it is long. */
async function scan({ tracePath, allowTruncated }: MigrateOptions, progress: Progress) {
  const total = statSync(tracePath, { throwIfNoEntry: false })?.size ?? 0;
  let done = 0;
  const onBytes = (bytes: Uint8Array) => {
    done += bytes.length;
    progress.update({ label: 'reading', done, total });
  };
  return scanTrace({ path: tracePath, allowTruncated, onBytes });
}

async function migrateTo(
  destination: Destination,
  options: MigrateOptions,
  summary: TraceSummary,
  progress: Progress,
): Promise<{ outcome: MigrationOutcome; transport: string }> {
  const { channel, transport } = destination;
  const trace = { path: options.tracePath, allowTruncated: options.allowTruncated };
  try {
    const plan = planOf(options, summary.accesses);
    return { outcome: await migrate(plan, { trace, summary, channel, progress }), transport };
  } finally {
    await destination.close();
  }
}

/** What the options mean for a trace of this length. */
export function planOf(options: MigrateOptions, accesses: number): MigrationPlan {
  return {
    mode: options.mode,
    vcpus: options.vcpus,
    startStep: Math.floor((accesses * options.startPercent) / 100),
    model: {
      ...DEFAULT_MODEL,
      linkBytesPerNs: options.bandwidthGbit / 8,
      latencyNs: options.latencyUs * 1000,
    },
    limits: { dirtyLimitPages: options.dirtyLimitPages, maxRounds: options.maxRounds },
  };
}

async function destinationFor({ route, tracePath }: MigrateOptions): Promise<Destination> {
  if (route.kind === 'local') return localDestination(tracePath);
  if (route.kind === 'remote') return remoteDestination(route.address);
  const script = process.argv[1] ?? '';
  const port = route.kind === 'child' ? route.port : 0;
  return childDestination({ tracePath, port, script });
}

async function runAsDestination({ route, tracePath, givenTrace }: MigrateOptions): Promise<number> {
  if (route.kind !== 'be-destination') throw new Error('not a destination');
  const report = await serveAt(route.address, tracePath, (address) => {
    const trace = givenTrace === undefined ? '' : ` ${givenTrace}`;
    const command = `uffd-emulator migrate --connect ${formatEndpoint(address)}${trace}`;
    process.stderr.write(`listening on ${formatEndpoint(address)}; now run: ${command}\n`);
  });
  const outcome = report.verified ? 'verified' : 'MISMATCH';
  process.stdout.write(
    `destination: ${report.pages} pages, ${report.missingFaults} missing faults: ${outcome}\n`,
  );
  return report.verified ? EXIT_OK : EXIT_FAILED;
}

function progressFor(stream: NodeJS.WriteStream): Progress {
  return stream.isTTY ? new TerminalProgress(stream, colorsFor(stream)) : silentProgress;
}

function writeReport(
  { reportPath }: MigrateOptions,
  result: MigrationResult,
  outcome: MigrationOutcome,
  layout: MemoryLayout,
): void {
  if (reportPath === undefined) return;
  try {
    writeFileSync(reportPath, renderReport(result, outcome.timeline, layout));
  } catch (error) {
    throw new InputError(`--report ${reportPath}: ${messageOf(error)}`);
  }
}

function print({ json, reportPath }: MigrateOptions, result: MigrationResult): void {
  const isVerified = result.outcome === 'verified';
  if (!isVerified) process.stderr.write(`uffd-emulator: ${mismatchLine(result)}\n`);
  if (json) {
    process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
    return;
  }
  const colors = colorsFor(process.stdout);
  const [heading = '', ...rows] = roundLines(result);
  const sums = rows.pop() ?? '';
  const lines = [
    ...headerLines(result).map(colors.dim),
    '',
    colors.bold(heading),
    ...rows,
    colors.dim(sums),
    '',
    ...(reportPath === undefined ? [] : [`report: ${reportPath}`]),
    isVerified ? colors.green(closingLine(result)) : colors.red(closingLine(result)),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
