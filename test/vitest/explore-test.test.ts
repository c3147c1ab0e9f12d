import { UFFDIO_COPY_MODE_DONTWAKE } from 'uffd-emulator';
import { type ExploreBody, exploreTest, test } from 'uffd-emulator/vitest';
import { describe, expect } from 'vitest';
import { exploreWithKit } from '../../src/vitest/explore-test.js';
import { page } from '../support/guest.js';

/** A handler, and a virtual CPU that reads a page which the handler fills. */
const served =
  (mode: number): ExploreBody =>
  async (sim, { region }) => {
    const memory = region();
    const serve = async (): Promise<void> => {
      for await (const message of memory.uffd) {
        if (message.event === 'pagefault') await message.copy(page(7), mode);
      }
    };
    sim.spawn('handler', serve, { daemon: true });
    const value = await sim.spawn('vcpu', (thread) => thread.load8(memory.page(2)));
    expect(value).toBe(7);
    expect(memory.at(2)).toBePresent();
    expect(memory).toHaveNoSilentPages();
    expect(sim).toHaveNoStrandedWaiters();
  };

let runs = 0;
exploreTest(
  'exploreTest runs the program under many schedules',
  { seeds: 30 },
  async (sim, kit) => {
    runs++;
    await served(0)(sim, kit);
  },
);

test('as many as it was told', () => {
  expect(runs).toBe(30);
});

test.explore('test.explore is the same', served(0));

describe('a failing exploration', () => {
  const failure = (name: string): Promise<unknown> =>
    exploreWithKit(name, {}, served(UFFDIO_COPY_MODE_DONTWAKE)).catch((error: unknown) => error);

  test('says what is wrong, and how to run that schedule again', async () => {
    const { message, schedule } = (await failure('serves "all"')) as Error & { schedule: string };
    expect(message).toMatch(/^lost wake-up after \d+ steps/);
    expect(message).toContain('vcpu sleeps in load8');
    expect(message).toContain(`UFFD_SCHEDULE=${schedule}`);
    expect(message).toContain(
      `UFFD_SCHEDULE=${schedule} npx vitest run -t ${JSON.stringify('serves "all"')}`,
    );
  });

  test('shows that message first in its stack', async () => {
    const { stack = '' } = (await failure('a')) as Error;
    expect(stack).toMatch(/^ScheduleError: lost wake-up/);
  });
});

test('exploreTest wants a program', () => {
  expect(() => exploreTest('empty', {}, undefined as never)).toThrow(
    'empty: expected a program to explore',
  );
});
