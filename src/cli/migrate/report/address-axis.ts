/**
 * The vertical axis that the heat map and the fault timeline share: the guest's pages in address
 * order, without the gaps between mappings, low addresses at the bottom. Labels stand where a
 * region begins; a region is what lies within 1 MiB of its neighbours.
 */
import { formatAddress } from '../format.js';
import { type MemoryLayout, PAGE_BYTES } from '../guest/layout.js';
import { short } from './html.js';
import { PLOT_UNITS } from './plot.js';
import type { Tick } from './scale.js';

/** Labels stand at least so far apart, in percent. */
const LABEL_DISTANCE_PERCENT = 4;
/** Where no region begins for this long, an address is named in between. */
const PLAIN_DISTANCE_PERCENT = 14;
const REGION_GAP_BYTES = 2 ** 20;

/** The place of the lower edge of a page, in percent from below. */
export function percentOfPage(layout: MemoryLayout, page: number): number {
  return (page / layout.pages) * 100;
}

/** The numbers of the pages at which regions begin. */
export function regionStarts(layout: MemoryLayout): number[] {
  const starts: number[] = [];
  let page = 0;
  let end = Number.NEGATIVE_INFINITY;
  for (const range of layout.ranges) {
    if (range.start - end >= REGION_GAP_BYTES) starts.push(page);
    end = range.start + range.pages * PAGE_BYTES;
    page += range.pages;
  }
  return starts;
}

/** The labels of the axis: regions first, then addresses where there is room. */
export function addressTicks(layout: MemoryLayout): Tick[] {
  const ticks: Tick[] = [];
  const add = (page: number, distance: number) => {
    const percent = percentOfPage(layout, page);
    if (ticks.some((tick) => Math.abs(tick.percent - percent) < distance)) return;
    ticks.push({ percent, label: formatAddress(layout.addressOf(page)) });
  };
  const starts = regionStarts(layout);
  for (const page of [...starts.slice(-1), ...starts]) add(page, LABEL_DISTANCE_PERCENT);
  for (let part = 0; part < 24; part++) {
    add(Math.floor((layout.pages * part) / 24), PLAIN_DISTANCE_PERCENT);
  }
  return ticks.sort((a, b) => a.percent - b.percent);
}

/** A thin line below each region. */
export function regionLines(layout: MemoryLayout): string {
  return regionStarts(layout)
    .slice(1)
    .map((page) => {
      const y = short(PLOT_UNITS - percentOfPage(layout, page) * 10);
      return `<path class="region" d="M0 ${y}h${PLOT_UNITS}"/>`;
    })
    .join('');
}
