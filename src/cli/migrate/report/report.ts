/**
 * The report of one migration: a single HTML page with its style, its script and its data inside,
 * so that it opens from disk, without a network, for as long as there are browsers. Puts the parts
 * into the template; what they show is theirs.
 */
import type { MemoryLayout } from '../guest/layout.js';
import type { MigrationResult } from '../result.js';
import type { Timeline } from '../timeline/timeline.js';
import { renderDirtyRate } from './dirty-rate.js';
import { renderFaults } from './faults.js';
import { renderHeat } from './heat.js';
import { escapeHtml, scriptJson } from './html.js';
import style from './report.css';
import template from './report.html';
import { renderFacts, renderFigures, renderRounds } from './rounds-table.js';
import { timeAxis } from './time-axis.js';

const modeNames = { precopy: 'Pre-copy', postcopy: 'Post-copy', hybrid: 'Hybrid' } as const;

/** The page as a text. */
export function renderReport(
  result: MigrationResult,
  timeline: Timeline,
  layout: MemoryLayout,
): string {
  const title = escapeHtml(`${modeNames[result.mode]} migration of ${result.trace.file}`);
  const parts: Readonly<Record<string, string>> = {
    style: `<title>${title}</title>\n<style>\n${style}</style>`,
    heading: `<h1>${title}</h1>\n<p class="outcome ${result.outcome}">${outcomeText(result)}</p>`,
    figures: renderFigures(result),
    charts: [
      renderDirtyRate(result, timeline),
      renderHeat(result, timeline, layout),
      renderFaults(result, timeline, layout),
    ].join('\n'),
    rounds: renderRounds(result),
    facts: renderFacts(result),
    data:
      '<script type="application/json" id="data">' +
      `${scriptJson(dataFor(result, timeline, layout))}</script>`,
  };
  return template.replace(/<!--\{([a-z-]+)\}-->/g, (_, name: string) => parts[name] ?? '');
}

function outcomeText({ verification }: MigrationResult): string {
  if (verification.verified) return 'Verified: both memories are the same';
  const pages = verification.mismatches.length;
  return pages > 0 ? `Mismatch: ${pages} pages differ` : 'Mismatch: the guest loaded other values';
}

/** What the script of the page shows under the pointer. */
function dataFor(result: MigrationResult, timeline: Timeline, layout: MemoryLayout) {
  return {
    pages: layout.pages,
    ranges: layout.ranges.map(({ start, pages }) => [start, pages]),
    endMs: timeAxis(result, timeline).max,
    heat: timeline.heat,
    faults: timeline.faults.map(({ kind, atNs, page, isWrite, vcpu, stallNs }) => [
      kind,
      atNs,
      page,
      isWrite ? 1 : 0,
      vcpu,
      stallNs,
    ]),
  };
}
