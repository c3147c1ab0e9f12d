/**
 * Asks the C compiler what this machine's kernel headers say: writes a program that prints every
 * constant of the table, the size and offsets of every struct and sample messages, compiles it in
 * a temporary folder and runs it. What a header does not have yet is left out (#ifdef).
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FieldTable, Struct } from '../../src/uapi/struct.js';
import * as structs from '../../src/uapi/structs.js';
import { TABLE } from './table.js';

/** What the headers say: numbers by C expression, messages as hex by event. */
export interface HeaderFacts {
  readonly constants: ReadonlyMap<string, number>;
  readonly layout: ReadonlyMap<string, number>;
  readonly messages: ReadonlyMap<string, string>;
  /** Release that the headers belong to, as linux/version.h has it: 6.1.187 is 0x0601bb. */
  readonly versionCode: number;
}

/** Why the headers cannot be asked here, or undefined if they can. */
export function whyNoHeaders(): string | undefined {
  if (process.platform !== 'linux')
    return `kernel headers are Linux's, this is ${process.platform}`;
  if (process.arch !== 'x64') return `the table is x86-64's, this is ${process.arch}`;
  if (spawnSync('cc', ['--version']).status !== 0) return 'no C compiler (cc)';
  const probe = spawnSync('cc', ['-E', '-'], { input: '#include <linux/userfaultfd.h>\n' });
  return probe.status === 0 ? undefined : 'no kernel headers (linux/userfaultfd.h)';
}

/** Each struct, with the macro that exists exactly where the struct does. */
export const GUARDS = [
  [structs.uffdio_api, 'UFFDIO_API'],
  [structs.uffdio_range, 'UFFDIO_WAKE'],
  [structs.uffdio_register, 'UFFDIO_REGISTER'],
  [structs.uffdio_copy, 'UFFDIO_COPY'],
  [structs.uffdio_zeropage, 'UFFDIO_ZEROPAGE'],
  [structs.uffdio_writeprotect, 'UFFDIO_WRITEPROTECT'],
  [structs.uffdio_continue, 'UFFDIO_CONTINUE'],
  [structs.uffdio_poison, 'UFFDIO_POISON'],
  [structs.uffdio_move, 'UFFDIO_MOVE'],
  [structs.uffdio_rwprotect, 'UFFDIO_RWPROTECT'],
  [structs.uffdio_set_mode, 'UFFDIO_SET_MODE'],
  [structs.pm_scan_arg, 'PAGEMAP_SCAN'],
  [structs.page_region, 'PAGEMAP_SCAN'],
] as const;

/** The part of a codec that says how the struct lies in memory. */
type Layout = Pick<Struct<FieldTable>, 'name' | 'sizeBytes' | 'fields'>;

/** C expressions for the size and the offsets of a struct, with what our codec says. */
export function layoutOf(codec: Layout): [string, number][] {
  const expressions: [string, number][] = [[`sizeof(struct ${codec.name})`, codec.sizeBytes]];
  for (const [field, { offset, sizeBytes }] of Object.entries(codec.fields)) {
    expressions.push([`offsetof(struct ${codec.name}, ${field})`, offset]);
    expressions.push([`sizeof(((struct ${codec.name} *)0)->${field})`, sizeBytes]);
  }
  return expressions;
}

/** Messages to compare, with the C statements that fill the same ones in. */
export const MESSAGES = [
  [
    { event: 'pagefault', flags: 3, address: 0x7f1234567008, ptid: 0x1020304 },
    `m.event = UFFD_EVENT_PAGEFAULT; m.arg.pagefault.flags = 3;
     m.arg.pagefault.address = 0x7f1234567008; m.arg.pagefault.feat.ptid = 0x1020304;`,
  ],
  [{ event: 'fork', ufd: 9 }, 'm.event = UFFD_EVENT_FORK; m.arg.fork.ufd = 9;'],
  [
    { event: 'remap', from: 0x10000, to: 0x7ffffffff000, len: 0x3000 },
    `m.event = UFFD_EVENT_REMAP; m.arg.remap.from = 0x10000;
     m.arg.remap.to = 0x7ffffffff000; m.arg.remap.len = 0x3000;`,
  ],
  [
    { event: 'remove', start: 0x1000, end: 0x3000 },
    'm.event = UFFD_EVENT_REMOVE; m.arg.remove.start = 0x1000; m.arg.remove.end = 0x3000;',
  ],
  [
    { event: 'unmap', start: 0x5000, end: 0x6000 },
    'm.event = UFFD_EVENT_UNMAP; m.arg.remove.start = 0x5000; m.arg.remove.end = 0x6000;',
  ],
] as const;

/** Compiles and runs the program. */
export function askHeaders(): HeaderFacts {
  const folder = mkdtempSync(join(tmpdir(), 'uapi-header-'));
  try {
    const source = join(folder, 'header.c');
    const program = join(folder, 'header');
    writeFileSync(source, programText());
    execFileSync('cc', ['-w', '-o', program, source]);
    return readFacts(execFileSync(program, { encoding: 'utf8' }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const INCLUDES = [
  '<stddef.h>',
  '<stdio.h>',
  '<string.h>',
  '<fcntl.h>',
  '<poll.h>',
  '<signal.h>',
  '<sys/ioctl.h>',
  '<sys/mman.h>',
  '<sys/syscall.h>',
  '<linux/falloc.h>',
  '<linux/fs.h>',
  '<linux/memfd.h>',
  '<linux/mempolicy.h>',
  '<linux/mman.h>',
  '<linux/userfaultfd.h>',
  '<linux/version.h>',
];

function programText(): string {
  const ifdef = (guard: string, body: string): string => `#ifdef ${guard}\n${body}\n#endif`;
  const number = (kind: string, expression: string): string =>
    `  printf("${kind}\\t${expression}\\t%llu\\n", (unsigned long long)(${expression}));`;
  const constants = TABLE.map(({ name }) => ifdef(name, number('constant', name)));
  const layout = GUARDS.map(([codec, guard]) =>
    ifdef(
      guard,
      layoutOf(codec)
        .map(([expression]) => number('layout', expression))
        .join('\n'),
    ),
  );
  const messages = MESSAGES.map(
    ([{ event }, fill]) => `  memset(&m, 0, sizeof(m)); ${fill}\n  dump("${event}");`,
  );
  return `#define _GNU_SOURCE
${INCLUDES.map((header) => `#include ${header}`).join('\n')}
static struct uffd_msg m;
static void dump(const char *event) {
  printf("message\\t%s\\t", event);
  for (size_t i = 0; i < sizeof(m); i++) printf("%02x", ((unsigned char *)&m)[i]);
  printf("\\n");
}
int main(void) {
${number('version', 'LINUX_VERSION_CODE')}
${[...constants, ...layout, ...messages].join('\n')}
  return 0;
}
`;
}

function readFacts(output: string): HeaderFacts {
  const constants = new Map<string, number>();
  const layout = new Map<string, number>();
  const messages = new Map<string, string>();
  let versionCode = 0;
  for (const line of output.trimEnd().split('\n')) {
    const [kind, key = '', value = ''] = line.split('\t');
    if (kind === 'constant') constants.set(key, Number(value));
    else if (kind === 'layout') layout.set(key, Number(value));
    else if (kind === 'message') messages.set(key, value);
    else versionCode = Number(value);
  }
  return { constants, layout, messages, versionCode };
}
