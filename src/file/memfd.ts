/**
 * The open file of a memfd, or of MAP_SHARED|MAP_ANONYMOUS: an inode with an access mode.
 * Answers to: memfd_create(2), shmem_file_setup().
 */

import { MappedFile } from './mapped-file.js';

/** An open shmem file; takes over the caller's reference to the inode. */
export class ShmemFile extends MappedFile {
  get link(): string {
    return `/memfd:${this.inode.name} (deleted)`;
  }

  reopen(statusFlags: number): ShmemFile {
    return new ShmemFile(this.inode.get(), statusFlags);
  }
}
