/**
 * Why a thread sleeps that waits for something of the program's own, and who could end that.
 * Made by locks, conditions, channels and timers; read by the diagnosis.
 */

import type { WaitReason } from '../base/op.js';
import type { Strand } from './strand.js';

/** A sleep in something of the program's own. */
export class UserWait implements WaitReason {
  constructor(
    readonly kind: 'lock' | 'condition' | 'channel' | 'timer' | 'join',
    /** What is waited for. */
    readonly object: string,
    /** Who could end the wait, if that is known. */
    readonly wakers: () => readonly Strand[],
  ) {}

  describe(): string {
    const by = this.wakers().map(({ name }) => name);
    return `waits for ${this.object}${by.length > 0 ? ` (${by.join(', ')})` : ''}`;
  }
}
