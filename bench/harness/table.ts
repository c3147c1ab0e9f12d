/**
 * The table that a person reads: one line for each row, columns in line.
 */
import type { Row } from './row.js';

const HEAD = ['name', 'ours', 'peer', 'peer takes', 'ratio', 'spread', 'at most', ''];
/** Columns of words; the others are numbers and stand to the right. */
const WORDS = new Set([0, 2, 7]);

/** Nanoseconds with as many digits as can be believed. */
export function duration(ns: number): string {
  if (ns < 10) return `${ns.toFixed(2)} ns`;
  if (ns < 10_000) return `${ns.toFixed(ns < 100 ? 1 : 0)} ns`;
  return `${(ns / 1000).toFixed(1)} us`;
}

const ratioText = (ratio: number): string => ratio.toFixed(ratio < 0.1 ? 4 : 2);

function cellsOf(row: Row): string[] {
  const limit = row.required === null ? '' : ratioText(row.required);
  if (row.peer_ns === null || row.ratio === null || row.spread === null) {
    const reason = `skipped: ${row.skipped ?? 'no peer'}`;
    return [row.name, duration(row.ours_ns), row.peer, '-', '-', '-', limit, reason];
  }
  const verdict = row.ok === null ? '' : row.ok ? 'ok' : 'TOO SLOW';
  return [
    row.name,
    duration(row.ours_ns),
    row.peer,
    duration(row.peer_ns),
    ratioText(row.ratio),
    row.spread.map(ratioText).join(' .. '),
    limit,
    verdict,
  ];
}

/** The rows as lines of text. */
export function tableOf(rows: readonly Row[]): string {
  const lines = [HEAD, ...rows.map(cellsOf)];
  const widths = HEAD.map((_, column) =>
    Math.max(...lines.map((cells) => cells[column]?.length ?? 0)),
  );
  const pad = (cell: string, column: number): string =>
    WORDS.has(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  return lines.map((cells) => cells.map(pad).join('  ').trimEnd()).join('\n');
}
