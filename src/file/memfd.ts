/**
 * The open file of a memfd, or of MAP_SHARED|MAP_ANONYMOUS: an inode with an access mode.
 * Answers to: memfd_create(2), shmem_file_setup().
 */

import { O_ACCMODE, O_RDONLY } from '../uapi/fcntl.js';
import type { Inode } from './inode.js';
import { OpenFile } from './open-file.js';

/** An open shmem file; takes over the caller's reference to the inode. */
export class ShmemFile extends OpenFile {
  constructor(
    readonly inode: Inode,
    statusFlags: number,
  ) {
    super(statusFlags);
  }

  get link(): string {
    return `/memfd:${this.inode.name} (deleted)`;
  }

  get writable(): boolean {
    return (this.statusFlags & O_ACCMODE) !== O_RDONLY;
  }

  protected release(): void {
    this.inode.put();
  }
}
