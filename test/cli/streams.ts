/** What a command prints, kept instead of printed. */
import type { Streams } from '../../src/cli/run/run.js';

/** Streams that remember. */
export class KeptStreams implements Streams {
  stdout = '';
  stderr = '';

  out(text: string): void {
    this.stdout += text;
  }

  err(text: string): void {
    this.stderr += text;
  }
}
