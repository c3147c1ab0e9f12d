/**
 * Every operation of the language by name, and those that the emulator cannot do.
 * To add one, write it in the table of its family, and delete its line in the list below.
 */

import { NotModelledError } from '../../base/not-modelled.js';
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

/** Operations that have no counterpart in the emulator, with what is missing. */
const UNMODELLED: Readonly<Record<string, string>> = {
  migrate: 'page migration',
};

const refused = ([name, what]: [string, string]): [string, Operation] => [
  name,
  () => {
    throw new NotModelledError(what);
  },
];

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
  ...Object.entries(UNMODELLED).map(refused),
]);
