import { describe, expect, test } from 'vitest';
import { PageQueue } from '../../../../src/cli/migrate/source/page-queue.js';

function drain(queue: PageQueue): (number | undefined)[] {
  return Array.from({ length: queue.left }, () => queue.next());
}

describe('PageQueue', () => {
  test('gives every page once, ascending', () => {
    const queue = new PageQueue([2, 3, 5, 8]);
    expect(drain(queue)).toEqual([2, 3, 5, 8]);
    expect(queue.next()).toBeUndefined();
  });

  test('goes on behind an urgent page, and round to the beginning', () => {
    const queue = new PageQueue([2, 3, 5, 8, 9]);
    expect(queue.next()).toBe(2);
    expect(queue.take(8)).toBe(true);
    expect(drain(queue)).toEqual([9, 3, 5]);
  });

  test('does not give an urgent page twice', () => {
    const queue = new PageQueue([2, 3]);
    expect([queue.take(2), queue.take(2), queue.take(4)]).toEqual([true, false, false]);
    expect(queue.left).toBe(1);
  });
});
