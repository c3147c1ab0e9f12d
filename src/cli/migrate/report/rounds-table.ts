/**
 * The rounds and the facts of a migration as HTML: figures at the top, the table, and the small
 * print with which the result can be made again.
 */
import { formatBytes, formatCount, formatNs } from '../format.js';
import type { MigrationResult, Round } from '../result.js';
import { escapeHtml } from './html.js';

const headings = [
  'Round',
  'Pages sent',
  'Zero',
  'Dirtied',
  'Faults',
  'Bytes',
  'Time',
  'Stalled',
  'Downtime',
];

const kindNames = { live: 'live', stop: 'stopped', postcopy: 'post-copy' } as const;

/** The figures at the top of the page. */
export function renderFigures({ totals, verification }: MigrationResult): string {
  const figures: readonly (readonly [string, string])[] = [
    ['pages', formatCount(verification.pages)],
    ['rounds', formatCount(totals.rounds)],
    ['faults', formatCount(totals.wpFaults + totals.missingFaults)],
    ['sent', formatBytes(totals.bytes)],
    ['migration', formatNs(totals.migrationNs)],
    ['downtime', formatNs(totals.downtimeNs)],
    ['longest stall', formatNs(totals.longestStallNs)],
  ];
  return figures
    .map(([name, value]) => `<div><dt>${name}</dt><dd>${escapeHtml(value)}</dd></div>`)
    .join('');
}

/** The table of the rounds. */
export function renderRounds({ rounds, totals }: MigrationResult): string {
  const head = headings.map((text) => `<th scope="col">${text}</th>`).join('');
  const zeroPages = rounds.reduce((sum, round) => sum + round.zeroPages, 0);
  const dirtied = rounds.reduce((sum, round) => sum + round.pagesDirtied, 0);
  const sums = [
    formatCount(totals.pagesSent),
    formatCount(zeroPages),
    formatCount(dirtied),
    formatCount(totals.wpFaults + totals.missingFaults),
    formatBytes(totals.bytes),
    formatNs(totals.migrationNs),
    formatNs(totals.stalledNs),
    formatNs(totals.downtimeNs),
  ];
  return (
    `<table><thead><tr>${head}</tr></thead><tbody>${rounds.map(rowOf).join('')}</tbody>` +
    `<tfoot><tr><th scope="row">all</th>${cells(sums)}</tr></tfoot></table>`
  );
}

function rowOf(round: Round): string {
  const values = [
    formatCount(round.pagesSent),
    formatCount(round.zeroPages),
    round.kind === 'live' ? formatCount(round.pagesDirtied) : '–',
    formatCount(round.faults),
    formatBytes(round.bytes),
    formatNs(round.endNs - round.startNs),
    formatNs(round.stalledNs),
    round.kind === 'stop' ? formatNs(round.downtimeNs) : '–',
  ];
  const name = `${round.round} <small>${kindNames[round.kind]}</small>`;
  return `<tr><th scope="row">${name}</th>${cells(values)}</tr>`;
}

function cells(values: readonly string[]): string {
  return values.map((value) => `<td>${escapeHtml(value)}</td>`).join('');
}

/** What the result was computed from. */
export function renderFacts({
  trace,
  model,
  vcpus,
  handover,
  verification,
}: MigrationResult): string {
  const facts: readonly (readonly [string, string])[] = [
    [
      'Trace',
      `${trace.file}: ${formatCount(trace.accesses)} accesses (` +
        `${formatCount(trace.loads)} loads, ${formatCount(trace.stores)} stores, ` +
        `${formatCount(trace.modifies)} modifies) to ${formatCount(trace.pages)} pages in ` +
        `${formatCount(trace.mappings)} mappings`,
    ],
    [
      'Guest',
      `${vcpus} virtual CPU${vcpus === 1 ? '' : 's'}; migration begun at access ` +
        `${formatCount(handover.startedAtStep)}, handed over at ${formatCount(handover.step)}`,
    ],
    [
      'Virtual time',
      `${model.accessNs} ns per access; link ${Math.round(model.linkBytesPerNs * 800) / 100} ` +
        `Gbit/s, ${formatNs(model.latencyNs)} one way; write-protect fault ` +
        `${formatNs(model.wpFaultNs)}; missing fault ${formatNs(model.missingFaultNs)} ` +
        `and the way of its page; up to ${model.queuePages} pages ahead of an urgent one`,
    ],
    ['Trace SHA-256', trace.sha256],
    ['Memory SHA-256, source', verification.sha256.source],
    ['Memory SHA-256, destination', verification.sha256.destination],
  ];
  return facts
    .map(([name, text]) => `<div><dt>${name}</dt><dd>${escapeHtml(text)}</dd></div>`)
    .join('');
}
