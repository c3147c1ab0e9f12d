/**
 * The horizontal axis that the heat map and the fault timeline share: virtual milliseconds, with
 * the rounds as bands behind the marks and as labels above them.
 */
import type { MigrationResult, Round } from '../result.js';
import type { Timeline } from '../timeline/timeline.js';
import { escapeHtml, short } from './html.js';
import { PLOT_UNITS, rectPath } from './plot.js';
import { type Axis, axisTo } from './scale.js';

const NS_PER_MS = 1e6;
/** A label needs at least this share of the width, in percent. */
const LABEL_MIN_PERCENT = 2.6;

/** The axis of virtual time, in milliseconds, to the end of all that was seen. */
export function timeAxis({ rounds, totals }: MigrationResult, { heat }: Timeline): Axis {
  const columns = Math.max(0, ...heat.rows.map((row) => row.length));
  const lastNs = Math.max(totals.guestFinishedAtNs, ...rounds.map(({ endNs }) => endNs));
  return axisTo(Math.max(lastNs, (columns - 1) * heat.binNs) / NS_PER_MS, 10);
}

/** The place of a point in time, in the units of the plot. */
export function xOf(axis: Axis, ns: number): number {
  return (axis.percentOf(ns / NS_PER_MS) * PLOT_UNITS) / 100;
}

/** Every other round as a band, the stop as a line in its own colour. */
export function roundBands({ rounds }: MigrationResult, axis: Axis): string {
  return rounds
    .map((round, index) => {
      const x = xOf(axis, round.startNs);
      const width = xOf(axis, round.endNs) - x;
      if (round.kind === 'stop') {
        return `<path class="downtime" d="${rectPath(x, 0, Math.max(width, 1), PLOT_UNITS)}"/>`;
      }
      const band = index % 2 === 0 ? 'band even' : 'band';
      return `<path class="${band}" d="${rectPath(x, 0, width, PLOT_UNITS)}"/>`;
    })
    .join('');
}

/** The names of the stretches of time, above the plot, where there is room. */
export function roundStrip(result: MigrationResult, timeline: Timeline, axis: Axis): string {
  const first = { name: 'before', from: 0, to: timeline.startedAtNs, style: '' };
  const last = result.rounds.at(-1);
  const stretches = [first, ...result.rounds.map(stretchOf)];
  const endNs = result.totals.guestFinishedAtNs;
  if (last && endNs > last.endNs) {
    stretches.push({ name: 'after', from: last.endNs, to: endNs, style: '' });
  }
  return stretches
    .map(({ name, from, to, style }) => {
      const left = (xOf(axis, from) * 100) / PLOT_UNITS;
      const width = (xOf(axis, to) * 100) / PLOT_UNITS - left;
      const fits = width >= LABEL_MIN_PERCENT;
      const text = fits ? escapeHtml(name) : '';
      const place = `left:${short(left)}%;width:${short(width)}%`;
      return `<span class="${style}" title="${escapeHtml(name)}" style="${place}">${text}</span>`;
    })
    .join('');
}

interface Stretch {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly style: string;
}

function stretchOf({ round, kind, startNs, endNs }: Round): Stretch {
  const name = kind === 'live' ? String(round) : kind === 'stop' ? 'stop' : 'post-copy';
  return { name, from: startNs, to: endNs, style: kind === 'stop' ? 'stopped' : 'live' };
}
