/**
 * The open file of a userfaultfd and its creation, with the permission model of both ways.
 * Answers to: userfaultfd(2), /dev/userfaultfd.
 */

import { type Failure, fail, type Result } from '../base/errno.js';
import { OpenFile } from '../file/open-file.js';
import type { Caller } from '../mm/caller.js';
import { O_CLOEXEC, O_NONBLOCK, O_RDONLY, O_RDWR } from '../uapi/fcntl.js';
import { UFFD_USER_MODE_ONLY } from '../uapi/userfaultfd.js';
import { UffdContext } from './context.js';

/** An open userfaultfd. */
export class UffdFile extends OpenFile {
  readonly link = 'anon_inode:[userfaultfd]';

  constructor(readonly context: UffdContext) {
    const mode = context.mm.memory.profile.has('readOnlyFile') ? O_RDONLY : O_RDWR;
    super(mode | (context.flags & O_NONBLOCK));
  }

  get nonblocking(): boolean {
    return (this.statusFlags & O_NONBLOCK) !== 0;
  }

  protected release(): void {
    this.context.release();
  }
}

/** What an administrator sets. */
export interface UffdPolicy {
  /** vm.unprivileged_userfaultfd. */
  readonly unprivilegedUserfaultfd: 0 | 1;
}

/** userfaultfd(2): permission first, then flags, then a descriptor. */
export function createUserfaultfd(
  caller: Caller,
  policy: UffdPolicy,
  flags: number,
): Result<number> {
  return mayCreate(caller, policy, flags) ?? create(caller, flags);
}

/** USERFAULTFD_IOC_NEW of /dev/userfaultfd: whoever could open the device may. */
export function create(caller: Caller, flags: number): Result<number> {
  if (flags >= 2 ** 32 || (flags & ~knownFlags(caller)) !== 0) {
    return fail('EINVAL', 'unknown flag bits');
  }
  const context = new UffdContext(caller.mm, flags, 'a new userfaultfd');
  const file = new UffdFile(context);
  const fd = caller.fds.install(file);
  if (typeof fd !== 'number') return fd;
  context.name = `userfaultfd ${fd} of ${caller.name.split('/')[0]}`;
  return fd;
}

function mayCreate(caller: Caller, policy: UffdPolicy, flags: number): Failure | undefined {
  const { profile } = caller.mm.memory;
  const userOnly = profile.has('userModeOnly') && (flags & UFFD_USER_MODE_ONLY) !== 0;
  if (userOnly || caller.capable('CAP_SYS_PTRACE') || policy.unprivilegedUserfaultfd === 1) {
    return undefined;
  }
  return fail('EPERM', 'without UFFD_USER_MODE_ONLY this needs CAP_SYS_PTRACE');
}

function knownFlags({ mm }: Caller): number {
  const userOnly = mm.memory.profile.has('userModeOnly') ? UFFD_USER_MODE_ONLY : 0;
  return O_CLOEXEC | O_NONBLOCK | userOnly;
}
