/**
 * Axes: round steps for ticks, and the place of a value on an axis in percent. Every chart of the
 * report is drawn in percent of its plot, so that text keeps its size on narrow and wide pages.
 */

/** A tick: where it stands in percent, and what it says. */
export interface Tick {
  readonly percent: number;
  readonly label: string;
}

/** A linear axis from 0 to `max`. */
export interface Axis {
  readonly max: number;
  readonly ticks: readonly Tick[];
  /** The place of a value, 0 to 100. */
  percentOf(value: number): number;
}

/** The largest of 1, 2, 5 times a power of ten that is not above the value. */
export function roundStep(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = value / power;
  return (factor >= 5 ? 5 : factor >= 2 ? 2 : 1) * power;
}

/** An axis that ends at `max`, with about so many ticks at round values. */
export function axisTo(max: number, tickCount: number): Axis {
  const end = max > 0 ? max : 1;
  const step = roundStep((end / tickCount) * 1.5);
  const decimals = Math.max(0, -Math.floor(Math.log10(step)));
  const ticks: Tick[] = [];
  for (let index = 0; index * step <= end * 1.0001; index++) {
    const value = index * step;
    ticks.push({ percent: (value / end) * 100, label: groupDigits(value.toFixed(decimals)) });
  }
  return { max: end, ticks, percentOf: (value) => (value / end) * 100 };
}

/** An axis that ends at a round value above `max`. */
export function roundAxisTo(max: number, tickCount: number): Axis {
  const step = roundStep(((max > 0 ? max : 1) / tickCount) * 1.5);
  return axisTo(Math.ceil((max > 0 ? max : 1) / step) * step, tickCount);
}

function groupDigits(text: string): string {
  const [whole = '', ...fraction] = text.split('.');
  return [whole.replace(/\B(?=(\d{3})+$)/g, ','), ...fraction].join('.');
}
