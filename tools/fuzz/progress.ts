/** A bar on the terminal while seeds go by; nothing where no terminal is. */

const WIDTH = 24;
const EVERY_MS = 100;

/** How far the run is. */
export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly elapsedMs: number;
  /** Words behind the numbers. */
  readonly note: string;
}

const perSecond = (done: number, elapsedMs: number): string =>
  elapsedMs > 0 ? `${Math.round((done * 1000) / elapsedMs)}/s` : '';

/** The bar as text. */
export function barText({ done, total, elapsedMs, note }: Progress): string {
  const full = total > 0 ? Math.min(WIDTH, Math.round((done / total) * WIDTH)) : WIDTH;
  const bar = '#'.repeat(full) + '.'.repeat(WIDTH - full);
  return `[${bar}] ${done}/${total} ${perSecond(done, elapsedMs)} ${note}`.trimEnd();
}

/** Draws the bar over itself. */
export class ProgressBar {
  #last = 0;

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
