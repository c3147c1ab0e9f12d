/**
 * The chart of the working set: how often each part of the guest's memory is accessed over time, in
 * seven logarithmic steps of one colour. Neighbouring cells of one step are one rectangle, and each
 * step is one path, which keeps the page small.
 */
import { formatCount } from '../format.js';
import type { MemoryLayout } from '../guest/layout.js';
import type { MigrationResult } from '../result.js';
import type { HeatMapData } from '../timeline/heat-map.js';
import type { Timeline } from '../timeline/timeline.js';
import { addressTicks, regionLines } from './address-axis.js';
import { PLOT_UNITS, rectPath, renderPlot } from './plot.js';
import type { Axis } from './scale.js';
import { roundBands, roundStrip, timeAxis, xOf } from './time-axis.js';

const LEVELS = 7;

/** The HTML of the chart. */
export function renderHeat(
  result: MigrationResult,
  timeline: Timeline,
  layout: MemoryLayout,
): string {
  const xAxis = timeAxis(result, timeline);
  const { heat } = timeline;
  const most = Math.max(1, ...heat.rows.map((row) => Math.max(0, ...row)));
  const binUs = heat.binNs / 1000;
  return renderPlot({
    id: 'heat',
    title: 'Working set over time',
    explanation:
      `Accesses of the guest by address and time; a cell is ${heat.pagesPerRow * 4} KiB by ` +
      `${binUs.toFixed(binUs < 10 ? 1 : 0)} µs. Counted by the trace player for this picture: ` +
      'the tracker knows of writes only what its write-protect faults tell.',
    heightPx: 400,
    xTicks: xAxis.ticks,
    yTicks: addressTicks(layout),
    xTitle: 'virtual time, ms',
    yTitle: 'address',
    hasGrid: false,
    marks: roundBands(result, xAxis) + levelPaths(heat, layout, xAxis, most) + regionLines(layout),
    strip: roundStrip(result, timeline, xAxis),
    notes: '',
    legend: legend(most),
  });
}

/** The step of a count: 0 for none, then 1 to LEVELS with the logarithm. */
export function levelOf(count: number, most: number): number {
  if (count === 0) return 0;
  if (most <= 1) return LEVELS;
  return Math.min(LEVELS, 1 + Math.floor((Math.log(count) / Math.log(most)) * LEVELS));
}

function levelPaths(heat: HeatMapData, layout: MemoryLayout, xAxis: Axis, most: number): string {
  const paths = Array.from({ length: LEVELS + 1 }, () => '');
  heat.rows.forEach((counts, row) => {
    const first = row * heat.pagesPerRow;
    const end = Math.min(layout.pages, first + heat.pagesPerRow);
    const top = PLOT_UNITS * (1 - end / layout.pages);
    const height = (PLOT_UNITS * (end - first)) / layout.pages;
    for (const { from, to, level } of runsOf(counts, most)) {
      const x = xOf(xAxis, from * heat.binNs);
      const right = Math.min(PLOT_UNITS, xOf(xAxis, to * heat.binNs));
      paths[level] += rectPath(x, top, right - x, height);
    }
  });
  return paths
    .map((d, level) => (d && level ? `<path class="heat-${level}" d="${d}"/>` : ''))
    .join('');
}

function* runsOf(
  counts: readonly number[],
  most: number,
): Generator<{ from: number; to: number; level: number }> {
  let from = 0;
  let level = levelOf(counts[0] ?? 0, most);
  for (let column = 1; column <= counts.length; column++) {
    const next = column < counts.length ? levelOf(counts[column] ?? 0, most) : -1;
    if (next === level) continue;
    if (level > 0) yield { from, to: column, level };
    from = column;
    level = next;
  }
}

function legend(most: number): string {
  const steps = Array.from({ length: LEVELS }, (_, index) => {
    const from = Math.max(1, Math.ceil(most ** (index / LEVELS)));
    return `<i class="step bg-heat-${index + 1}" title="from ${formatCount(from)}"></i>`;
  });
  return (
    `<span>accesses per cell: 1 <span class="steps">${steps.join('')}</span> ` +
    `${formatCount(most)} (logarithmic)</span>` +
    '<span><i class="swatch bg-downtime"></i>guest stopped</span>'
  );
}
