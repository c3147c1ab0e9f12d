/**
 * What a migration comes to: the JSON of `--json`, the source of the table, of the closing line and
 * of the report. Everything but `wall` is virtual and the same on every machine; `wall` is apart.
 * Counts and times only; nothing here is derived from anything but what the two sides counted.
 */
import type { TimeModel } from './model.js';
import type { FaultLog } from './timeline/fault-log.js';
import type { Mode } from './wire/messages.js';

/** What a row of the table is about. */
export type RoundKind = 'live' | 'stop' | 'postcopy';

/** One round: pages sent while the guest runs, while it is stopped, or while it faults for them. */
export interface Round {
  /** From 1 on. */
  readonly round: number;
  readonly kind: RoundKind;
  readonly pagesSent: number;
  /** Those of the pages sent that were all zero: no bytes of theirs went over the wire. */
  readonly zeroPages: number;
  /** Pages that the guest wrote to since the round began; write-protect faults told so. */
  readonly pagesDirtied: number;
  /** Write-protect faults of a live round, missing faults of a post-copy. */
  readonly faults: number;
  readonly bytes: number;
  readonly startNs: number;
  readonly endNs: number;
  /** How long the faults held the guest up. */
  readonly stalledNs: number;
  /** How long the guest was stopped altogether. */
  readonly downtimeNs: number;
}

/** How the two memories compare at the end. */
export interface Verification {
  readonly verified: boolean;
  readonly pages: number;
  /** Addresses of pages that differ. */
  readonly mismatches: readonly string[];
  readonly sha256: { readonly source: string; readonly destination: string };
  /** The sum over all loads of the guest, on both sides. */
  readonly loadChecksum: { readonly source: number; readonly destination: number };
}

/** What is known of the trace. */
export interface TraceFacts {
  readonly file: string;
  readonly sha256: string;
  readonly accesses: number;
  readonly loads: number;
  readonly stores: number;
  readonly modifies: number;
  readonly instructionFetchesIgnored: number;
  readonly otherLinesIgnored: number;
  readonly pages: number;
  readonly mappings: number;
}

/** Where in the trace the guest changed sides. */
export interface HandoverFacts {
  readonly startedAtStep: number;
  readonly step: number;
  readonly stoppedAtNs: number;
  readonly resumedAtNs: number;
}

/** The sums over the rounds. */
export interface Totals {
  readonly rounds: number;
  readonly pagesSent: number;
  readonly bytes: number;
  readonly wpFaults: number;
  readonly missingFaults: number;
  /** How long the guest was stopped. */
  readonly downtimeNs: number;
  /** How long faults held it up, in all and at worst. */
  readonly stalledNs: number;
  readonly longestStallNs: number;
  /** From the start of the migration to the last page. */
  readonly migrationNs: number;
  /** Until the guest has finished its trace. */
  readonly guestFinishedAtNs: number;
}

/** The result of one migration. */
export interface MigrationResult {
  readonly format: 'uffd-emulator migration';
  readonly version: 1;
  readonly mode: Mode;
  readonly outcome: 'verified' | 'mismatch';
  readonly trace: TraceFacts;
  readonly vcpus: number;
  readonly model: TimeModel;
  readonly handover: HandoverFacts;
  readonly rounds: readonly Round[];
  readonly totals: Totals;
  readonly verification: Verification;
  /** What depends on the machine and the moment. */
  readonly wall: { readonly seconds: number; readonly transport: string };
}

/** What the totals are made from. */
export interface TotalsParts {
  readonly rounds: readonly Round[];
  readonly wp: Pick<FaultLog, 'total' | 'stallNs' | 'longestStallNs'>;
  readonly missing: Pick<FaultLog, 'total' | 'stallNs' | 'longestStallNs'>;
  readonly startedAtNs: number;
  readonly guestFinishedAtNs: number;
}

/** Sums up the rounds. */
export function totalsOf(parts: TotalsParts): Totals {
  const { rounds, wp, missing } = parts;
  const sum = (pick: (round: Round) => number) =>
    rounds.reduce((total, round) => total + pick(round), 0);
  return {
    rounds: rounds.length,
    pagesSent: sum((round) => round.pagesSent),
    bytes: sum((round) => round.bytes),
    wpFaults: wp.total,
    missingFaults: missing.total,
    downtimeNs: sum((round) => round.downtimeNs),
    stalledNs: wp.stallNs + missing.stallNs,
    longestStallNs: Math.max(wp.longestStallNs, missing.longestStallNs),
    migrationNs: (rounds.at(-1)?.endNs ?? parts.startedAtNs) - parts.startedAtNs,
    guestFinishedAtNs: parts.guestFinishedAtNs,
  };
}
