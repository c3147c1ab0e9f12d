/**
 * What the generator believes of all processes together, and how what one does reaches others:
 * wakes, events, forks, the last close of a userfaultfd.
 */

import { type FileObject, forget, meet, type Page, touch, type Uffd } from './page.js';
import { type FaultSleep, type Place, Process, type Worker } from './process.js';

/** A name that stands for a userfaultfd in some process. */
export interface Holder {
  readonly process: Process;
  readonly name: string;
  readonly uffd: Uffd;
}

/** A worker that sleeps in a fault. */
export interface Faulter {
  readonly worker: Worker;
  readonly sleep: FaultSleep;
}

/** An event for a userfaultfd; a fork's carries the child's. */
export interface Notice {
  readonly uffd: Uffd;
  readonly child: Uffd | undefined;
}

/** Everything that the generator keeps in mind. */
export class World {
  readonly processes: Process[] = [new Process(0)];
  #uffds = 0;

  get first(): Process {
    const [first] = this.processes;
    if (first === undefined) throw new Error('a world has a process');
    return first;
  }

  get alive(): Process[] {
    return this.processes.filter(({ isAlive }) => isAlive);
  }

  get workers(): Worker[] {
    return this.alive.flatMap(({ workers }) => workers);
  }

  get faulters(): Faulter[] {
    return this.workers.flatMap((worker) =>
      worker.sleep?.kind === 'fault' ? [{ worker, sleep: worker.sleep }] : [],
    );
  }

  /** Every name of every userfaultfd in living processes. */
  get holders(): Holder[] {
    return this.alive.flatMap((process) =>
      [...process.uffds].map(([name, uffd]) => ({ process, name, uffd })),
    );
  }

  newUffd(home: number, options: Pick<Uffd, 'isNonblocking' | 'isUserOnly'>): Uffd {
    const id = this.#uffds++;
    return { id, home, features: new Set(), isReady: false, unread: [], ...options };
  }

  home(uffd: Uffd): Process | undefined {
    const process = this.processes[uffd.home];
    return process?.isAlive ? process : undefined;
  }

  /** An access of a worker, in whatever process's memory; true if it sleeps. */
  access(worker: Worker, sleep: FaultSleep): boolean {
    const page = sleep.owner.page(sleep.place);
    const isRefused = sleep.isKernel && page?.uffd?.isUserOnly === true;
    const meeting = meet(page, sleep.isWrite);
    worker.sleep = meeting === 'sleeps' && !isRefused ? sleep : undefined;
    if (meeting === 'hits' && page !== undefined) touch(page, sleep.isWrite);
    return worker.sleep !== undefined;
  }

  /** Those that sleep on pages of a range try again. */
  wake(owner: Process, places: readonly Place[]): void {
    const pages = new Set(places.map((place) => owner.page(place)));
    for (const { worker, sleep } of this.faulters) {
      if (sleep.owner === owner && pages.has(owner.page(sleep.place))) this.access(worker, sleep);
    }
  }

  /** A worker sleeps until each of these has been read; what follows may follow at once. */
  post(worker: Worker, notices: readonly Notice[], then: () => void = () => {}): void {
    let left = notices.length;
    const settle = (): void => {
      left--;
      if (left > 0) return;
      worker.sleep = undefined;
      then();
    };
    for (const { uffd, child } of notices) uffd.unread.push({ child, settle });
    const isFork = notices.some(({ child }) => child !== undefined);
    if (left > 0) worker.sleep = { kind: 'event', isFork };
    else then();
  }

  /** The last name went: nothing is watched any more, and everybody who slept goes on. */
  releaseUnheld(): void {
    const held = new Set(this.holders.map(({ uffd }) => uffd));
    const inFlight = [...held].flatMap(({ unread }) => unread.map(({ child }) => child));
    for (const child of inFlight) if (child !== undefined) held.add(child);
    for (const process of this.alive) {
      const left = process.places.filter((place) => {
        const uffd = process.page(place)?.uffd;
        return uffd !== undefined && !held.has(uffd);
      });
      for (const place of left) this.#release(process.page(place));
      this.wake(process, left);
    }
  }

  #release(page: Page | undefined): void {
    if (page?.uffd === undefined) return;
    for (const { settle } of page.uffd.unread.splice(0)) settle();
    forget(page);
  }

  /** A process is gone, and with it its names. */
  end(process: Process): void {
    process.isAlive = false;
    process.uffds.clear();
    this.releaseUnheld();
  }

  /** Pages of an object that are mapped somewhere. */
  pagesOf(file: FileObject): Page[] {
    return this.alive.flatMap(({ windows }) =>
      [...windows.values()].flatMap((window) =>
        [...window.values()].filter((page) => page.file === file),
      ),
    );
  }
}
