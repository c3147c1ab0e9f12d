/**
 * A trace in columns that a person reads: step, whom it is about, kind, what happened.
 * As wide as its widest name; the phrase at the end is as long as it is.
 */

import type { TraceEvent } from '../base/trace.js';
import { phraseOf, subjectOf } from './words.js';

/**
 * Shows events as lines of text, one each, in columns.
 *
 * @returns Lines with a newline at the end of each.
 */
export function traceColumns(events: readonly TraceEvent[]): string {
  const rows = events.map((event) => [`${event.step}`, subjectOf(event), event.kind] as const);
  const [steps = 0, subjects = 0, kinds = 0] = [0, 1, 2].map((column) =>
    rows.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0),
  );
  const lines = events.map((event, i) => {
    const [step = '', subject = '', kind = ''] = rows[i] ?? [];
    const start = `${step.padStart(steps)}  ${subject.padEnd(subjects)}  ${kind.padEnd(kinds)}`;
    return `${start}  ${phraseOf(event)}\n`;
  });
  return lines.join('');
}
