/**
 * An open file that can be mapped: an inode seen with an access mode.
 * What a kind of file does before a fault takes a page from its cache is the kind's own.
 */

import { O_ACCMODE, O_RDONLY } from '../uapi/fcntl.js';
import type { Inode } from './inode.js';
import { OpenFile } from './open-file.js';

/** How a mapping is going to be read: MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL. */
export type ReadPattern = 'normal' | 'random' | 'sequential';

/** What a fault found: its page, a page that it had to read first, no memory. */
export type FaultRead = 'cached' | 'read' | 'oom';

/** An open file with pages; takes over the caller's reference to the inode. */
export abstract class MappedFile extends OpenFile {
  constructor(
    readonly inode: Inode,
    statusFlags: number,
  ) {
    super(statusFlags);
  }

  get writable(): boolean {
    return (this.statusFlags & O_ACCMODE) !== O_RDONLY;
  }

  /** The same inode under another access mode; the caller owns the result. */
  abstract reopen(statusFlags: number): MappedFile;

  /** A fault wants a page; where it had to be read first, the fault begins again. */
  readForFault(_index: number, _pattern: ReadPattern): FaultRead {
    return 'cached';
  }

  /** read(2) is going to want pages `[first, end)`. */
  readForCall(_first: number, _end: number): void {}

  /** MADV_WILLNEED wants pages `[first, end)` in memory. */
  readForAdvice(first: number, end: number): void {
    this.inode.readAllBack(first, end);
  }

  protected release(): void {
    this.inode.put();
  }
}
