/**
 * The chart of the dirty rate: for each live round how many pages the guest dirtied per virtual
 * millisecond, against what the link can carry; for a post-copy how many pages it had to fault for.
 * A pre-copy converges as long as the bars stay below the line.
 */
import { PAGE_WIRE_BYTES } from '../model.js';
import type { MigrationResult, Round } from '../result.js';
import type { Timeline } from '../timeline/timeline.js';
import { escapeHtml, short } from './html.js';
import { type LegendItem, legendOf, PLOT_UNITS, rectPath, renderPlot } from './plot.js';
import { type Axis, roundAxisTo } from './scale.js';

const NS_PER_MS = 1e6;
/** So many bars carry a label. */
const LABELS_MAX = 16;
/** So many bars stand for a post-copy. */
const POSTCOPY_SLICES = 12;

interface Bar {
  readonly label: string;
  readonly style: 'wp' | 'missing';
  readonly pagesPerMs: number;
}

/** The HTML of the chart. */
export function renderDirtyRate(result: MigrationResult, timeline: Timeline): string {
  const { rounds, model, mode } = result;
  const bars = rounds.flatMap((round) => barsOf(round, timeline));
  const linkRate = (model.linkBytesPerNs * NS_PER_MS) / PAGE_WIRE_BYTES;
  const yAxis = roundAxisTo(Math.max(linkRate, ...bars.map((bar) => bar.pagesPerMs)) * 1.05, 5);
  const linkY = short(PLOT_UNITS - yAxis.percentOf(linkRate) * 10);
  return renderPlot({
    id: 'dirty-rate',
    title: mode === 'postcopy' ? 'Pages fetched on demand' : 'Dirty rate per round',
    explanation: explanations[mode],
    heightPx: 230,
    xTicks: bars.flatMap(({ label }, index) =>
      isLabelled(index, bars) ? [{ label, percent: centreOf(index, bars.length) }] : [],
    ),
    yTicks: yAxis.ticks,
    xTitle: xTitles[mode],
    yTitle: 'pages per virtual ms',
    hasGrid: true,
    marks: `${barMarks(bars, yAxis)}<path class="link-rate" d="M0 ${linkY}h${PLOT_UNITS}"/>`,
    strip: '',
    notes: bars.map((_, index) => valueLabel(bars, index, yAxis)).join(''),
    legend: legendOf(legendFor(bars, linkRate)),
  });
}

const xTitles: Readonly<Record<MigrationResult['mode'], string>> = {
  precopy: 'round',
  postcopy: 'virtual ms since the handover',
  hybrid: 'round 1, then virtual ms since the handover',
};

const explanations: Readonly<Record<MigrationResult['mode'], string>> = {
  precopy:
    'Pages that the guest wrote to while a round was being sent, learnt from write-protect ' +
    'faults. Below the dashed line the link is faster than the guest, and the dirty set shrinks.',
  postcopy:
    'Post-copy tracks no dirty pages. Shown is how many pages the guest had to fault for after ' +
    'it went on at the destination, against what the link can send.',
  hybrid:
    'Pages written to during the one pre-copy round, learnt from write-protect faults; then the ' +
    'pages that the guest had to fault for at the destination.',
};

/** A live round is one bar; a post-copy, which is one long round, is cut into slices of time. */
function barsOf(round: Round, { faults }: Timeline): Bar[] {
  const lengthNs = round.endNs - round.startNs;
  if (round.kind === 'stop' || lengthNs <= 0) return [];
  if (round.kind === 'live') {
    const pagesPerMs = (round.pagesDirtied / lengthNs) * NS_PER_MS;
    return [{ label: String(round.round), style: 'wp', pagesPerMs }];
  }
  const sliceNs = lengthNs / POSTCOPY_SLICES;
  const counts = new Array<number>(POSTCOPY_SLICES).fill(0);
  for (const { kind, atNs } of faults) {
    const slice = Math.floor((atNs - round.startNs) / sliceNs);
    if (kind === 'missing') counts[Math.min(slice, POSTCOPY_SLICES - 1)]! += 1;
  }
  return counts.map((count, slice) => ({
    label: `+${((slice * sliceNs) / NS_PER_MS).toFixed(2)}`,
    style: 'missing',
    pagesPerMs: (count / sliceNs) * NS_PER_MS,
  }));
}

function centreOf(index: number, count: number): number {
  return ((index + 0.5) / count) * 100;
}

function barMarks(bars: readonly Bar[], yAxis: Axis): string {
  const slot = PLOT_UNITS / bars.length;
  const width = Math.min(slot * 0.62, 90);
  return bars
    .map(({ style, pagesPerMs }, index) => {
      const height = yAxis.percentOf(pagesPerMs) * 10;
      const x = (index + 0.5) * slot - width / 2;
      return `<path class="fill-${style}" d="${rectPath(x, PLOT_UNITS - height, width, height)}"/>`;
    })
    .join('');
}

/** With many rounds only some are labelled, so that the labels stay apart. */
function isLabelled(index: number, bars: readonly Bar[]): boolean {
  return index % Math.ceil(bars.length / LABELS_MAX) === 0;
}

function valueLabel(bars: readonly Bar[], index: number, yAxis: Axis): string {
  const { pagesPerMs } = bars[index]!;
  if (!isLabelled(index, bars)) return '';
  const left = short(centreOf(index, bars.length));
  const bottom = short(yAxis.percentOf(pagesPerMs));
  const text = escapeHtml(String(Math.round(pagesPerMs)));
  return `<span class="bar-value" style="left:${left}%;bottom:${bottom}%">${text}</span>`;
}

function legendFor(bars: readonly Bar[], linkRate: number): LegendItem[] {
  const has = (style: Bar['style']) => bars.some((bar) => bar.style === style);
  const items: LegendItem[] = [];
  if (has('wp')) items.push({ swatch: 'bg-wp', text: 'dirtied (write-protect faults)' });
  if (has('missing')) items.push({ swatch: 'bg-missing', text: 'fetched on a missing fault' });
  const text = `the link: ${Math.round(linkRate)} pages per ms`;
  return [...items, { swatch: 'dashed', text }];
}
