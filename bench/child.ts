/**
 * Runs one suite in a process of its own, so that no suite meets code that another has shaped:
 * `child.ts SUITE LIBRARY FOLDER FILTER`, the rows go to the parent as a message.
 */
import { Lab } from './harness/lab.js';
import { loadLibrary } from './harness/library.js';
import { suiteOf } from './suites.js';

const [, , name = '', library = '', folder = '', filter = ''] = process.argv;
const lab = new Lab(await loadLibrary(library), folder, filter);
const suite = await suiteOf(name);
const rows = await suite(lab);
await lab.close();
process.send?.(rows);
process.disconnect();
