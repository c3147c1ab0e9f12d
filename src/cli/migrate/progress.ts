/**
 * Shows how far a migration is: a bar on one line of a terminal's stderr, redrawn a few times a
 * second and erased at the end. On anything that is not a terminal it shows nothing, and nothing of
 * it ever reaches stdout.
 */
import type { Colors } from '../terminal.js';
import { formatNs } from './format.js';

const REDRAW_MS = 80;
const BAR_CELLS = 28;
const LABEL_CELLS = 14;

/** One thing in the making. */
export interface ProgressUpdate {
  readonly label: string;
  readonly done: number;
  readonly total: number;
  /** The virtual time; undefined where there is none. */
  readonly nowNs?: number;
}

/** Where the steps of a migration are reported to. */
export interface Progress {
  /** How far the current thing is. */
  update(update: ProgressUpdate): void;
  /** Nothing more will be shown. */
  end(): void;
}

/** Shows nothing. */
export const silentProgress: Progress = {
  update() {},
  end() {},
};

/** The line for an update, without colours. */
export function progressLine({ label, done, total, nowNs }: ProgressUpdate): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.round(share * BAR_CELLS);
  const bar = '█'.repeat(filled) + '░'.repeat(BAR_CELLS - filled);
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  const time = nowNs === undefined ? '' : `  ${formatNs(nowNs)} virtual`;
  return `${label.padEnd(LABEL_CELLS)} ${bar} ${percent}${time}`;
}

/** Shows a bar on a terminal. */
export class TerminalProgress implements Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #colors: Colors;
  #drawnMs = 0;
  #label = '';

  constructor(stream: NodeJS.WriteStream, colors: Colors) {
    this.#stream = stream;
    this.#colors = colors;
  }

  update(update: ProgressUpdate): void {
    const nowMs = performance.now();
    if (update.label === this.#label && nowMs - this.#drawnMs < REDRAW_MS) return;
    this.#label = update.label;
    this.#drawnMs = nowMs;
    this.#draw(this.#colors.cyan(this.#fitting(progressLine(update))));
  }

  end(): void {
    if (this.#drawnMs > 0) this.#stream.write('\r\x1b[2K');
    this.#drawnMs = 0;
  }

  #fitting(line: string): string {
    return line.slice(0, Math.max(10, (this.#stream.columns || 80) - 1));
  }

  #draw(line: string): void {
    this.#stream.write(`\r\x1b[2K${line}`);
  }
}
