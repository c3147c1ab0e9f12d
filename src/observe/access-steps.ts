/**
 * What an access would do, step by step, without doing it: the faults that the kernel would resolve
 * by itself, and how it ends. Read only: a model of the fault path, which tests hold to the path.
 * Answers to: handle_pte_fault().
 */

import type { Pfn, SwapSlot } from '../base/brand.js';
import { pageDown, TASK_SIZE } from '../base/page.js';
import type { Mm } from '../mm/mm.js';
import { stackAbove } from '../mm/stack-room.js';
import { VM_ACCESS, VM_UFFD_RWP, VM_UFFD_WP, VM_WRITE } from '../mm/vma-flags.js';
import {
  type AccessStep,
  type Asked,
  ask,
  bus,
  freshPage,
  hit,
  type Next,
  poisoned,
  resolved,
  segv,
  wait,
} from './access-step.js';
import {
  type EntryView,
  entryView,
  type MarkerView,
  type PresentView,
  type SwapView,
} from './entry-view.js';
import { missingStep } from './missing-step.js';

const POISONED = 'the page is poisoned';

/** No access takes more: grow the stack, drop a marker, read, map, protect, grant. */
const STEPS_MAX = 8;

/** The steps of a load or a store by user code, to its end. */
export function accessSteps(mm: Mm, addr: number, write: boolean): AccessStep[] {
  if (addr >= TASK_SIZE) return [segv('SEGV_MAPERR', 'the address is not in user space')];
  const vma = mm.vmas.find(addr);
  if (vma !== undefined) {
    const asked: Asked = { mm, vma, page: vma.pageStart(addr), write };
    return stepsFrom(asked, entryView(mm, addr));
  }
  const stack = stackAbove(mm, addr);
  if (stack === undefined) return [segv('SEGV_MAPERR', 'nothing is mapped there')];
  const grows = resolved('extends the area above down to it', 'the area is MAP_GROWSDOWN');
  const asked: Asked = { mm, vma: stack, page: pageDown(addr), write };
  return [grows, ...stepsFrom(asked, { kind: 'none' })];
}

function stepsFrom(asked: Asked, first: EntryView): AccessStep[] {
  const steps: AccessStep[] = [];
  let entry: EntryView | undefined = first;
  while (entry !== undefined && steps.length < STEPS_MAX) {
    const [step, left]: Next = stepFrom(asked, entry);
    steps.push(step);
    entry = left;
  }
  return steps;
}

function stepFrom(asked: Asked, entry: EntryView): Next {
  const { vma, write } = asked;
  if (entry.kind === 'present' && !entry.protNone && (entry.writable || !write)) {
    return [hit(write ? 'the entry is writable' : 'the entry is readable')];
  }
  if (!vma.has(write ? VM_WRITE : VM_ACCESS)) {
    return [segv('SEGV_ACCERR', `the area does not allow ${write ? 'stores' : 'any access'}`)];
  }
  switch (entry.kind) {
    case 'present':
      return presentStep(asked, entry);
    case 'swap':
      return swapStep(asked, entry);
    case 'migration':
      return [wait('the page is being moved to another frame')];
    case 'hwpoison':
      return [poisoned(asked, 'the memory of the page failed')];
    case 'swap error':
      return [bus('swapoff could not read the page')];
    case 'marker':
      return markerStep(asked, entry);
    case 'none':
      return missingStep(asked, 'unmarked');
  }
}

function presentStep(asked: Asked, entry: PresentView): Next {
  const { vma } = asked;
  if (vma.has(VM_UFFD_RWP) && entry.uffdWp) return hiddenStep(asked, entry);
  if (!asked.write) return [hit('the entry is readable')];
  if (vma.isHugetlb && entry.uffdWp && !vma.has(VM_UFFD_WP)) {
    return [wait('the area lost WP, the page did not: the fault is tried again for ever')];
  }
  if (!entry.uffdWp || !vma.has(VM_UFFD_WP)) return writeStep(asked, entry, '');
  return vma.uffd?.wpAsync === true
    ? writeStep(asked, { ...entry, uffdWp: false }, 'takes the protection off and ')
    : ask(asked, 'wp', 'the page is write-protected, and the area is registered for WP');
}

function hiddenStep(asked: Asked, entry: PresentView): Next {
  if (asked.vma.uffd?.rwpAsync !== true) {
    return ask(
      asked,
      'rwp',
      'the page is read-write-protected, and the area is registered for RWP',
    );
  }
  const writable = asked.vma.has(VM_WRITE) && !asked.vma.isShared && entry.exclusive;
  const shown = { ...entry, protNone: false, uffdWp: false, writable };
  return [resolved('takes the protection off', 'the userfaultfd has RWP_ASYNC'), shown];
}

/** A store to a page that nobody protects: the kernel lets it through, or gives it a copy. */
function writeStep({ mm, vma }: Asked, entry: PresentView, also: string): Next {
  if (vma.isShared) {
    const step = resolved(`${also}grants write permission`, 'the first store is to be noticed');
    return [step, { ...entry, writable: true }];
  }
  const { frames } = mm.memory;
  const alone =
    entry.exclusive || (vma.isHugetlb ? entry.maps === 1 : frames.refs(entry.frame as Pfn) === 1);
  if (entry.page === 'anonymous page' && alone) {
    const step = resolved(`${also}grants write permission`, 'nobody else has the page');
    return [step, { ...entry, writable: true }];
  }
  const own = { ...entry, page: 'anonymous page', writable: true, uffdWp: false } as const;
  return entry.page === 'zero page'
    ? [resolved(`${also}maps a page of zeros`, 'the zero page is for reading'), own]
    : [resolved(`${also}maps a copy of the page`, 'the page is shared with others'), own];
}

function swapStep(asked: Asked, entry: SwapView): Next {
  if (!entry.readable) return [bus('the swap device cannot read the page; its entry stays')];
  const { vma } = asked;
  const hidden = entry.uffdWp && vma.has(VM_UFFD_RWP);
  const exclusive = comesBackAlone(asked.mm, entry);
  const guarded = entry.uffdWp && vma.has(VM_UFFD_WP | VM_UFFD_RWP);
  const from = entry.cached ? 'the swap cache' : entry.device;
  const back = freshPage({
    protNone: hidden,
    exclusive,
    uffdWp: entry.uffdWp,
    writable: exclusive && !guarded && !vma.isShared && vma.has(VM_WRITE),
  });
  const how = entry.uffdWp ? ', protected as it was' : '';
  return [resolved(`brings the page back from ${from}${how}`, 'the page is in swap'), back];
}

/** Whether nobody else can reach the page any more. */
function comesBackAlone({ memory: { swap, frames } }: Mm, entry: SwapView): boolean {
  const slot = entry.slot as SwapSlot;
  const alone = swap.count(slot) === 1;
  if (!entry.cached) return alone || entry.exclusive;
  return alone && frames.refs(swap.cached(slot)) === 1;
}

function markerStep(asked: Asked, { bits }: MarkerView): Next {
  if (bits.includes('poisoned')) {
    const isHardware = asked.mm.memory.profile.has('poisonIsHwpoison');
    return [isHardware ? poisoned(asked, POISONED) : bus(POISONED)];
  }
  if (bits.includes('guard')) return [segv('SEGV_MAPERR', 'a guard is installed there')];
  if (bits.includes('unknown')) return [bus('a marker is there that has no meaning')];
  const { vma } = asked;
  if (vma.has(VM_UFFD_WP) || vma.isHugetlb) return missingStep(asked, 'marked');
  const because = 'the area is not registered for WP any more';
  return [resolved('drops the marker', because), { kind: 'none' }];
}
