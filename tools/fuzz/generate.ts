/**
 * Seed and profile in, scenario out. The same pair always gives the same text, as long as the
 * parts that may be used are the same; the first line says all three.
 */

import { Draft } from './draft.js';
import { windUp } from './ending.js';
import { OPERATIONS, type OperationName } from './operations/table.js';
import { modelledParts, type Part } from './parts.js';
import { PROFILES, type Profile } from './profiles.js';
import { Random } from './random.js';
import { setUp } from './setup.js';

const STEPS_LEAST = 20;
const STEPS_MOST = 65;
/** Draws that come to nothing before the generator gives a scenario up. */
const IDLE_MOST = 500;
/** The kernel's side has two seconds; long before that nobody can read it. */
const LINES_MOST = 160;

/** The profile of a name; `RangeError` names those there are. */
export function profileNamed(name: string): Profile {
  const profile = PROFILES[name];
  if (profile === undefined) {
    throw new RangeError(`${name} is none of ${Object.keys(PROFILES).join(', ')}`);
  }
  return profile;
}

/** Draws operations until there are enough; what was planned goes first. */
function compose(draft: Draft): void {
  const choices = Object.entries(draft.profile.operations) as [OperationName, number][];
  const steps = draft.random.between(STEPS_LEAST, STEPS_MOST);
  let idle = 0;
  for (let step = 0; step < steps && idle < IDLE_MOST; step++) {
    const planned = draft.plan.shift();
    if (planned !== undefined) {
      planned();
      step--;
    } else if (!OPERATIONS[draft.random.weighted(choices)](draft)) {
      idle++;
      step--;
    }
    if (draft.lines.length > LINES_MOST) return;
  }
}

/** Writes one scenario. */
export function generate(name: string, seed: number, parts = modelledParts()): string {
  const draft = new Draft(new Random(seed, name), profileNamed(name), parts);
  setUp(draft);
  compose(draft);
  windUp(draft);
  return [headline(name, seed, parts), ...draft.lines, ''].join('\n');
}

function headline(name: string, seed: number, parts: ReadonlySet<Part>): string {
  const extra = parts.size > 0 ? `, with ${[...parts].join(' ')}` : '';
  return `# random, profile ${name}, seed ${seed}${extra}`;
}
