/**
 * An open file description: what a descriptor refers to, shared by dup, fork and SCM_RIGHTS.
 * Counts its references; the last one releases it. Knows its status flags and nothing of fds.
 */

import { assert } from '../base/assert.js';

/** An open file description (struct file). */
export abstract class OpenFile {
  private refs = 1;

  constructor(
    /** Status flags as F_GETFL gives them: access mode, O_NONBLOCK. */
    public statusFlags: number,
  ) {}

  /** What `readlink /proc/PID/fd/N` shows. */
  abstract readonly link: string;

  get(): this {
    assert(this.refs > 0, 'a released file is referenced again');
    this.refs++;
    return this;
  }

  put(): void {
    assert(this.refs > 0, 'a file is released twice');
    if (--this.refs === 0) this.release();
  }

  /** Runs once, when nobody holds the file any more. */
  protected abstract release(): void;
}
