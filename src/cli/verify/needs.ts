/**
 * What a scenario needs of the machine that it runs on: without it the kernel's transcript says
 * nothing about the emulator. Asks the words of the operations alone.
 */
import { type Line, parseScenario } from '../../scenario/parse.js';
import type { Oracle } from '../oracle/oracle.js';

/** Huge pages that FORMAT.md presumes. */
const HUGE_PAGES = 64;

type Machine = Pick<Oracle, 'facts' | 'hasSwap'>;

interface Need {
  readonly what: string;
  readonly isMet: (machine: Machine) => boolean;
  readonly isOf: (line: Line) => boolean;
}

const NEEDS: readonly Need[] = [
  {
    what: 'a swap device (root and the zram module)',
    isMet: ({ hasSwap }) => hasSwap,
    isOf: ({ op }) => op === 'swapout',
  },
  {
    what: 'a second NUMA node (boot with numa=fake=2)',
    isMet: ({ facts }) => facts.numaNodes > 1,
    isOf: ({ op }) => op === 'migrate',
  },
  {
    what: `${HUGE_PAGES} huge pages (root, or vm.nr_hugepages)`,
    isMet: ({ facts: { hugetlb } }) => hugetlb.settable || hugetlb.pages === HUGE_PAGES,
    isOf: ({ words }) => words.some((word) => /^(hugetlb|anon(-shared)?-huge)$/.test(word)),
  },
];

/** What this machine lacks for a scenario, in words; undefined when it has everything. */
export function lackingFor(scenario: string, machine: Machine): string | undefined {
  const lines = parseScenario(scenario);
  return NEEDS.find((need) => !need.isMet(machine) && lines.some(need.isOf))?.what;
}
