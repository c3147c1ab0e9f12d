/**
 * The end of areas and address spaces. An address space lasts as long as somebody uses it: its
 * process, and each call of another process that is under way in it.
 * Answers to: mmput(), exit_mmap().
 */

import { assert } from '../base/assert.js';
import { dropPromise } from './hugetlb-zap.js';
import type { Mm } from './mm.js';
import { unlinkVma } from './rmap.js';
import type { Vma } from './vma.js';
import { ZAP_TEARDOWN, zapRange } from './zap.js';

/** Empties an area and takes it out. */
export function removeArea(mm: Mm, vma: Vma): void {
  mm.endReading();
  zapRange(mm, vma, vma.start, vma.end, ZAP_TEARDOWN);
  dropPromise(vma);
  unlinkVma(mm, vma);
}

/** Takes everything out: exit, exec, a fork that failed. Nobody is told. */
export function tearDown(mm: Mm): void {
  mm.dead = true;
  for (const vma of [...mm.vmas]) removeArea(mm, vma);
  mm.tlb.flushAll();
  mm.freeAllTables();
}

/** Counts a user off; with the last one everything goes. */
export function releaseMm(mm: Mm): void {
  assert(mm.users > 0, 'an address space is released twice');
  if (--mm.users === 0) tearDown(mm);
}
