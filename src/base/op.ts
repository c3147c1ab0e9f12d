/**
 * An operation that may have to wait: a generator that yields what it waits for.
 * Everything below the drivers that can sleep is an Op; nothing there is async.
 * A wake-up is a hint: an Op checks its condition again after every `yield`.
 */

/** Why an operation sleeps, for diagnosis. */
export interface WaitReason {
  readonly kind:
    | 'fault'
    | 'event'
    | 'read'
    | 'poll'
    | 'page'
    | 'lock'
    | 'condition'
    | 'channel'
    | 'timer'
    | 'join';
  /** Sentence for a person: what is waited for and what would end it. */
  describe(): string;
}

/**
 * One sleep of one operation. The driver that runs the operation sets `onWake`;
 * whoever ends the sleep calls {@link Wait.wake}.
 */
export class Wait {
  /** What a caught signal does to the sleep; nothing when it is not interruptible. */
  onSignal: (() => void) | undefined;
  #onWake: (() => void) | undefined;

  constructor(readonly reason: WaitReason) {}

  /** Says whom to resume. Called by the driver each time the operation goes to sleep. */
  arm(onWake: () => void): void {
    this.#onWake = onWake;
  }

  /** Whether somebody sleeps here and was not woken. */
  get armed(): boolean {
    return this.#onWake !== undefined;
  }

  /** Makes the sleeper runnable; does nothing when it already is. */
  wake(): void {
    const onWake = this.#onWake;
    this.#onWake = undefined;
    onWake?.();
  }
}

/**
 * A named place between two steps of an operation where another thread may run.
 * Yielded only while somebody explores schedules.
 */
export class Point {
  constructor(readonly name: string) {}
}

/** What an operation hands to its driver: a sleep, or a place to switch. */
export type Step = Wait | Point;

/** An operation in progress that ends with a `T`. */
export type Op<T> = Generator<Step, T, void>;

/** Whether drivers want to see the named points; off unless schedules are explored. */
export interface PointSwitch {
  on: boolean;
  /** Whether the fill that goes on now finds its mapping changed. */
  cutsFill: boolean;
}

/** Sleepers on one condition, in the order in which they fell asleep. */
export class WaitQueue {
  private readonly sleepers: Wait[] = [];

  /** Puts a sleeper at the end; it keeps its place until {@link WaitQueue.remove}. */
  add(wait: Wait): void {
    this.sleepers.push(wait);
  }

  remove(wait: Wait): void {
    const at = this.sleepers.indexOf(wait);
    if (at >= 0) this.sleepers.splice(at, 1);
  }

  /** Wakes everybody, the last to fall asleep first. */
  wakeAll(): void {
    for (let i = this.sleepers.length - 1; i >= 0; i--) this.sleepers[i]?.wake();
  }

  /** Wakes everybody in the order in which they fell asleep. */
  wakeInOrder(): void {
    for (const wait of [...this.sleepers]) wait.wake();
  }

  get length(): number {
    return this.sleepers.length;
  }
}
