/**
 * The list of the three ways to migrate, by the word that `--mode` takes. Holds no logic: a fourth
 * way is a file beside these and a line here.
 */
import type { Mode } from '../wire/messages.js';
import { hybrid } from './hybrid.js';
import { postcopy } from './postcopy.js';
import { precopy } from './precopy.js';
import type { Strategy } from './strategy.js';

const strategies: Readonly<Record<Mode, Strategy>> = { precopy, postcopy, hybrid };

/** The strategy of a mode. */
export function strategyOf(mode: Mode): Strategy {
  return strategies[mode];
}
