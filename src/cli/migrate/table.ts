/**
 * The text of a finished migration: a few lines on what was done, the table of the rounds, and the
 * one closing line. Plain strings; colours are the caller's. Everything in it is virtual, so the
 * same trace and options print the same text.
 */
import { type Column, tableLines } from '../terminal.js';
import { counted, formatBytes, formatCount, formatNs } from './format.js';
import type { MigrationResult, Round } from './result.js';

const columns: readonly Column[] = [
  { heading: 'round', align: 'left' },
  { heading: 'pages sent', align: 'right' },
  { heading: 'zero', align: 'right' },
  { heading: 'dirtied', align: 'right' },
  { heading: 'faults', align: 'right' },
  { heading: 'bytes', align: 'right' },
  { heading: 'time', align: 'right' },
  { heading: 'stalled', align: 'right' },
  { heading: 'downtime', align: 'right' },
];

const kindNames = { live: 'live', stop: 'stop', postcopy: 'post-copy' } as const;

function rowOf(round: Round): string[] {
  return [
    `${round.round} ${kindNames[round.kind]}`,
    formatCount(round.pagesSent),
    formatCount(round.zeroPages),
    round.kind === 'live' ? formatCount(round.pagesDirtied) : '-',
    formatCount(round.faults),
    formatBytes(round.bytes),
    formatNs(round.endNs - round.startNs),
    formatNs(round.stalledNs),
    round.kind === 'stop' ? formatNs(round.downtimeNs) : '-',
  ];
}

/** What was migrated, in two lines. */
export function headerLines({ trace, mode, vcpus, handover, model }: MigrationResult): string[] {
  const gbit = Math.round(model.linkBytesPerNs * 8 * 100) / 100;
  return [
    `${trace.file}: ${formatCount(trace.accesses)} accesses, ${formatCount(trace.pages)} pages ` +
      `in ${counted(trace.mappings, 'mapping')}, ${counted(vcpus, 'virtual CPU')}`,
    `${mode}: begun at access ${formatCount(handover.startedAtStep)}, handed over at ` +
      `${formatCount(handover.step)}; link ${gbit} Gbit/s, ${formatNs(model.latencyNs)} one way`,
  ];
}

/** The table of the rounds with a line of sums below. */
export function roundLines({ rounds, totals }: MigrationResult): string[] {
  const sums = [
    'all',
    formatCount(totals.pagesSent),
    formatCount(rounds.reduce((sum, round) => sum + round.zeroPages, 0)),
    formatCount(rounds.reduce((sum, round) => sum + round.pagesDirtied, 0)),
    formatCount(totals.wpFaults + totals.missingFaults),
    formatBytes(totals.bytes),
    formatNs(totals.migrationNs),
    formatNs(totals.stalledNs),
    formatNs(totals.downtimeNs),
  ];
  return tableLines(columns, [...rounds.map(rowOf), sums]);
}

/** The one line that a migration ends with. */
export function closingLine({ verification, totals, mode }: MigrationResult): string {
  const faults = totals.wpFaults + totals.missingFaults;
  const facts =
    `${mode}: ${counted(verification.pages, 'page')}, ${counted(totals.rounds, 'round')}, ` +
    `${counted(faults, 'fault')}, ${formatNs(totals.downtimeNs)} downtime`;
  const digest = verification.sha256.source.slice(0, 16);
  if (verification.verified) return `${facts}: verified (sha256 ${digest})`;
  return `${facts}: MISMATCH`;
}

/** How many pages of a mismatch are named. */
const NAMED_PAGES_MAX = 8;

/** What differs between the two sides, in one line. */
export function mismatchLine({ verification }: MigrationResult): string {
  const { mismatches, pages, loadChecksum } = verification;
  if (mismatches.length === 0) {
    return (
      'the memories are the same at the end, but the guest loaded other values on the way ' +
      `(${loadChecksum.source} and ${loadChecksum.destination}): a page was stale for a while`
    );
  }
  const named = mismatches.slice(0, NAMED_PAGES_MAX).join(' ');
  const more = mismatches.length - NAMED_PAGES_MAX;
  const rest = more > 0 ? ` and ${more} more` : '';
  return `${mismatches.length} of ${pages} pages differ between the two sides: ${named}${rest}`;
}
