/**
 * The regular files of one machine: names without folders, each a path of its own.
 * Holds one reference to each inode that has a name; knows nothing of descriptors.
 */

import { type Failure, fail, type Result } from '../base/errno.js';
import type { Frames } from '../phys/frames.js';
import type { SwapSpace } from '../phys/swap.js';
import { O_CREAT, O_EXCL, O_TMPFILE, O_TRUNC } from '../uapi/fcntl.js';
import { RegularFile, RegularInode } from './regular.js';

/** Most bytes of a path, the one at the end included. */
const PATH_MAX = 4096;

/** Files by path. */
export class FileSystem {
  private readonly names = new Map<string, RegularInode>();
  /** Every inode that has a name or is open, in order of creation. */
  readonly inodes = new Set<RegularInode>();
  private lastIno = 0;

  constructor(
    readonly memory: { readonly frames: Frames; readonly swap: SwapSpace },
    /** Pages that one piece of read-ahead has at most; 0 for none. */
    public readAheadPages = 0,
  ) {}

  /** Opens a file; the caller owns the result. */
  open(path: string, flags: number): Result<RegularFile> {
    const wrong = checkPath(path);
    if (wrong !== undefined) return wrong;
    if ((flags & O_TMPFILE) === O_TMPFILE) return this.file(this.make('', 'unnamed'), flags);
    const known = this.names.get(path);
    if (known === undefined) {
      if ((flags & O_CREAT) === 0) return fail('ENOENT', `there is no file ${path}`);
      const inode = this.make(path, 'named');
      return this.file(inode.get(), flags);
    }
    if ((flags & O_CREAT) !== 0 && (flags & O_EXCL) !== 0) {
      return fail('EEXIST', `there is a file ${path} already`);
    }
    if ((flags & O_TRUNC) !== 0) known.resize(0);
    return this.file(known.get(), flags);
  }

  /** Takes a name away; the file lasts as long as somebody has it open or mapped. */
  unlink(path: string): Failure | undefined {
    const inode = this.names.get(path);
    if (inode === undefined) return fail('ENOENT', `there is no file ${path}`);
    this.names.delete(path);
    inode.isLinked = false;
    inode.put();
    return undefined;
  }

  /** Drops up to `pagesMax` pages that nobody maps; answers how many went. */
  shrink(pagesMax: number): number {
    let gone = 0;
    for (const inode of this.inodes) gone += inode.shrink(pagesMax - gone);
    return gone;
  }

  private make(path: string, kind: 'named' | 'unnamed'): RegularInode {
    const ino = ++this.lastIno;
    const name = path === '' ? `/#${ino}` : path;
    const inode = new RegularInode(name, this.memory, ino, this.inodes);
    inode.isLinked = kind === 'named';
    if (kind === 'named') this.names.set(path, inode);
    return inode;
  }

  private file(inode: RegularInode, flags: number): RegularFile {
    return new RegularFile(inode, flags & ~OPEN_ONLY, this.readAheadPages);
  }
}

/** Flags that matter while a file is opened, and not to who has it open. */
const OPEN_ONLY = O_CREAT | O_EXCL | O_TRUNC;

function checkPath(path: string): Failure | undefined {
  if (path === '') return fail('ENOENT', 'the path is empty');
  if (new TextEncoder().encode(path).length >= PATH_MAX) {
    return fail('ENAMETOOLONG', `the path has ${PATH_MAX} bytes or more`);
  }
  return path.startsWith('/') ? undefined : fail('ENOENT', `${path} does not begin with a slash`);
}
