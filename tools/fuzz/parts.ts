/**
 * Parts of Linux that the emulator may or may not have: found out by running, never by a list of
 * what is done. A profile that needs a part is refused by its name while the part is missing.
 */

import { runScenario } from '../../src/scenario/run.js';

/** For each part, the smallest scenario that needs it. */
const PROBES = {
  guard: ['map A 1 anon', 'madvise A 1 GUARD_INSTALL', 'madvise A 1 GUARD_REMOVE'],
  scan: ['map A 1 anon', 'scan A 1', 'scan A 1 flags=wp_matching'],
  regular: ['file F reg 2 fill=0x11', 'map A 2 priv F', 'T0 write A', 'fread F 0 2'],
  hugetlb: ['file F hugetlb 1', 'map HA 1 shared F', 'map HB 1 anon-huge', 'T0 write HA'],
  swap: ['map A 1 anon', 'T0 write A', 'swapout A 1', 'T0 read A'],
  pageout: ['map A 1 anon', 'madvise A 1 PAGEOUT'],
  thp: ['map A 512 anon', 'madvise A 512 HUGEPAGE', 'T0 write A'],
  collapse: ['map A 512 anon', 'T0 write A', 'madvise A 512 COLLAPSE'],
} as const;

/** A part of Linux that only some profiles need. */
export type Part = keyof typeof PROBES;

const NOT_MODELLED = /^> (.*)\n= UNMODELLED$/m;

/** The first line of a scenario that the emulator does not model. */
export function unmodelledLine(transcript: string): string | undefined {
  return NOT_MODELLED.exec(transcript)?.[1];
}

/** Each part that is missing, with the line that showed it. */
export function missingParts(): ReadonlyMap<Part, string> {
  const missing = new Map<Part, string>();
  for (const [part, lines] of Object.entries(PROBES) as [Part, readonly string[]][]) {
    const line = unmodelledLine(runScenario(lines.join('\n')).transcript);
    if (line !== undefined) missing.set(part, line);
  }
  return missing;
}

/** The parts that the emulator has. */
export function modelledParts(): ReadonlySet<Part> {
  const missing = missingParts();
  return new Set((Object.keys(PROBES) as Part[]).filter((part) => !missing.has(part)));
}
