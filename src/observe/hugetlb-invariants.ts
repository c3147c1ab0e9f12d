/**
 * What must hold for the pools of huge pages: no page is lost, and what is promised is exactly what
 * files and areas still have to get. Slow and read only.
 */

import { assert } from '../base/assert.js';
import { HugetlbInode } from '../file/hugetlb.js';
import type { Inode } from '../file/inode.js';
import type { MachineMemory } from '../mm/memory.js';
import type { Mm } from '../mm/mm.js';
import { FRAME_HUGETLB } from '../phys/frames.js';
import type { HugePool } from '../phys/huge-pool.js';

/** Checks the pools against the areas and files that exist. */
export function checkPools(
  { frames, hugePools }: MachineMemory,
  spaces: readonly Mm[],
  inodes: ReadonlySet<Inode>,
): void {
  for (const pool of hugePools.values()) {
    let lent = 0;
    for (const pfn of frames.allocated()) {
      if (frames.has(pfn, FRAME_HUGETLB) && pool.owns(pfn)) lent++;
    }
    const where = `pool of ${pool.pageSize} bytes`;
    assert(pool.free + lent === pool.total, `${where}: ${pool.free} free, ${lent} lent`);
    const promised = promisedTo(pool, spaces, inodes);
    assert(pool.reserved === promised, `${where}: ${pool.reserved} promised, ${promised} found`);
    assert(pool.reserved <= pool.free, `${where}: more is promised than free`);
  }
}

function promisedTo(pool: HugePool, spaces: readonly Mm[], inodes: ReadonlySet<Inode>): number {
  let pages = 0;
  for (const inode of inodes) {
    if (inode instanceof HugetlbInode && inode.pool === pool) pages += inode.outstanding;
  }
  for (const { vmas } of spaces) {
    for (const vma of vmas) {
      if (vma.promise?.pool !== pool) continue;
      pages += vma.promise.outstanding(vma.pgoff, vma.indexOf(vma.end));
    }
  }
  return pages;
}
