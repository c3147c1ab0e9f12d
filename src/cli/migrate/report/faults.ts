/**
 * The fault timeline: each fault that reached user space as a dot at its time and page, over the
 * same axes as the heat map, by kind. Dots of one kind are one path of points with round caps.
 */
import { formatCount } from '../format.js';
import type { MemoryLayout } from '../guest/layout.js';
import type { MigrationResult } from '../result.js';
import { FAULT_KINDS, type FaultEvent, type FaultKind } from '../timeline/fault-log.js';
import type { Timeline } from '../timeline/timeline.js';
import { addressTicks, percentOfPage, regionLines } from './address-axis.js';
import { short } from './html.js';
import { type LegendItem, legendOf, PLOT_UNITS, renderPlot } from './plot.js';
import type { Axis } from './scale.js';
import { roundBands, roundStrip, timeAxis, xOf } from './time-axis.js';

const kindTexts: Readonly<Record<FaultKind, string>> = {
  wp: 'write-protect fault at the source',
  missing: 'missing fault at the destination',
};

/** The HTML of the chart. */
export function renderFaults(
  result: MigrationResult,
  timeline: Timeline,
  layout: MemoryLayout,
): string {
  const xAxis = timeAxis(result, timeline);
  const dots = FAULT_KINDS.map((kind) => dotsOf(timeline.faults, kind, layout, xAxis));
  return renderPlot({
    id: 'faults',
    title: 'Faults over time',
    explanation: explanationOf(timeline),
    heightPx: 320,
    xTicks: xAxis.ticks,
    yTicks: addressTicks(layout),
    xTitle: 'virtual time, ms',
    yTitle: 'address',
    hasGrid: false,
    marks: roundBands(result, xAxis) + regionLines(layout) + dots.join(''),
    strip: roundStrip(result, timeline, xAxis),
    notes: '',
    legend: legendOf(legendFor(timeline.faults)),
  });
}

function explanationOf({ faults, faultsTotal }: Timeline): string {
  const shown =
    faults.length < faultsTotal
      ? `the first ${formatCount(faults.length)} of ${formatCount(faultsTotal)} are shown`
      : `${formatCount(faultsTotal)} in all`;
  return (
    `Each dot is a message that a userfaultfd delivered (${shown}): the thread sleeps until the ` +
    'page is unprotected, or until it has come over the link.'
  );
}

function dotsOf(
  faults: readonly FaultEvent[],
  kind: FaultKind,
  layout: MemoryLayout,
  xAxis: Axis,
): string {
  const points = faults
    .filter((fault) => fault.kind === kind)
    .map(({ atNs, page }) => {
      const y = PLOT_UNITS - percentOfPage(layout, page + 0.5) * 10;
      return `M${short(xOf(xAxis, atNs))} ${short(y)}h0`;
    });
  return points.length > 0 ? `<path class="dots dots-${kind}" d="${points.join('')}"/>` : '';
}

function legendFor(faults: readonly FaultEvent[]): LegendItem[] {
  const items = FAULT_KINDS.flatMap((kind) => {
    const count = faults.filter((fault) => fault.kind === kind).length;
    return count > 0 ? [{ swatch: `dot bg-${kind}`, text: `${kindTexts[kind]}` }] : [];
  });
  return [...items, { swatch: 'bg-downtime', text: 'guest stopped' }];
}
