/**
 * The frame that every chart of the report shares: a title and a sentence, a plot whose marks are
 * an SVG stretched to it, axes in HTML around it, a legend below. Marks use the coordinates 0..1000
 * by 0..1000; lines and dots keep their width through non-scaling strokes.
 */
import { escapeHtml, short } from './html.js';
import type { Tick } from './scale.js';

/** The width and the height of a plot in the units of its marks. */
export const PLOT_UNITS = 1000;

/** A mark of the legend: the class that colours it, and what it means. */
export interface LegendItem {
  readonly swatch: string;
  readonly text: string;
}

/** What a chart is made of. */
export interface Plot {
  /** Names the plot to the script of the page. */
  readonly id: string;
  readonly title: string;
  readonly explanation: string;
  readonly heightPx: number;
  readonly xTicks: readonly Tick[];
  readonly yTicks: readonly Tick[];
  readonly xTitle: string;
  readonly yTitle: string;
  /** Whether horizontal lines mark the ticks. */
  readonly hasGrid: boolean;
  /** SVG marks. */
  readonly marks: string;
  /** HTML above the plot, positioned in percent of its width. */
  readonly strip: string;
  /** HTML over the marks. */
  readonly notes: string;
  readonly legend: string;
}

/** The HTML of a chart. */
export function renderPlot(plot: Plot): string {
  const grid = plot.hasGrid ? plot.yTicks.map(gridLine).join('') : '';
  return `<section class="chart" aria-labelledby="${plot.id}-title">
<h2 id="${plot.id}-title">${escapeHtml(plot.title)}</h2>
<p class="explanation">${escapeHtml(plot.explanation)}</p>
<div class="frame">
<div class="y-title">${escapeHtml(plot.yTitle)}</div>
<div class="y-axis">${plot.yTicks.map(yLabel).join('')}</div>
<div class="strip">${plot.strip}</div>
<div class="plot" id="${plot.id}" style="height:${plot.heightPx}px">
<svg viewBox="0 0 ${PLOT_UNITS} ${PLOT_UNITS}" preserveAspectRatio="none" role="img"
 aria-label="${escapeHtml(plot.title)}">${grid}${plot.marks}</svg>
${plot.notes}</div>
<div class="x-axis">${plot.xTicks.map(xLabel).join('')}</div>
<div class="x-title">${escapeHtml(plot.xTitle)}</div>
</div>
<div class="legend">${plot.legend}</div>
</section>`;
}

/** The HTML of a legend. */
export function legendOf(items: readonly LegendItem[]): string {
  return items
    .map(({ swatch, text }) => `<span><i class="swatch ${swatch}"></i>${escapeHtml(text)}</span>`)
    .join('');
}

/** A rectangle in the units of the plot, as a part of an SVG path. */
export function rectPath(x: number, y: number, width: number, height: number): string {
  return `M${short(x)} ${short(y)}h${short(width)}v${short(height)}h${short(-width)}z`;
}

function gridLine({ percent }: Tick): string {
  const y = short(PLOT_UNITS - percent * 10);
  return `<path class="grid" d="M0 ${y}h${PLOT_UNITS}"/>`;
}

function yLabel({ percent, label }: Tick): string {
  return `<span style="bottom:${short(percent)}%">${escapeHtml(label)}</span>`;
}

function xLabel({ percent, label }: Tick): string {
  return `<span style="left:${short(percent)}%">${escapeHtml(label)}</span>`;
}
