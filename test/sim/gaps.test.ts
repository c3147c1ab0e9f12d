/** Races between two pages of one call: UFFDIO_WRITEPROTECT and runs of bytes. */
import { describe, expect, it } from 'vitest';
import {
  type Body,
  type ExploreOptions,
  explore,
  PM_UFFD_WP_BIT,
  PROT_READ,
  ScheduleError,
  UFFDIO_REGISTER_MODE_WP,
  UFFDIO_WRITEPROTECT_MODE_WP,
} from '../../src/index.js';
import { shape } from '../support/huge.js';
import { PAGE, region } from './programs.js';

async function failureOf(body: Body, options: ExploreOptions = {}): Promise<ScheduleError> {
  const found = await explore({ strict: false, ...options }, body).catch((e: unknown) => e);
  expect(found).toBeInstanceOf(ScheduleError);
  return found as ScheduleError;
}

/** A dirty tracker arms pages; a guest writes the second, then the first; a handler disarms. */
const arms =
  (pages: number): Body =>
  async (sim) => {
    const { addr, uffd } = region(sim, { pages, mode: UFFDIO_REGISTER_MODE_WP });
    sim.thread.writeSync(addr, new Uint8Array(pages * PAGE));
    const range = { start: addr, len: pages * PAGE };
    const order: string[] = [];
    const handle = async (): Promise<void> => {
      for await (const message of uffd) {
        order.push(message.event);
        await uffd.writeprotect({ ...range, mode: 0 });
      }
    };
    const write = async (thread: typeof sim.thread): Promise<void> => {
      await thread.store8(addr + (pages - 1) * PAGE, 1);
      order.push('written');
      await thread.store8(addr, 1);
    };
    const arm = async (): Promise<void> => {
      await uffd.writeprotect({ ...range, mode: UFFDIO_WRITEPROTECT_MODE_WP });
      order.push('armed');
    };
    sim.spawn('handler', handle, { daemon: true });
    await Promise.all([sim.spawn('tracker', arm), sim.spawn('vcpu', write)]);
    if (order.join() === 'written,pagefault,armed') throw new Error('armed one by one');
  };

describe('UFFDIO_WRITEPROTECT under an explorer', () => {
  it('lets a store come between two of its pages', async () => {
    const failure = await failureOf(arms(2), { seeds: 200 });
    expect(failure.message).toContain('armed one by one');
    await expect(explore({ seeds: 500, strict: false }, arms(1))).resolves.toMatchObject({
      runs: 500,
    });
  });

  it('lets no change of areas come between', async () => {
    const armed = (entry: bigint): boolean => ((entry >> BigInt(PM_UFFD_WP_BIT)) & 1n) === 1n;
    const seen = new Set<string>();
    await explore({ seeds: 200 }, async (sim) => {
      const { addr, uffd } = region(sim, { pages: 3, mode: UFFDIO_REGISTER_MODE_WP });
      const length = 3 * PAGE;
      sim.thread.writeSync(addr, new Uint8Array(length));
      const arm = () =>
        uffd.writeprotect({ start: addr, len: length, mode: UFFDIO_WRITEPROTECT_MODE_WP });
      const change = async (thread: typeof sim.thread): Promise<void> => {
        await thread.mprotect({ addr, length, prot: PROT_READ });
        seen.add([...sim.process.pagemap({ addr, length })].map(armed).join());
      };
      await Promise.all([sim.spawn('tracker', arm), sim.spawn('other', change)]);
      const entries = [...sim.process.pagemap({ addr, length })];
      if (!entries.every(armed)) throw new Error('a page was left out');
      uffd.close();
    });
    expect([...seen].sort()).toEqual(['false,false,false', 'true,true,true']);
  });

  it('ends for all of its pages when its process exits in between', async () => {
    await explore({ seeds: 200, strict: false }, async (sim) => {
      const { addr, uffd } = region(sim, { pages: 4, mode: UFFDIO_REGISTER_MODE_WP });
      sim.thread.writeSync(addr, new Uint8Array(4 * PAGE));
      const range = { start: addr, len: 4 * PAGE };
      const manager = sim.machine.spawn({ name: 'manager' });
      const mine = manager.receive(uffd);
      const arm = async (): Promise<void> => {
        const armed = mine.writeprotect({ ...range, mode: UFFDIO_WRITEPROTECT_MODE_WP });
        await armed.catch((error: { code: string }) => expect(error.code).toBe('ESRCH'));
      };
      const tracker = sim.spawn('tracker', arm, { process: manager });
      sim.spawn('end', async () => sim.process.exit(), { process: manager });
      await tracker;
    });
  });

  it('keeps a huge page whole, and has a bounded number of gaps', async () => {
    const machine = { memory: 2 ** 25, transparentHugepage: 'always' } as const;
    const { steps } = await explore({ strategy: 'fifo', machine }, async (sim) => {
      const pages = 2048;
      const { addr, uffd } = region(sim, { pages, mode: UFFDIO_REGISTER_MODE_WP });
      sim.thread.writeSync(addr, new Uint8Array(pages * PAGE));
      expect(shape(sim.process, pages, addr)).toContain(':HP');
      const range = { start: addr, len: pages * PAGE };
      await uffd.writeprotect({ ...range, mode: UFFDIO_WRITEPROTECT_MODE_WP });
      expect(shape(sim.process, pages, addr)).toBe('0-2047:HPw');
      await uffd.writeprotect({ ...range, mode: 0 });
      await sim.thread.read(addr, pages * PAGE);
      uffd.close();
    });
    expect(steps).toBeLessThan(250);
  });
});

describe('a run of bytes under an explorer', () => {
  const torn =
    (pages: number): Body =>
    async (sim) => {
      const { addr, uffd } = region(sim, { pages: 2 });
      uffd.close();
      sim.thread.writeSync(addr, new Uint8Array(2 * PAGE));
      const write = (thread: typeof sim.thread) =>
        thread.write(addr, new Uint8Array(pages * PAGE).fill(1));
      const read = async (thread: typeof sim.thread): Promise<void> => {
        const bytes = await thread.read(addr, pages * PAGE);
        const [first, last] = [bytes[0] ?? 0, bytes.at(-1) ?? 0];
        if (first !== last) throw new Error(`read ${first} before ${last}`);
      };
      await Promise.all([sim.spawn('writer', write), sim.spawn('reader', read)]);
    };

  it('is read and written page by page: another thread sees the half', async () => {
    const failure = await failureOf(torn(2));
    expect(failure.message).toMatch(/read [01] before [01]/);
    await expect(explore({ seeds: 500 }, torn(1))).resolves.toMatchObject({ runs: 500 });
  });
});
