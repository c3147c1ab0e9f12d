/**
 * Descriptors of one process: lowest free number first, bounded, copied by fork.
 * Holds one reference to the open file for each descriptor.
 */

import { type Failure, fail, type Result } from '../base/errno.js';
import type { OpenFile } from './open-file.js';

/** A table of file descriptors. */
export class FdTable {
  private readonly files = new Map<number, OpenFile>();

  constructor(readonly max: number) {}

  /** Gives a file the lowest free number; takes over the caller's reference. */
  install(file: OpenFile): Result<number> {
    for (let fd = 0; fd < this.max; fd++) {
      if (this.files.has(fd)) continue;
      this.files.set(fd, file);
      return fd;
    }
    return fail('EMFILE', `all ${this.max} descriptors of the process are in use`);
  }

  /** Gives a file that is open already another number; takes a reference if there is one. */
  share(file: OpenFile): Result<number> {
    const fd = this.install(file);
    if (typeof fd === 'number') file.get();
    return fd;
  }

  /** The file behind a descriptor. */
  lookup(fd: number): OpenFile | Failure {
    return this.files.get(fd) ?? fail('EBADF', `descriptor ${fd} is not open`);
  }

  close(fd: number): Failure | undefined {
    const file = this.files.get(fd);
    if (file === undefined) return fail('EBADF', `descriptor ${fd} is not open`);
    this.files.delete(fd);
    file.put();
    return undefined;
  }

  /** The same descriptors for a child. */
  clone(): FdTable {
    const copy = new FdTable(this.max);
    for (const [fd, file] of this.files) copy.files.set(fd, file.get());
    return copy;
  }

  closeAll(): void {
    for (const fd of [...this.files.keys()]) this.close(fd);
  }

  /** Open descriptors with their files, in order of number. */
  entries(): [number, OpenFile][] {
    return [...this.files].sort(([a], [b]) => a - b);
  }
}
