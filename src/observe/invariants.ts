/**
 * What must hold after every operation, checked over a whole machine. Slow and read only.
 * Counts what page tables, files and descriptors hold, and compares with what frames say.
 */

import { assert } from '../base/assert.js';
import type { Pfn, SwapSlot } from '../base/brand.js';
import { PAGE_SIZE, PMD_PAGES, TASK_SIZE } from '../base/page.js';
import type { Inode } from '../file/inode.js';
import { MappedFile } from '../file/mapped-file.js';
import type { OpenFile } from '../file/open-file.js';
import { hasRoomForHuge, isHugeSlot } from '../mm/huge.js';
import { visitHugetlb } from '../mm/hugetlb-area.js';
import { isMerged } from '../mm/ksm-page.js';
import type { MachineMemory } from '../mm/memory.js';
import type { Mm } from '../mm/mm.js';
import type { Vma } from '../mm/vma.js';
import { VM_UFFD, VM_UFFD_WP } from '../mm/vma-flags.js';
import { type Slot, slotAfter } from '../pgtable/arena.js';
import {
  MARKER_NONE,
  PTE_NONE,
  type Pte,
  pteAllows,
  pteIsDirty,
  pteIsHwpoison,
  pteIsMigration,
  pteIsPresent,
  pteIsSpecial,
  pteIsSwap,
  pteIsSwapinError,
  pteIsUffdWp,
  pteIsWritable,
  pteMarkerBits,
  ptePfn,
  ptePfnAt,
  pteSwapSlot,
} from '../pgtable/pte.js';
import { collectTables } from '../pgtable/walk.js';
import {
  FRAME_ANON,
  FRAME_EXCLUSIVE,
  FRAME_HWPOISON,
  FRAME_LARGE,
  headOf,
  ZERO_PFN,
} from '../phys/frames.js';
import { checkPools } from './hugetlb-invariants.js';

/** What page tables refer to, counted. */
interface Found {
  readonly maps: Map<Pfn, number>;
  readonly users: Map<SwapSlot, number>;
}

/** Who may hold memory: address spaces, open files, and files by name. */
export interface Holders {
  readonly spaces: readonly Mm[];
  readonly files: readonly OpenFile[];
  readonly inodes: Iterable<Inode>;
}

/** Checks a machine's memory against the address spaces and files that exist. */
export function checkInvariants(memory: MachineMemory, holders: Holders): void {
  const { spaces } = holders;
  const found: Found = { maps: new Map(), users: new Map() };
  for (const mm of spaces) {
    checkAreas(mm);
    checkEntries(mm, found);
    checkTlb(mm);
  }
  const inodes = inodesOf(holders);
  checkFrames(memory, found.maps, inodes);
  checkSwap(memory, found.users, inodes);
  checkPools(memory, spaces, inodes);
  const tables = spaces.reduce((sum, mm) => sum + collectTables(memory.tables, mm.root).length, 0);
  assert(tables === memory.tables.used, `${memory.tables.used} page tables, ${tables} reachable`);
}

function checkAreas(mm: Mm): void {
  let end = 0;
  for (const vma of mm.vmas) {
    const where = `area at ${hex(vma.start)}`;
    assert(vma.start >= end && vma.start < vma.end, `${where} is out of order or empty`);
    assert(vma.end <= TASK_SIZE, `${where} leaves user space`);
    assert(vma.start % PAGE_SIZE === 0 && vma.end % PAGE_SIZE === 0, `${where} is not aligned`);
    assert(vma.has(VM_UFFD) === (vma.uffd !== undefined), `${where}: modes without a context`);
    assert(vma.site !== undefined, `${where} is not in the reverse map`);
    for (const owner of ownersOf(vma)) {
      assert(owner.sites.has(vma.site), `${where} is unknown to an owner of its pages`);
    }
    assert(
      vma.anonVma === undefined || vma.anonChain.includes(vma.anonVma),
      `${where}: its own owner is not in its chain`,
    );
    end = vma.end;
  }
}

const ownersOf = (vma: Vma) =>
  vma.file === undefined ? vma.anonChain : [vma.file.inode, ...vma.anonChain];

function checkEntries(mm: Mm, found: Found): void {
  mm.visit(0, TASK_SIZE, (first, start, count) => {
    if (isHugeSlot(mm, first)) checkHuge(mm, first, start, count);
    for (let i = 0; i < count; i++) {
      const pte = mm.load(slotAfter(first, i));
      const addr = start + i * PAGE_SIZE;
      if (pte !== PTE_NONE) checkEntry(mm, addr, pte, found);
    }
  });
  for (const vma of mm.vmas) {
    if (!vma.isHugetlb) continue;
    visitHugetlb(mm, vma, vma, (slot, addr) => {
      const pte = mm.load(slot);
      if (pte !== PTE_NONE) checkEntry(mm, addr, pte, found);
    });
  }
}

/** The entries that are one huge entry map one huge page, or zeros, in order and alike. */
function checkHuge(mm: Mm, first: Slot, start: number, count: number): void {
  const where = `huge entry at ${hex(start)}`;
  assert(count === PMD_PAGES, `${where} is seen in part`);
  const area = mm.vmas.find(start);
  assert(area !== undefined && hasRoomForHuge(area, start), `${where} leaves its area`);
  const head = mm.load(first);
  const zero = pteIsSpecial(head);
  assert(zero || ptePfn(head) === headOf(ptePfn(head)), `${where} begins inside a huge page`);
  for (let i = 0; i < count; i++) {
    const pte = mm.load(slotAfter(first, i));
    assert(pteIsPresent(pte), `${where} has an entry without a page`);
    assert(ptePfn(pte) === ptePfn(head) + (zero ? 0 : i), `${where} maps scattered pages`);
    const alike =
      pteIsWritable(pte) === pteIsWritable(head) && pteIsUffdWp(pte) === pteIsUffdWp(head);
    assert(alike && pteIsSpecial(pte) === zero, `${where} has entries that differ`);
    const { frames } = mm.memory;
    if (zero) continue;
    assert(frames.has(ptePfn(pte), FRAME_LARGE), `${where} maps single pages`);
    const exclusive = frames.has(ptePfn(pte), FRAME_EXCLUSIVE);
    assert(exclusive === frames.has(ptePfn(head), FRAME_EXCLUSIVE), `${where} is partly shared`);
  }
}

function checkEntry(mm: Mm, addr: number, pte: Pte, { maps, users }: Found): void {
  const vma = mm.vmas.find(addr);
  assert(vma !== undefined, `entry at ${hex(addr)} outside every area`);
  if (pteIsSwap(pte)) {
    const slot = pteSwapSlot(pte);
    users.set(slot, (users.get(slot) ?? 0) + 1);
    return;
  }
  if (pteIsMigration(pte)) {
    assert(mm.memory.locks.isLocked(ptePfn(pte)), `page at ${hex(addr)} moves without an end`);
    return;
  }
  if (pteIsHwpoison(pte)) {
    const isLost = mm.memory.frames.has(ptePfn(pte), FRAME_HWPOISON);
    assert(isLost, `page at ${hex(addr)} is lost in a frame that is not`);
    return;
  }
  if (!pteIsPresent(pte)) {
    const says = pteIsSwapinError(pte) || pteMarkerBits(pte) !== MARKER_NONE;
    assert(says, `empty marker at ${hex(addr)}`);
    return;
  }
  // Before 7.3 a registration could lose WP and get it back: bits from before it may be stale.
  const mayBeStale = mm.memory.profile.has('reregisterDropWp');
  const isProtected = !mayBeStale && pteIsUffdWp(pte) && vma.has(VM_UFFD_WP);
  assert(!isProtected || !pteIsWritable(pte), `writable protected page at ${hex(addr)}`);
  if (pteIsSpecial(pte)) {
    assert(ptePfn(pte) === ZERO_PFN && !pteIsWritable(pte), `odd zero page at ${hex(addr)}`);
    return;
  }
  maps.set(ptePfn(pte), (maps.get(ptePfn(pte)) ?? 0) + 1);
  checkOwner(mm, vma, addr, pte);
}

function checkOwner(mm: Mm, vma: Vma, addr: number, pte: Pte): void {
  const { frames } = mm.memory;
  const pfn = ptePfn(pte);
  const owner = frames.owner(pfn);
  const where = `page at ${hex(addr)}`;
  const anon = frames.has(pfn, FRAME_ANON);
  if (isMerged(frames, pfn)) {
    assert(anon && !pteIsWritable(pte), `${where} is merged and not a read-only page`);
    return;
  }
  assert(anon === (owner?.kind === 'anon'), `${where}: kind of frame and owner differ`);
  assert(
    owner !== undefined && vma.site !== undefined && owner.sites.has(vma.site),
    `${where} cannot be found from its owner`,
  );
  assert(vma.indexOf(addr) === frames.ownerIndex(pfn), `${where} has the index of another page`);
  const writable = pteIsWritable(pte) && !vma.isShared;
  assert(!writable || frames.has(pfn, FRAME_EXCLUSIVE), `${where} is writable and shared`);
}

function checkTlb(mm: Mm): void {
  for (const page of mm.tlb.pages()) {
    const pte = mm.pte(page);
    const { pfn, read, write } = mm.tlb.cached(page);
    const allowed = pteIsPresent(pte) && (!read || pteAllows(pte, false));
    assert(allowed, `stale read translation of ${hex(page)}`);
    const writes = !write || (pteIsWritable(pte) && pteIsDirty(pte));
    assert(writes, `stale write translation of ${hex(page)}`);
    assert(pfn === ptePfnAt(pte, page), `translation of ${hex(page)} leads to another frame`);
  }
}

function inodesOf({ spaces, files, inodes: named }: Holders): Set<Inode> {
  const inodes = new Set<Inode>(named);
  for (const file of files) if (file instanceof MappedFile) inodes.add(file.inode);
  for (const mm of spaces) {
    for (const { file } of mm.vmas) if (file !== undefined) inodes.add(file.inode);
  }
  return inodes;
}

function checkFrames(
  { frames, swap, moves }: MachineMemory,
  maps: ReadonlyMap<Pfn, number>,
  inodes: ReadonlySet<Inode>,
): void {
  const cached = new Map<Pfn, number>();
  for (const { from, to } of moves.values()) {
    for (const pfn of [from, to]) cached.set(pfn, (cached.get(pfn) ?? 0) + 1);
    assert(!maps.has(from), `frame ${from} is mapped while its page moves`);
  }
  for (const { cached: pfn } of swap.entries()) cached.set(pfn, (cached.get(pfn) ?? 0) + 1);
  for (const inode of inodes) {
    for (const [, pfn] of inode.entries()) cached.set(pfn, (cached.get(pfn) ?? 0) + 1);
  }
  for (const pfn of frames.allocated()) {
    const mapped = maps.get(pfn) ?? 0;
    const expected =
      mapped +
      (cached.get(pfn) ?? 0) +
      frames.pins(pfn) +
      (frames.has(pfn, FRAME_HWPOISON) ? 1 : 0);
    assert(frames.maps(pfn) === mapped, `frame ${pfn}: ${frames.maps(pfn)} maps, ${mapped} found`);
    const refs = frames.refs(pfn);
    assert(refs === expected, `frame ${pfn}: ${refs} references, ${expected} found`);
    assert(
      !frames.has(pfn, FRAME_EXCLUSIVE) || mapped === 1,
      `frame ${pfn} is exclusive and mapped ${mapped} times`,
    );
  }
}

function checkSwap(
  { swap }: MachineMemory,
  users: Map<SwapSlot, number>,
  inodes: ReadonlySet<Inode>,
): void {
  for (const inode of inodes) {
    for (const [, slot] of inode.swapped()) users.set(slot, (users.get(slot) ?? 0) + 1);
  }
  for (const { slot, count } of swap.entries()) {
    const found = users.get(slot) ?? 0;
    assert(count === found, `swap slot ${slot}: ${count} users, ${found} found`);
  }
}

const hex = (addr: number): string => `0x${addr.toString(16)}`;
