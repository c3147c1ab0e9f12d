/**
 * What a fault on an empty entry, or on one that a marker protects, would bring. Read only.
 * Answers to: do_anonymous_page(), do_fault().
 */

import { PAGE_SIZE, PMD_PAGES } from '../base/page.js';
import { cachedAround } from '../mm/cached-around.js';
import { allowsHuge, hasRoomForHuge } from '../mm/huge.js';
import { canAllocHugetlb } from '../mm/hugetlb.js';
import { VM_SHARED, VM_UFFD_MINOR } from '../mm/vma-flags.js';
import {
  type Asked,
  ask,
  bus,
  freshPage,
  type Next,
  poisoned,
  resolved,
  wait,
} from './access-step.js';
import type { PresentView } from './entry-view.js';

/** Whether a marker protects the empty entry: the page that comes is protected then. */
export type Marked = 'marked' | 'unmarked';

/** The fault of an access that the area allows. */
export function missingStep(asked: Asked, marked: Marked): Next {
  const { mm, vma, page, write } = asked;
  if (vma.isHugetlb && vma.lostPages) return [bus('its huge pages were taken back for the parent')];
  if (!vma.isAnonymous) return fileStep(asked, marked);
  if (vma.catchesMissing) return ask(asked, 'missing', 'no page is there, registered for MISSING');
  const huge = allowsHuge(mm, vma) && hasRoomForHuge(vma, page) && !mm.hasTable(page);
  const pages = huge ? PMD_PAGES : 1;
  return write || !mm.memory.profile.config.zeroPage
    ? brings(marked, 'a page of zeros', own(marked), pages)
    : brings(marked, 'the zero page', { page: 'zero page', writable: false }, pages);
}

const UNTOUCHED = 'nobody touched the page before';

/** Maps a page; a marker protects what comes. */
function brings(
  marked: Marked,
  what: string,
  how: Partial<PresentView> & { writable: boolean },
  pages = 1,
  because = UNTOUCHED,
): Next {
  const isProtected = marked === 'marked';
  const entry = freshPage({
    ...how,
    uffdWp: isProtected,
    writable: how.writable && !isProtected,
    huge: pages === PMD_PAGES,
  });
  const does = `maps ${what}${isProtected ? ', protected as the marker says' : ''}`;
  return [resolved(does, because, pages), entry];
}

/** A page of one's own, as a store to a private mapping gets it. */
const own = (marked: Marked): Partial<PresentView> & { writable: boolean } => ({
  page: 'anonymous page',
  writable: marked === 'unmarked',
});

function fileStep(asked: Asked, marked: Marked): Next {
  const { mm, vma, page, write } = asked;
  const inode = vma.file?.inode;
  const index = vma.indexOf(page);
  const around = !write && vma.mayFaultAround ? cachedAround(mm, vma, page) : [];
  if (around.includes(page)) return cached(asked, marked, around.length);
  if (inode === undefined || index >= inode.sizePages) {
    return [bus('the page lies beyond the end of the file')];
  }
  const there = inode.holds(index);
  if (there && vma.has(VM_UFFD_MINOR)) {
    return ask(asked, 'minor', 'the file has the page, and the area is registered for MINOR');
  }
  if (!there && vma.catchesMissing) {
    return ask(asked, 'missing', 'no page is there, registered for MISSING');
  }
  if (!there && vma.isHugetlb && !canAllocHugetlb(vma, index)) {
    return [bus('no huge page is left')];
  }
  if (mm.memory.locks.isLocked(inode.lookup(index))) {
    return [wait('the page of the file is being moved to another frame')];
  }
  if (inode.isBroken(index)) return [poisoned(asked, 'the memory of the page of the file failed')];
  return inode.isUnreadable(index)
    ? [bus('the swap device could not read the page of the file')]
    : cached(asked, marked, Math.max(around.length, vma.pageSize / PAGE_SIZE));
}

/** The page of the file, or a private copy for a store. */
function cached({ vma, page, write }: Asked, marked: Marked, pages: number): Next {
  const inode = vma.file?.inode;
  const has = inode?.holds(vma.indexOf(page)) === true;
  const because = has ? 'the file has the page' : 'the file has a hole there';
  if (write && !vma.has(VM_SHARED)) {
    return brings(marked, 'a private copy of the page', own(marked), pages, because);
  }
  const how = { page: 'page of the file', writable: write || vma.mapsWritable } as const;
  const what =
    pages > 1 && !vma.isHugetlb ? `the page and ${pages - 1} neighbours` : 'the page of the file';
  return brings(marked, what, { ...how, exclusive: false }, pages, because);
}
