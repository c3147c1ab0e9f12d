/**
 * Which kind of memory can be registered in which mode.
 * Answers to: vma_can_userfault().
 */

import type { Vma } from '../mm/vma.js';
import { VM_UFFD_MINOR, VM_UFFD_WP } from '../mm/vma-flags.js';
import type { KernelProfile } from '../profile/profile.js';

/** Whether an area may have the modes (VM_UFFD_* bits). */
export function eligible(
  profile: KernelProfile,
  vma: Vma,
  modes: number,
  wpAsync: boolean,
): boolean {
  if (wpAsync && modes === VM_UFFD_WP) return true;
  if (vma.file?.inode.backing === 'disk') return false;
  if (!vma.isAnonymous) return (modes & VM_UFFD_WP) === 0 || profile.has('wpNonAnon');
  return (modes & VM_UFFD_MINOR) === 0;
}
