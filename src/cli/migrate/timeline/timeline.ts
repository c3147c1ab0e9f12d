/**
 * What happened when, over both sides of a migration: the heat map and the faults, for the report.
 * Plain data, so that it can be embedded in a page.
 */
import type { FaultEvent, FaultLog } from './fault-log.js';
import type { HeatMap, HeatMapData } from './heat-map.js';

/** The whole course of a migration in virtual time. */
export interface Timeline {
  /** When the migration began; before it the guest only ran. */
  readonly startedAtNs: number;
  readonly heat: HeatMapData;
  /** The faults of both sides by time, as far as they were kept. */
  readonly faults: readonly FaultEvent[];
  /** How many there were. */
  readonly faultsTotal: number;
}

/** Joins what the two sides saw. */
export function mergeTimelines(
  heat: HeatMap,
  destinationHeat: HeatMapData,
  logs: readonly Pick<FaultLog, 'events' | 'total'>[],
  startedAtNs: number,
): Timeline {
  heat.add(destinationHeat);
  return {
    startedAtNs,
    heat: heat.toData(),
    faults: logs.flatMap(({ events }) => events).sort((a, b) => a.atNs - b.atNs),
    faultsTotal: logs.reduce((sum, { total }) => sum + total, 0),
  };
}
