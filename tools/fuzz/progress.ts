/** A bar on the terminal while seeds go by; nothing where no terminal is. */

const WIDTH = 24;
const EVERY_MS = 100;

/** How far the run is. */
export interface Progress {
  /** From 0 to 1: of the seeds or of the time, whichever ends first. */
  readonly fraction: number;
  readonly seeds: number;
  readonly elapsedMs: number;
  /** Words behind the numbers. */
  readonly note: string;
}

/** The bar as text. */
export function barText({ fraction, seeds, elapsedMs, note }: Progress): string {
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * WIDTH);
  const bar = '#'.repeat(full) + '.'.repeat(WIDTH - full);
  const speed = elapsedMs > 0 ? ` ${Math.round((seeds * 1000) / elapsedMs)}/s` : '';
  return `[${bar}] ${seeds} seeds${speed} ${note}`.trimEnd();
}

/** Draws the bar over itself. */
export class ProgressBar {
  #last = Number.NEGATIVE_INFINITY;

  constructor(private readonly stream: NodeJS.WriteStream) {}

  show(progress: Progress): void {
    if (!this.stream.isTTY || progress.elapsedMs - this.#last < EVERY_MS) return;
    this.#last = progress.elapsedMs;
    this.stream.write(`\r\x1b[K${barText(progress)}`);
  }

  clear(): void {
    if (this.stream.isTTY) this.stream.write('\r\x1b[K');
  }
}
