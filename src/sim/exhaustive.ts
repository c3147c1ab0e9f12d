/**
 * Every schedule of a small program with at most so many preemptions: depth first, one run each.
 * A preemption is a step of another thread although the one before could have gone on.
 */

import type { Choice, Strategy } from './strategy.js';

/** One choice on the path that is being explored. */
interface Branch {
  readonly options: readonly number[];
  taken: number;
}

/** The tree of schedules; `next` makes the strategy of another run until all were run. */
export class ScheduleTree {
  #path: Branch[] = [];
  #started = false;

  /** @param preemptions - Most preemptions in one schedule. */
  constructor(readonly preemptions: number) {}

  /** The strategy of the next run; `undefined` when every schedule was run. */
  next(): Strategy | undefined {
    if (this.#started && !this.#advance()) return undefined;
    this.#started = true;
    return new PathStrategy(this.#path, this.preemptions);
  }

  #advance(): boolean {
    for (let branch = this.#path.at(-1); branch !== undefined; branch = this.#path.at(-1)) {
      if (++branch.taken < branch.options.length) return true;
      this.#path.pop();
    }
    return false;
  }
}

class PathStrategy implements Strategy {
  readonly #path: Branch[];
  #depth = 0;
  #left: number;

  constructor(path: Branch[], preemptions: number) {
    this.#path = path;
    this.#left = preemptions;
  }

  choose(choices: readonly Choice[], last: number): Choice {
    const goesOn = choices.find(({ thread, timer }) => thread === last && !timer);
    const branch = this.#branch(choices, goesOn);
    const thread = branch.options[branch.taken] ?? 0;
    if (goesOn !== undefined && thread !== last) this.#left--;
    return choices.find((choice) => choice.thread === thread) ?? (choices[0] as Choice);
  }

  #branch(choices: readonly Choice[], goesOn: Choice | undefined): Branch {
    const known = this.#path[this.#depth++];
    if (known !== undefined) return known;
    const others = choices.filter((choice) => choice !== goesOn).map(({ thread }) => thread);
    const preempts = this.#left > 0 ? others : [];
    const options = goesOn === undefined ? others : [goesOn.thread, ...preempts];
    const branch = { options, taken: 0 };
    this.#path.push(branch);
    return branch;
  }
}
