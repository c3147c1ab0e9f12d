/**
 * The scenarios at which the emulator differs from a kernel on purpose or for a known reason, as
 * docs/divergences.md has them: a table row that names a scenario in backquotes and says why in its
 * last cell. `KERNEL/NAME` names it for one kernel alone.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './files.js';

const DOCUMENT = 'docs/divergences.md';

/** Reasons by scenario name, or by kernel and name. */
export class Divergences {
  readonly #reasons = new Map<string, string>();

  constructor(text = documentText()) {
    for (const row of text.split('\n').filter((line) => line.startsWith('|'))) {
      const reason = row.split('|').at(-2)?.trim() ?? '';
      for (const [, name = ''] of row.matchAll(/`([^`]+)`/g)) this.#reasons.set(name, reason);
    }
  }

  /** Why a scenario differs; undefined when the document does not say. */
  reasonOf(kernel: string, scenario: string): string | undefined {
    return this.#reasons.get(`${kernel}/${scenario}`) ?? this.#reasons.get(scenario);
  }
}

function documentText(): string {
  const file = join(root, DOCUMENT);
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}
