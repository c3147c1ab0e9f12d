/**
 * Where in the program a call was made: the frames of a stack that are not the library's own.
 * Costs much, so a run looks only when its failure is to be shown.
 */

/** Frames that are kept. */
const FRAMES_MAX = 4;

/** What the paths of this library's files begin with, in a bundle and in the sources. */
const OWN = ownFolder();

function ownFolder(): string {
  const frame = (new Error().stack ?? '').split('\n')[1] ?? '';
  const path = /\(?((?:file:\/\/)?\/.*?):\d+:\d+\)?$/.exec(frame.trim())?.[1] ?? '';
  return path.replace(/\/[^/]*$/, '').replace(/\/src\/sim$/, '/src/');
}

/** The innermost frames of the program, a line each; empty when none is known. */
export function callerStack(): string {
  const frames = (new Error().stack ?? '').split('\n').slice(1);
  const own = (frame: string): boolean => OWN !== '' && frame.includes(OWN);
  const foreign = frames.filter((frame) => !own(frame) && !frame.includes('node:internal'));
  return foreign.slice(0, FRAMES_MAX).map(plainly).join('\n');
}

/** A frame as `at name path:line:column`, whichever way the host writes it. */
function plainly(frame: string): string {
  const [, name, place] = /^at (?:async )?(.*?) \((.*)\)$/.exec(frame.trim()) ?? [];
  const where = (place ?? frame.trim().replace(/^at (async )?/, '')).replace(/^file:\/\//, '');
  return name === undefined || name === '<anonymous>' ? `at ${where}` : `at ${name} ${where}`;
}
