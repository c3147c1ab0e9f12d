/**
 * What there is at one address and what an access would do, as data. Read only: no accessed bit is
 * set, no fault is raised, no translation is remembered.
 */

import { pageDown, TASK_SIZE } from '../base/page.js';
import { isHuge } from '../mm/huge.js';
import type { Mm } from '../mm/mm.js';
import { pteIsHuge } from '../pgtable/pte.js';
import { stepsTo } from '../pgtable/walk.js';
import { accessSteps } from './access-steps.js';
import { entryView } from './entry-view.js';
import { explainText } from './explain-text.js';
import type { Explanation, WalkLevel } from './explanation.js';
import { maps } from './maps.js';

/** Explains an address of an address space. */
export function explain(mm: Mm, addr: number): Explanation {
  const page = pageDown(addr);
  const facts = {
    addr,
    page,
    area: maps(mm).find(({ start, end }) => start <= addr && addr < end),
    walk: addr < TASK_SIZE ? walkTo(mm, addr) : [],
    entry: addr < TASK_SIZE ? entryView(mm, page) : ({ kind: 'none' } as const),
    read: accessSteps(mm, addr, false),
    write: accessSteps(mm, addr, true),
  };
  return { ...facts, text: explainText(facts) };
}

function walkTo(mm: Mm, addr: number): WalkLevel[] {
  const huge = isHuge(mm, addr) || pteIsHuge(mm.pte(addr));
  const steps = stepsTo(mm.memory.tables, mm.root, addr).slice(0, huge ? 3 : 4);
  return steps.map(({ level, table, index }, depth) => {
    const last = depth === steps.length - 1;
    const end = level === 'PTE' ? 'entry' : huge ? 'huge page' : 'nothing';
    return { level, table, index, leadsTo: last ? end : 'table' };
  });
}
