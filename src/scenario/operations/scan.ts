/**
 * The operation `scan`: PAGEMAP_SCAN with every field of its struct within a scenario's reach, the
 * refused ones too. Results that would go to a vector in memory are printed instead.
 */

import { u64ToNumber } from '../../base/args.js';
import { fail } from '../../base/errno.js';
import type { Op } from '../../base/op.js';
import { pagemapScan, type ScanArgs, type ScanOutcome } from '../../observe/pagemap-scan.js';
import type { ScanRegion } from '../../observe/scan-output.js';
import type { Args } from '../args.js';
import { addressText, categoriesText, lengthText } from '../format.js';
import { SCAN_CATEGORIES, SCAN_FLAGS } from '../names.js';
import { unitAt, wrap64 } from '../windows.js';
import type { Worker } from '../world.js';
import { mayObserve } from './observers.js';
import type { OperationTable } from './operation.js';

const STRUCT_BYTES = 96n;
const REGIONS_MAX = 1024;
const ALL = SCAN_CATEGORIES.get('all');
/** Some address that can be written. */
const VECTOR = 0x1000;
/** An address that never can. */
const BAD_VECTOR = 0x10;

function scan(args: Args, worker: Worker): Op<string> {
  const { addr, unit } = args.place();
  const end = wrap64(addr + args.length(unit));
  const regions = args.boundedKey('vec', REGIONS_MAX, REGIONS_MAX);
  const set = (key: string, fallback = 0n): number =>
    u64ToNumber(args.setKey(key, SCAN_CATEGORIES, fallback));
  const hasVector = !args.hasWord('novec');
  const vector = args.hasWord('badvec') ? BAD_VECTOR : VECTOR;
  return scanned(worker, {
    size: u64ToNumber(args.numberKey('size', STRUCT_BYTES)),
    flags: u64ToNumber(args.setKey('flags', SCAN_FLAGS)),
    start: u64ToNumber(addr),
    end: u64ToNumber(end),
    vec: hasVector ? vector : 0,
    vecLen: hasVector ? regions : 0,
    maxPages: u64ToNumber(args.numberKey('max', 0n)),
    inverted: set('inv'),
    mask: set('mask'),
    anyof: set('anyof'),
    returned: set('ret', ALL),
  });
}

function* scanned(worker: Worker, args: ScanArgs): Op<string> {
  if (!mayObserve(worker)) return 'EACCES';
  const { failure, walkEnd, regions } = outcomeOf(worker, args);
  const end = walkEnd === undefined ? 'untouched' : addressText(BigInt(walkEnd));
  if (failure !== undefined) return `${failure.code} end=${end}`;
  return [`${regions.length} end=${end}`, ...regions.map(regionText)].join(' ');
}

function outcomeOf({ thread: { mm } }: Worker, args: ScanArgs): ScanOutcome {
  if (!mm.memory.profile.has('pagemapScan')) {
    return { failure: fail('ENOTTY', 'unknown ioctl'), walkEnd: undefined, regions: [] };
  }
  const outcome = pagemapScan(mm, args);
  const isStored = args.vec !== BAD_VECTOR || outcome.regions.length === 0;
  return isStored ? outcome : { ...outcome, failure: fail('EFAULT', 'vec cannot be written') };
}

function regionText({ start, end, categories }: ScanRegion): string {
  const at = BigInt(start);
  const length = lengthText(BigInt(end) - at, unitAt(at));
  return `[${addressText(at)} ${length} ${categoriesText(BigInt(categories))}]`;
}

/** The operation that finds pages by category. */
export const SCAN_OPERATIONS: OperationTable = { scan };
