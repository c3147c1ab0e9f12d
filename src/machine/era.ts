/**
 * Which objects that users hold exist in the machine's state: those made in one of its eras.
 * An era ends when a snapshot is taken, so that what is made afterwards can be told from what the
 * snapshot has. Restoring a later snapshot brings its eras back, and the objects with them.
 */

/** A span of a machine's life between two snapshots. */
export class Era {}

/** Something that users hold and that only exists in some states of the machine. */
export interface Dated {
  /** When it was made. */
  readonly era: Era;
  /** Name, for diagnosis. */
  readonly name: string;
}

/** An object was used that does not exist in the state that the machine was restored to. */
export class RestoredError extends Error {
  /** Always `'RestoredError'`. */
  override readonly name = 'RestoredError';
}

/** The eras that led to the state of a machine. */
export class Eras {
  private readonly past = new Set<Era>();
  private now: Era | undefined;

  /** The era that goes on. Begins with the first object that is made in it. */
  get current(): Era {
    if (this.now === undefined) {
      this.now = new Era();
      this.past.add(this.now);
    }
    return this.now;
  }

  /** Ends the era that goes on. */
  end(): void {
    this.now = undefined;
  }

  has({ era }: Dated): boolean {
    return this.past.has(era);
  }
}
