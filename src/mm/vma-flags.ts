/**
 * Flags of an area, by Linux's names; our bit places. Sets are plain numbers below 2^31.
 * Answers to: vm_flags of struct vm_area_struct.
 */

import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../uapi/mman.js';

export const VM_READ = 1 << 0;
export const VM_WRITE = 1 << 1;
export const VM_EXEC = 1 << 2;
export const VM_SHARED = 1 << 3;
/** mprotect may grant write: not so for shared mappings of a read-only descriptor. */
export const VM_MAYWRITE = 1 << 4;
export const VM_GROWSDOWN = 1 << 5;
export const VM_LOCKED = 1 << 6;
export const VM_DONTCOPY = 1 << 7;
export const VM_WIPEONFORK = 1 << 8;
export const VM_NORESERVE = 1 << 9;
export const VM_DONTDUMP = 1 << 10;
export const VM_HUGEPAGE = 1 << 11;
export const VM_NOHUGEPAGE = 1 << 12;
export const VM_MERGEABLE = 1 << 13;
export const VM_RAND_READ = 1 << 14;
export const VM_SEQ_READ = 1 << 15;
export const VM_DONTEXPAND = 1 << 16;
/**
 * Everything in it counts as soft-dirty; ignored when VMAs are compared for merging. A new area has
 * it; it goes with a reset, which only a kernel with soft-dirty built in makes.
 */
export const VM_SOFTDIRTY = 1 << 17;
/** Charged against the commit limit; two areas that differ in it do not merge. */
export const VM_ACCOUNT = 1 << 19;
/** A guard was installed once; kept for good, ignored when VMAs are compared for merging. */
export const VM_MAYBE_GUARD = 1 << 18;
/** Mapped in huge pages of a pool, which go and come as a whole. */
export const VM_HUGETLB = 1 << 24;
export const VM_UFFD_MISSING = 1 << 20;
export const VM_UFFD_WP = 1 << 21;
export const VM_UFFD_MINOR = 1 << 22;
export const VM_UFFD_RWP = 1 << 23;

/** What an access needs. */
export const VM_ACCESS = VM_READ | VM_WRITE | VM_EXEC;

/** Modes of a userfaultfd registration. */
export const VM_UFFD = VM_UFFD_MISSING | VM_UFFD_WP | VM_UFFD_MINOR | VM_UFFD_RWP;

/** Flags that survive a merge with a VMA that lacks them. */
export const VM_STICKY = VM_SOFTDIRTY | VM_MAYBE_GUARD;

/** Access flags of PROT_* bits. */
export function accessOfProt(prot: number): number {
  return (
    ((prot & PROT_READ) !== 0 ? VM_READ : 0) |
    ((prot & PROT_WRITE) !== 0 ? VM_WRITE : 0) |
    ((prot & PROT_EXEC) !== 0 ? VM_EXEC : 0)
  );
}
