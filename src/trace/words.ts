/**
 * Events in words: who they belong to and what they say, as every exporter shows them.
 * Addresses in hexadecimal; a sentence is cut at its first semicolon.
 */

import type { TraceEvent } from '../base/trace.js';

const hex = (addr: number): string => `0x${addr.toString(16)}`;

/** A caller by name: a thread, or a handle of a userfaultfd, which leaves its thread free. */
export const callerOf = ({ who, fd }: { who: string; fd: number | undefined }): string =>
  fd === undefined ? who : `${who} fd ${fd}`;

/** Whom an event is about. */
export function subjectOf(event: TraceEvent): string {
  switch (event.kind) {
    case 'fault':
    case 'resolve':
      return event.who;
    case 'message':
      return event.userfaultfd;
    case 'entry':
      return event.process;
    default:
      return callerOf(event);
  }
}

/** What an event says, as a short phrase. */
export function phraseOf(event: TraceEvent): string {
  switch (event.kind) {
    case 'enter':
      return event.what;
    case 'exit':
      return `${event.what} = ${event.result}`;
    case 'fault': {
      const access = event.write ? 'write' : 'read';
      return `${event.reason} on a ${access} at ${hex(event.addr)}, ${event.userfaultfd}`;
    }
    case 'resolve':
      return `fault at ${hex(event.addr)} is over`;
    case 'message':
      return `${event.event} is read`;
    case 'sleep':
      return event.why.split(';')[0] ?? '';
    case 'wake':
      return 'goes on';
    case 'entry': {
      const frame = event.pfn === undefined ? '' : `, frame ${event.pfn}`;
      return `${event.change} ${hex(event.addr)}${frame}`;
    }
  }
}
