/**
 * Runs contestants in one interleaved series: every round runs each of them once, the order
 * rotates, the first rounds only warm up. Ratios are taken within a round, so that what slows the
 * machine down for a while slows both sides; the median round speaks.
 */
import { median, type Row } from './row.js';

/** One way to do something. */
export interface Contestant {
  readonly name: string;
  /** Does it many times; answers nanoseconds for one. */
  round(index: number): number | Promise<number>;
}

/** A contestant that cannot run here, and why. */
export interface Absent {
  readonly name: string;
  readonly skipped: string;
}

/** Something of ours beside one peer. */
export interface Match {
  readonly name: string;
  readonly ours: Contestant;
  readonly peer: Contestant | Absent;
  /** Largest ratio that is accepted. */
  readonly required?: number;
}

/** How many rounds count, and how many come before them. */
export interface Rounds {
  readonly counted: number;
  readonly warmup: number;
}

const DEFAULT_ROUNDS: Rounds = { counted: 9, warmup: 3 };

type Samples = ReadonlyMap<Contestant, readonly number[]>;

/** Runs every contestant of some matches in the same rounds; one row for each match. */
export async function compare(matches: readonly Match[], rounds = DEFAULT_ROUNDS): Promise<Row[]> {
  const all = matches.flatMap(({ ours, peer }) => ('round' in peer ? [ours, peer] : [ours]));
  const samples = await interleave([...new Set(all)], rounds);
  return matches.map((match) => rowOf(match, samples));
}

async function interleave(contestants: readonly Contestant[], rounds: Rounds): Promise<Samples> {
  const samples = new Map<Contestant, number[]>(contestants.map((each) => [each, []]));
  for (let index = 0; index < rounds.warmup + rounds.counted; index++) {
    for (let i = 0; i < contestants.length; i++) {
      const contestant = contestants[(i + index) % contestants.length];
      if (contestant === undefined) continue;
      const took = await contestant.round(index);
      if (index >= rounds.warmup) samples.get(contestant)?.push(took);
    }
  }
  return samples;
}

function rowOf({ name, ours, peer, required }: Match, samples: Samples): Row {
  const own = samples.get(ours) ?? [];
  const common = { name, ours_ns: rounded(median(own)), peer: peer.name };
  const limit = required ?? null;
  if (!('round' in peer)) {
    const none = { peer_ns: null, ratio: null, spread: null, required: limit, ok: null };
    return { ...common, ...none, skipped: peer.skipped };
  }
  const others = samples.get(peer) ?? [];
  const ratios = own.map((took, i) => took / (others[i] ?? Number.NaN));
  const ratio = rounded(median(ratios));
  return {
    ...common,
    peer_ns: rounded(median(others)),
    ratio,
    spread: [rounded(Math.min(...ratios)), rounded(Math.max(...ratios))],
    required: limit,
    ok: limit === null ? null : ratio <= limit,
  };
}

const rounded = (value: number): number => Number(value.toPrecision(4));
