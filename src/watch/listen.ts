/**
 * Hearing what happens to the pages of a machine, from whichever of its processes one holds.
 * Sees to it that no store goes past unheard: translations that allow one are forgotten.
 */

import type { Process } from '../machine/process.js';
import { Mm } from '../mm/mm.js';
import { hearPages, type PageListener } from '../mm/page-events.js';

/** Lets `listener` hear of every page of the machine; the answer ends it. */
export function listenTo({ state }: Process, listener: PageListener): () => void {
  const { memory } = state.mm;
  const stop = hearPages(memory, listener);
  for (const viewer of memory.viewers) if (viewer instanceof Mm) viewer.tlb.forgetWrites();
  return stop;
}
