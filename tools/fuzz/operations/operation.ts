/** What an operation of the generator is: it writes lines, or says that it has nothing to do. */

import type { Draft } from '../draft.js';

/** Writes one operation, with its arguments; false when the world has nothing for it. */
export type Operation = (draft: Draft) => boolean;
