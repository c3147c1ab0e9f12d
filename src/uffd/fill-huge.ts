/**
 * UFFDIO_COPY and UFFDIO_CONTINUE of huge pages: the entry is looked at first, the page comes from
 * the pool or the file, a private one that continues the file's stays read-only.
 * Answers to: hugetlb_mfill_atomic_pte().
 */

import { type Failure, fail, failed } from '../base/errno.js';
import type { Op } from '../base/op.js';
import { adoptHugetlb, allocHugetlb, installHugetlb } from '../mm/hugetlb.js';
import { hugetlbInode } from '../mm/hugetlb-area.js';
import type { Place, Protection } from '../mm/install.js';
import { NO_FRAME } from '../phys/frames.js';
import { type CopyArgs, kindOf, readSource } from './copy-source.js';
import { beyondFile, type FillCall, type FillPlace } from './fill.js';
import { occupied } from './fill-checks.js';

/** UFFDIO_COPY of one huge page. */
export function* copyHugePage(
  call: FillCall,
  args: CopyArgs,
  place: FillPlace,
  asWp: boolean,
): Op<Failure | undefined> {
  const { vma, mm } = place;
  const refused = refusedCopy(place);
  if (refused !== undefined) return refused;
  const before = kindOf(vma);
  const bytes = yield* readSource(call, args, place.offset, vma.pageSize);
  if (failed(bytes)) return bytes;
  const again = typeof args.src === 'number' ? place.revalidate() : place;
  if (failed(again)) return again;
  if (mm.memory.profile.has('copyRechecksArea') && kindOf(again.vma) !== before) {
    return fail('EAGAIN', 'the destination became another mapping while the source was awaited');
  }
  return refusedCopy(again) ?? install(again, bytes, asWp ? 'uffd-wp' : 'plain');
}

function refusedCopy(place: Place): Failure | undefined {
  const taken = occupied(place);
  if (taken !== undefined) return taken;
  const { vma, addr } = place;
  return vma.isShared && hugetlbInode(vma).lookup(vma.indexOf(addr)) !== NO_FRAME
    ? fail('EEXIST', 'the page is in the page cache already (UFFDIO_CONTINUE maps it)')
    : undefined;
}

function install(place: Place, bytes: Uint8Array, protection: Protection): Failure | undefined {
  const { mm, vma, addr } = place;
  const { pool } = hugetlbInode(vma);
  if (vma.isShared && beyondFile(place)) {
    return fail('EFAULT', 'the page lies beyond the end of the file');
  }
  const index = vma.indexOf(addr);
  const pfn = allocHugetlb(vma, index);
  if (pfn === NO_FRAME) return emptyPool(place);
  pool.write(pfn, bytes);
  if (vma.isShared) hugetlbInode(vma).add(index, pfn);
  else adoptHugetlb(place, pfn);
  installHugetlb(place, pfn, { access: 'write', protection });
  mm.memory.frames.put(pfn);
  return undefined;
}

function emptyPool({ mm }: Place): Failure {
  const code = mm.memory.profile.has('hugetlbCopyEmptyPoolEexist') ? 'EEXIST' : 'ENOMEM';
  return fail(code, 'no huge page is left');
}

/** UFFDIO_CONTINUE of one huge page. */
export function continueHuge(place: Place, protection: Protection): Failure | undefined {
  const { vma, addr } = place;
  const pfn = hugetlbInode(vma).lookup(vma.indexOf(addr));
  if (pfn === NO_FRAME) return fail('EFAULT', 'the page is not in the page cache');
  const taken = occupied(place);
  if (taken !== undefined) return taken;
  installHugetlb(place, pfn, { access: vma.isShared ? 'write' : 'read', protection });
  return undefined;
}
