import { describe, expect, it } from 'vitest';
import { ScheduleTree } from '../../src/sim/exhaustive.js';
import {
  type Choice,
  FifoStrategy,
  PctStrategy,
  RandomStrategy,
  ReplayStrategy,
} from '../../src/sim/strategy.js';

const ready = (...threads: number[]): Choice[] =>
  threads.map((thread, i) => ({ thread, since: i, timer: false }));
const timer = (thread: number): Choice => ({ thread, since: Infinity, timer: true });

describe('FifoStrategy', () => {
  it('goes on with the thread that took the last step', () => {
    expect(new FifoStrategy().choose(ready(0, 1), 1).thread).toBe(1);
  });

  it('takes the one that is ready longest when that one cannot', () => {
    expect(new FifoStrategy().choose(ready(2, 1), 0).thread).toBe(2);
  });

  it('lets time pass only when nobody can go on', () => {
    expect(new FifoStrategy().choose([timer(0), ...ready(1)], 0).thread).toBe(1);
    expect(new FifoStrategy().choose([timer(0)], 1).thread).toBe(0);
  });
});

describe('a thread that does the same in vain', () => {
  it('gives way once to the one that is ready longest', () => {
    const strategy = new FifoStrategy();
    strategy.futile(0);
    expect(strategy.choose(ready(0, 2, 1), 0).thread).toBe(2);
    expect(strategy.choose(ready(0, 2, 1), 0).thread).toBe(0);
  });

  it('goes on when it is alone', () => {
    const strategy = new ReplayStrategy([]);
    strategy.futile(1);
    expect(strategy.choose(ready(1), 1).thread).toBe(1);
  });
});

describe('RandomStrategy', () => {
  it('makes equal choices for equal seeds', () => {
    const run = (seed: number) => {
      const strategy = new RandomStrategy(seed);
      return Array.from({ length: 50 }, () => strategy.choose(ready(0, 1, 2)).thread);
    };
    expect(run(7)).toEqual(run(7));
    expect(run(7)).not.toEqual(run(8));
    expect(new Set(run(7))).toEqual(new Set([0, 1, 2]));
  });
});

describe('PctStrategy', () => {
  it('keeps to the thread of highest priority between its change points', () => {
    const strategy = new PctStrategy(1, 1);
    const first = strategy.choose(ready(0, 1, 2)).thread;
    for (let i = 0; i < 100; i++) expect(strategy.choose(ready(0, 1, 2)).thread).toBe(first);
  });

  it('passes over a thread that works in vain', () => {
    const strategy = new PctStrategy(1, 1);
    const first = strategy.choose(ready(0, 1)).thread;
    strategy.futile(first);
    expect(strategy.choose(ready(0, 1)).thread).not.toBe(first);
  });
});

describe('ReplayStrategy', () => {
  it('names the step that the program cannot take', () => {
    const strategy = new ReplayStrategy([0, 2]);
    strategy.choose(ready(0, 1), 0);
    expect(() => strategy.choose(ready(0, 1), 0)).toThrow(
      'step 2 is one of thread c, but only a, b',
    );
  });

  it('passes over such a step when it is loose', () => {
    const strategy = new ReplayStrategy([2, 1], 'loose');
    expect(strategy.choose(ready(0, 1), 0).thread).toBe(1);
    expect(strategy.left).toBe(0);
  });
});

describe('ScheduleTree', () => {
  /** Two threads of two steps each, run by hand. */
  function everySchedule(preemptions: number): string[] {
    const tree = new ScheduleTree(preemptions);
    const found: string[] = [];
    for (let strategy = tree.next(); strategy !== undefined; strategy = tree.next()) {
      const left = [2, 2];
      let text = '';
      let last = 0;
      while (left.some((count) => count > 0)) {
        const able = [0, 1].filter((thread) => (left[thread] ?? 0) > 0);
        last = strategy.choose(ready(...able), last).thread;
        left[last] = (left[last] ?? 0) - 1;
        text += 'ab'[last];
      }
      found.push(text);
    }
    return found;
  }

  it('runs one schedule without preemptions', () => {
    expect(everySchedule(0)).toEqual(['aabb']);
  });

  it('runs each schedule once, up to the number of preemptions', () => {
    expect(everySchedule(1).sort()).toEqual(['aabb', 'abba', 'bbaa']);
    expect(everySchedule(9).sort()).toEqual(['aabb', 'abab', 'abba', 'baab', 'baba', 'bbaa']);
  });
});
