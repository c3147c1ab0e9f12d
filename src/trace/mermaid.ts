/**
 * A trace as a Mermaid sequence diagram: faults go to their userfaultfd, messages to who reads
 * them, ioctls back. Where calls begin and sleep, and which entries change, other exporters show.
 */

import type { TraceEvent } from '../base/trace.js';
import { callerOf, phraseOf } from './words.js';

/** Participants by name, in order of appearance. */
class Participants {
  readonly #ids = new Map<string, string>();

  id(name: string): string {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    const id = `p${this.#ids.size}`;
    this.#ids.set(name, id);
    return id;
  }

  get lines(): string[] {
    return [...this.#ids].map(([name, id]) => `    participant ${id} as ${plain(name)}`);
  }
}

/** Text without what Mermaid would take for syntax. */
const plain = (text: string): string => text.replace(/[;#]/g, ',');

/** Shows what happened between threads, userfaultfds and handlers as a Mermaid sequence diagram. */
export function traceMermaid(events: readonly TraceEvent[]): string {
  const participants = new Participants();
  const lines = events.flatMap((event) => lineOf(event, participants));
  return ['sequenceDiagram', ...participants.lines, ...lines, ''].join('\n');
}

/** Reading shows as the message that was read. */
const isRead = ({ fd, what }: { fd: number | undefined; what: string }): boolean =>
  fd !== undefined && what === 'read';

function lineOf(event: TraceEvent, participants: Participants): string[] {
  const arrow = (from: string, how: string, to: string): string[] => [
    `    ${participants.id(from)}${how}${participants.id(to)}: ${plain(phraseOf(event))}`,
  ];
  switch (event.kind) {
    case 'fault':
      return arrow(event.who, '->>', event.userfaultfd);
    case 'resolve':
      return arrow(event.userfaultfd, '-->>', event.who);
    case 'message':
      return arrow(event.userfaultfd, '->>', event.reader);
    case 'exit': {
      const caller = callerOf(event);
      return isRead(event) ? [] : arrow(caller, '->>', event.userfaultfd ?? caller);
    }
    default:
      return [];
  }
}
