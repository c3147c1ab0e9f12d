/**
 * Fault-around: a read fault of a file mapping maps cached neighbours too, up to 16 pages.
 * Fills only slots that are exactly none, so that no marker is lost.
 * Answers to: do_fault_around(), filemap_map_pages().
 */

import { cachedAround } from '../mm/cached-around.js';
import { installCached } from '../mm/install.js';
import type { Mm } from '../mm/mm.js';
import type { Vma } from '../mm/vma.js';
import { NO_SLOT } from '../pgtable/arena.js';

/** Maps what the cache has around `page`; true when `page` itself is mapped now. */
export function faultAround(mm: Mm, vma: Vma, page: number): boolean {
  const inode = vma.file?.inode;
  if (inode === undefined) return false;
  let hit = false;
  for (const addr of cachedAround(mm, vma, page)) {
    const slot = mm.slotOrCreate(addr);
    if (slot === NO_SLOT) return false;
    const how = { writable: vma.mapsWritable, dirty: false, protection: 'plain' } as const;
    installCached({ mm, vma, slot, addr }, inode.lookup(vma.indexOf(addr)), how);
    if (addr === page) hit = true;
    else mm.memory.onPage?.({ kind: 'around', mm, addr });
  }
  return hit;
}
