/**
 * A scenario that is being written: its lines, what the generator believes of the world, and the
 * choices that every operation makes alike, of a worker, a name, a page, a range.
 */

import { mayFaultInKernel } from './excluded.js';
import type { Page, Uffd } from './model/page.js';
import { type Place, type Process, type Worker, whoText } from './model/process.js';
import { type Holder, World } from './model/world.js';
import type { Part } from './parts.js';
import type { Profile } from './profiles.js';
import type { Random } from './random.js';

/** Consecutive pages of one window. */
export interface Range {
  readonly process: Process;
  readonly slot: string;
  readonly start: number;
  readonly count: number;
}

/** What a range should consist of. */
export interface Wish {
  readonly process?: Process;
  readonly slot?: string;
  /** At most so many pages. */
  readonly most?: number;
  readonly wanted?: (page: Page) => boolean;
}

/** An address of a page: `A`, `A+3`. */
export const addressOf = ({ slot, index }: Place): string =>
  index === 0 ? slot : `${slot}${index > 0 ? '+' : ''}${index}`;

/** A range as two words. */
export const rangeText = ({ slot, start, count }: Range): string =>
  `${addressOf({ slot, index: start })} ${count}`;

/** Pages of a huge page. */
const HUGE_PAGES = 512;

/** In so many percent a range goes further than it should. */
const SLOPPY_PERCENT = 10;
/** In so many percent nobody asks whether a page is fit for what is done with it. */
const CARELESS_PERCENT = 40;
const FOREIGN_PROCESS_PERCENT = 30;
const SMALL_SLOTS = [...'ABCDEFGHIJKLMNOP'];
const HUGE_SLOTS = ['HA', 'HB', 'HC', 'HD'];

/** A scenario on its way. */
export class Draft {
  readonly world = new World();
  readonly lines: string[] = [];
  /** Steps that come before anything else is drawn. */
  readonly plan: (() => void)[] = [];
  /** So many accesses may sleep before they are rather such as do not. */
  readonly sleepersMost: number;
  #fill = 0x30;

  constructor(
    readonly random: Random,
    readonly profile: Profile,
    /** What both sides can do beyond the ordinary. */
    readonly parts: ReadonlySet<Part>,
  ) {
    this.sleepersMost = random.between(2, 7);
  }

  say(worker: Worker, ...words: readonly string[]): void {
    const isDefault = worker === this.world.first.main;
    const text = words.filter((word) => word !== '').join(' ');
    this.lines.push(isDefault ? text : `${whoText(worker)} ${text}`);
    worker.wasUsed = true;
    worker.wasInKernel ||= mayFaultInKernel(text);
  }

  /** The next fill byte; no two neighbours look alike. */
  nextByte(): number {
    this.#fill = this.#fill >= 0xe0 ? 0x31 : this.#fill + 1;
    return this.#fill;
  }

  /** `fill=0x31` or `fill=seq0x31`. */
  fillKey(): string {
    const byte = `0x${this.nextByte().toString(16)}`;
    return this.random.chance(50) ? `fill=${byte}` : `fill=seq${byte}`;
  }

  process(): Process {
    const { alive } = this.world;
    const [first] = alive;
    if (first === undefined) throw new Error('every process has ended');
    return this.random.chance(FOREIGN_PROCESS_PERCENT) ? this.random.pick(alive) : first;
  }

  /** A T worker without an operation. */
  thread(process: Process): Worker | undefined {
    const idle = process.idleThreads;
    return idle.length > 0 ? this.random.pick(idle) : undefined;
  }

  /** M, or now and then a T worker; for what cannot sleep. */
  anyone(process: Process): Worker | undefined {
    const thread = this.random.chance(10) ? this.thread(process) : undefined;
    if (thread !== undefined) return thread;
    return process.main.sleep === undefined ? process.main : this.thread(process);
  }

  /** A name of a userfaultfd in a living process. */
  holder(wanted: (uffd: Uffd) => boolean = () => true): Holder | undefined {
    const { holders } = this.world;
    const fitting = holders.filter(({ uffd }) => wanted(uffd));
    const choices = fitting.length > 0 && this.random.chance(95) ? fitting : holders;
    return choices.length > 0 ? this.random.pick(choices) : undefined;
  }

  /** Some name of a given userfaultfd, rather one in the first process. */
  holderOf(uffd: Uffd): Holder | undefined {
    const all = this.world.holders.filter((holder) => holder.uffd === uffd);
    return this.random.chance(80) ? all[0] : all.at(-1);
  }

  /** A page that is as wanted, or any when none is. */
  place(process: Process, wanted: (page: Page) => boolean = () => true): Place | undefined {
    const { places } = process;
    const fitting = places.filter((place) => {
      const page = process.page(place);
      return page !== undefined && wanted(page);
    });
    const choices = fitting.length > 0 ? fitting : places;
    return choices.length > 0 ? this.random.pick(choices) : undefined;
  }

  /** A range of pages that are as wanted; now and then it goes too far. */
  range(wish: Wish = {}): Range | undefined {
    const { hugePercent } = this.profile;
    if (hugePercent > 0 && this.random.chance(hugePercent)) {
      const unit = this.unit(wish);
      if (unit !== undefined) return unit;
    }
    const process = wish.process ?? this.process();
    const isCareless = this.random.chance(CARELESS_PERCENT);
    const wanted = isCareless ? () => true : (wish.wanted ?? (() => true));
    const isSloppy = this.random.chance(SLOPPY_PERCENT);
    const inSlot = (place: Place) => wish.slot === undefined || place.slot === wish.slot;
    const fits = (place: Place): boolean => {
      const page = process.page(place);
      return page !== undefined && inSlot(place) && (isSloppy || wanted(page));
    };
    const starts = process.places.filter(fits);
    if (starts.length === 0) return undefined;
    const { slot, index } = this.random.pick(starts);
    const most = this.random.between(1, wish.most ?? 4);
    let count = 1;
    while (count < most && fits({ slot, index: index + count })) count++;
    return { process, slot, start: index, count: isSloppy ? most : count };
  }

  /** A whole aligned 2 MiB of a large window, or something near it. */
  unit({ process = this.process(), slot }: Wish = {}): Range | undefined {
    const units = process.places.filter(
      (place) =>
        place.index % HUGE_PAGES === 0 &&
        (slot === undefined || place.slot === slot) &&
        process.page({ ...place, index: place.index + HUGE_PAGES - 1 })?.kind === 'anon',
    );
    if (units.length === 0) return undefined;
    const place = this.random.pick(units);
    const [shift, count] = this.random.weighted<readonly [number, number]>([
      [[0, HUGE_PAGES], 12],
      [[0, HUGE_PAGES + this.random.between(1, 300)], 2],
      [[0, this.random.between(1, HUGE_PAGES - 1)], 2],
      [[this.random.between(1, HUGE_PAGES - 1), HUGE_PAGES], 2],
    ]);
    return { process, slot: place.slot, start: place.index + shift, count };
  }

  /** The pages of a range that exist. */
  pages({ process, slot, start, count }: Range): Page[] {
    const window = process.windows.get(slot);
    return Array.from({ length: count }, (_, at) => window?.get(start + at)).flatMap(
      (page) => page ?? [],
    );
  }

  places({ slot, start, count }: Range): Place[] {
    return Array.from({ length: count }, (_, at) => ({ slot, index: start + at }));
  }

  /** A window that no process uses. */
  freeSlot(isHuge = false): string | undefined {
    const taken = new Set(this.world.alive.flatMap(({ slots }) => slots));
    return (isHuge ? HUGE_SLOTS : SMALL_SLOTS).find((slot) => !taken.has(slot));
  }

  has(part: Part): boolean {
    return this.parts.has(part);
  }
}
