/**
 * Every operation of the language by name.
 * To add one, write it in the table of its family.
 */

import { ACCESS_OPERATIONS } from './accesses.js';
import { FILE_OPERATIONS } from './files.js';
import { FILL_OPERATIONS } from './fills.js';
import { MAPPING_OPERATIONS } from './mappings.js';
import { MESSAGE_OPERATIONS } from './messages.js';
import { OBSERVER_OPERATIONS } from './observers.js';
import type { Operation } from './operation.js';
import { PROCESS_OPERATIONS } from './processes.js';
import { SCAN_OPERATIONS } from './scan.js';
import { UFFD_OPERATIONS } from './uffd.js';

/** Operations of workers by name. */
export const OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  ...Object.entries({
    ...MAPPING_OPERATIONS,
    ...FILE_OPERATIONS,
    ...UFFD_OPERATIONS,
    ...FILL_OPERATIONS,
    ...MESSAGE_OPERATIONS,
    ...ACCESS_OPERATIONS,
    ...OBSERVER_OPERATIONS,
    ...SCAN_OPERATIONS,
    ...PROCESS_OPERATIONS,
  }),
]);
