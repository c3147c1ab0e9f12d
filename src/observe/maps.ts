/**
 * The areas of an address space as /proc/PID/maps and the VmFlags of smaps show them.
 * Read only. Answers to: proc_pid_maps(5), proc_pid_smaps(5).
 */

import { PAGE_SIZE } from '../base/page.js';
import type { Mm } from '../mm/mm.js';
import type { Vma } from '../mm/vma.js';
import * as flags from '../mm/vma-flags.js';

/** One line of /proc/PID/maps with its VmFlags. */
export interface MapsEntry {
  /** First address. */
  readonly start: number;
  /** First address behind. */
  readonly end: number;
  /** As in maps: `rw-p`, `r--s`. */
  readonly perms: string;
  /** Two-letter tokens of VmFlags, in their order. */
  readonly vmFlags: readonly string[];
  /** Offset in the file in bytes; 0 for anonymous memory. */
  readonly offset: number;
  /** Name of the file; empty for anonymous memory. */
  readonly name: string;
}

const TOKENS = [
  [flags.VM_READ, 'rd'],
  [flags.VM_WRITE, 'wr'],
  [flags.VM_EXEC, 'ex'],
  [flags.VM_SHARED, 'sh'],
  [flags.VM_MAYWRITE, 'mw'],
  [flags.VM_GROWSDOWN, 'gd'],
  [flags.VM_LOCKED, 'lo'],
  [flags.VM_SEQ_READ, 'sr'],
  [flags.VM_RAND_READ, 'rr'],
  [flags.VM_DONTCOPY, 'dc'],
  [flags.VM_DONTEXPAND, 'de'],
  [flags.VM_ACCOUNT, 'ac'],
  [flags.VM_NORESERVE, 'nr'],
  [flags.VM_HUGETLB, 'ht'],
  [flags.VM_WIPEONFORK, 'wf'],
  [flags.VM_DONTDUMP, 'dd'],
  [flags.VM_SOFTDIRTY, 'sd'],
  [flags.VM_HUGEPAGE, 'hg'],
  [flags.VM_NOHUGEPAGE, 'nh'],
  [flags.VM_MERGEABLE, 'mg'],
  [flags.VM_UFFD_MISSING, 'um'],
  [flags.VM_UFFD_WP, 'uw'],
  [flags.VM_UFFD_MINOR, 'ui'],
  [flags.VM_UFFD_RWP, 'ur'],
  [flags.VM_MAYBE_GUARD, 'gu'],
] as const;

/** Lists the areas in order of address. */
export const maps = (mm: Mm): MapsEntry[] => [...mm.vmas].map((vma) => entryOf(mm, vma));

/** The line of one area. */
export const entryOf = (mm: Mm, vma: Vma): MapsEntry => ({
  start: vma.start,
  end: vma.end,
  perms: permsOf(vma),
  vmFlags: tokensOf(mm, vma),
  offset: vma.file === undefined ? 0 : vma.pgoff * PAGE_SIZE,
  name: vma.file?.link ?? '',
});

/** Flags that this kernel knows; soft-dirty only where it is built in. */
function tokensOf({ memory }: Mm, vma: Vma): string[] {
  const hidden = memory.profile.config.softDirty ? 0 : flags.VM_SOFTDIRTY;
  const shown = TOKENS.filter(([flag]) => (vma.flags & ~hidden & flag) !== 0);
  return shown.map(([, token]) => token);
}

function permsOf(vma: Vma): string {
  const read = vma.has(flags.VM_READ) ? 'r' : '-';
  const write = vma.has(flags.VM_WRITE) ? 'w' : '-';
  const exec = vma.has(flags.VM_EXEC) ? 'x' : '-';
  return read + write + exec + (vma.isShared ? 's' : 'p');
}
