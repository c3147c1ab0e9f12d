/**
 * A trace as JSON lines: one event in each, with the fields of its type, so that it reads back as
 * it was. Fields that are undefined are left out.
 */

import type { TraceEvent } from '../base/trace.js';

/** Writes events as JSON, one to a line. */
export const traceJsonLines = (events: readonly TraceEvent[]): string =>
  events.map((event) => `${JSON.stringify(event)}\n`).join('');
