/**
 * An explanation as lines of text, for a person who looks at one address.
 * Pure functions of the data.
 */

import type { AccessStep } from './access-step.js';
import type { EntryView, MarkerView, MigrationView, PresentView, SwapView } from './entry-view.js';
import type { Explanation } from './explanation.js';
import type { MapsEntry } from './maps.js';

const hex = (value: number): string => `0x${value.toString(16)}`;

const line = (name: string, text: string): string => `${name.padEnd(6)} ${text}`;

/** The lines of an explanation. */
export function explainText(of: Omit<Explanation, 'text'>): string {
  return [
    line('at', hex(of.addr)),
    line('area', of.area === undefined ? 'none' : areaText(of.area)),
    line('walk', walkText(of)),
    line('entry', entryText(of.entry)),
    ...stepsText('read', of.read),
    ...stepsText('write', of.write),
  ].join('\n');
}

const MODES: Readonly<Record<string, string>> = {
  um: 'MISSING',
  uw: 'WP',
  ui: 'MINOR',
  ur: 'RWP',
};

function areaText({ start, end, perms, name, vmFlags }: MapsEntry): string {
  const modes = vmFlags.flatMap((token) => MODES[token] ?? []);
  const registered = modes.length === 0 ? 'not registered' : `registered for ${modes.join(', ')}`;
  return `${hex(start)}-${hex(end)} ${perms} ${name || 'anonymous'}, ${registered}`;
}

function walkText({ walk }: Pick<Explanation, 'walk'>): string {
  if (walk.length === 0) return 'none: the address is not in user space';
  const levels = walk.map(({ level, index, leadsTo }) => {
    const end = leadsTo === 'nothing' || leadsTo === 'huge page' ? `: ${leadsTo}` : '';
    return `${level}[${index}]${end}`;
  });
  return levels.join(' > ');
}

function entryText(entry: EntryView): string {
  switch (entry.kind) {
    case 'present':
      return presentText(entry);
    case 'swap':
      return swapText(entry);
    case 'marker':
      return markerText(entry);
    case 'migration':
      return migrationText(entry);
    case 'hwpoison':
      return `failed memory, frame ${entry.frame}`;
    default:
      return entry.kind;
  }
}

const listed = (head: string, ...flags: (string | false)[]): string =>
  [head, ...flags.filter((flag) => flag !== false)].join(', ');

const presentText = (entry: PresentView): string =>
  listed(
    `present, ${entry.page}${entry.page === 'zero page' ? '' : `, frame ${entry.frame}`}`,
    entry.huge && 'part of a huge page',
    entry.protNone && 'hidden from every access',
    entry.writable ? 'writable' : 'read-only',
    entry.uffdWp && 'uffd-wp',
    entry.dirty && 'dirty',
    entry.accessed && 'accessed',
    entry.exclusive && 'exclusive',
    entry.maps > 1 && `mapped ${entry.maps} times`,
  );

const swapText = (entry: SwapView): string =>
  listed(
    `swap, ${entry.device}, slot ${entry.slot}`,
    entry.uffdWp && 'uffd-wp',
    entry.exclusive && 'exclusive',
    entry.cached && 'in the swap cache',
    !entry.readable && 'cannot be read',
  );

const migrationText = (entry: MigrationView): string =>
  listed(
    `migration, leaves frame ${entry.frame}`,
    entry.writable ? 'writable' : 'read-only',
    entry.uffdWp && 'uffd-wp',
    entry.exclusive && 'exclusive',
  );

const markerText = (entry: MarkerView): string =>
  listed(`marker, ${entry.bits.join(' + ')}`, entry.sideBit && 'side bit of uffd-wp');

function stepsText(name: string, steps: readonly AccessStep[]): string[] {
  return steps.map((step, i) => line(i === 0 ? name : '', stepText(step)));
}

function stepText(step: AccessStep): string {
  switch (step.outcome) {
    case 'hit':
      return `goes through: ${step.because}`;
    case 'resolved':
      return `faults: the kernel ${step.does} (${step.because})`;
    case 'wait':
      return `sleeps: ${step.because}`;
    case 'message':
      return `faults: a ${step.reason} message with flags ${step.flags} (${step.because})`;
    case 'signal':
      return `${step.signal}, ${step.code}: ${step.because}`;
  }
}
