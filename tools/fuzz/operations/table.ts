/** Every operation that a profile may draw, by name. */

import { ACCESS_OPERATIONS } from './accesses.js';
import { BAD_OPERATIONS } from './bad.js';
import { EVENT_OPERATIONS } from './events.js';
import { FILE_OPERATIONS } from './files.js';
import { FILL_OPERATIONS } from './fills.js';
import { MAPPING_OPERATIONS } from './mappings.js';
import { OBSERVER_OPERATIONS } from './observers.js';
import { PROCESS_OPERATIONS } from './processes.js';
import { SPECIAL_OPERATIONS } from './special.js';
import { UFFD_OPERATIONS } from './userfaultfds.js';

/** Operations by name. */
export const OPERATIONS = {
  ...ACCESS_OPERATIONS,
  ...BAD_OPERATIONS,
  ...EVENT_OPERATIONS,
  ...FILE_OPERATIONS,
  ...FILL_OPERATIONS,
  ...MAPPING_OPERATIONS,
  ...OBSERVER_OPERATIONS,
  ...PROCESS_OPERATIONS,
  ...SPECIAL_OPERATIONS,
  ...UFFD_OPERATIONS,
} as const;

/** Name of an operation; some write more than one line. */
export type OperationName = keyof typeof OPERATIONS;
