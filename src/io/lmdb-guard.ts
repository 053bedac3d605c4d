// Keeps LMDB away from damage: LMDB stops the process on it (SIGABRT, SIGBUS) or goes round for ever, so every page is checked before LMDB reads it.
import { closeSync, fstatSync, ftruncateSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type lmdb from 'node-lmdb';
import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';
import { checkPages, inside, type Findings, type Span, type Wanted } from './lmdb-check.ts';
import { readAt, readMetas, type Meta } from './lmdb-pages.ts';
import { findStored, mayChange } from './lmdb-path.ts';
import { tableOf } from './lmdb-rows.ts';

export interface Guard {
  /** The open file, for reading past LMDB. */
  readonly fd: number;
  /** True when every page was checked and is sound: then LMDB may read everything. */
  readonly sound: boolean;
  /** What is damaged, in words. */
  readonly damage: string[];
  /** Whether LMDB may write (or remove) the row. */
  mayWrite(key: Bytes, remove: boolean): boolean;
  /** The stored value of a key; `null` when there is none, undefined when it cannot be read. */
  find(key: Bytes): Bytes | null | undefined;
  /** Checks every page. Gives `damage`. */
  check(): Promise<string[]>;
  /** Interrupts a check and ends its transaction; it begins again by itself unless the guard was closed. */
  pause(): void;
  close(): void;
}

const shown = (key: Bytes | undefined): string => key === undefined ? 'its end' : Buffer.from(key.subarray(1, 33)).toString('hex') || 'its start';

function named({ from, to }: Span): string {
  const first = from.length === 0 ? 'meta' : tableOf(from), last = to === undefined ? 'alarm' : tableOf(to);
  return first === last ? `table ${first}, from key ${shown(from)} to ${shown(to)}` : `tables ${first} (from key ${shown(from)}) to ${last} (to key ${shown(to)})`;
}

/**
 * Takes an opened environment, whose map nobody has read yet, and begins to check its pages: a clean end says nothing about what became of the medium since.
 * `mended`: what `mendHeaders` said. `checkMs`: how long the check may take here; it goes on beside everything else.
 */
export function openGuard(folder: string, env: lmdb.Env, mended: string | undefined, checkMs: number): Guard {
  const fd = openSync(join(folder, 'data.mdb'), 'r+');
  const damage: string[] = mended ? [mended] : [];
  let findings: Findings = { damaged: [], free: false, listed: false };
  let told = 0, whole = false, closed = false, running: Promise<void> | undefined, interrupt: (() => void) | undefined;

  function newest(): Meta {
    const meta = readMetas(fd)[0];
    if (!meta) throw new Fault('store-damaged', `The headers of the store in ${folder} cannot be read any more.`);
    return meta;
  }

  function tell(): void {
    for (const span of findings.damaged.slice(told)) damage.push(`a damaged page in the store: ${named(span)}`);
    if (findings.free && !damage.includes(NO_WRITING)) damage.push(NO_WRITING);
    told = findings.damaged.length;
  }

  const show = ({ page, pages }: Wanted, meta: Meta): Bytes => readAt(fd, page * meta.pageSize, pages * meta.pageSize);

  /** Goes on with a check beside everything else, a few pages at a turn. The transaction keeps LMDB from using its pages again. */
  async function goOn(steps: Generator<Wanted, void, Bytes>, step: IteratorResult<Wanted, void>, meta: Meta, transaction: lmdb.Txn): Promise<boolean> {
    let live = true;
    interrupt = () => { live = false; transaction.abort(); };
    for (let count = 0; !step.done; count++) {
      if (count % 8 === 0) await new Promise((resolve) => { setImmediate(resolve); });
      if (!live) return false;
      step = steps.next(show(step.value, meta));
      tell();
    }
    interrupt = undefined;
    transaction.abort();
    return true;
  }

  /** A check from the beginning, again whenever it was interrupted. */
  async function again(): Promise<void> {
    while (!closed) {
      const meta = newest(), fresh: Findings = { damaged: [], free: false, listed: false }, steps = checkPages(meta, fresh);
      if (!await goOn(steps, steps.next(), meta, env.beginTxn({ readOnly: true }))) continue;
      findings = fresh;
      told = 0;
      damage.splice(mended ? 1 : 0);
      tell();
      whole = true;
      return;
    }
  }

  function run(work: () => Promise<void>): Promise<void> {
    return running = work().catch((error: unknown) => {
      // Nothing is known any more: nothing is written.
      findings.free = true;
      damage.push(`the pages of the store could not be checked: ${error instanceof Error ? error.message : String(error)}`);
    }).finally(() => { running = undefined; });
  }

  /** The check at the start: the free list, and of the trees as much as there is time for. */
  function begin(meta: Meta): void {
    const until = performance.now() + checkMs, transaction = env.beginTxn({ readOnly: true }), steps = checkPages(meta, findings);
    let step = steps.next();
    while (!step.done && (!findings.listed || performance.now() < until)) step = steps.next(show(step.value, meta));
    tell();
    whole = step.done === true;
    if (whole) transaction.abort();
    else void run(async () => { whole = await goOn(steps, step, meta, transaction); if (!whole) await again(); });
  }

  const meta = newest(), length = (meta.last + 1) * meta.pageSize;
  // A file may end early when its last pages are free; LMDB would meet SIGBUS where it should not, so they are there as zeros.
  if (fstatSync(fd).size < length) ftruncateSync(fd, length);
  begin(meta);

  return {
    fd, damage,
    get sound() { return whole && findings.damaged.length === 0 && !findings.free; },
    mayWrite: (key, remove) => !findings.free && !inside(findings.damaged, key) && mayChange(fd, newest(), key, remove),
    find: (key) => findStored(fd, newest(), key),
    async check() {
      while (running) await running;
      await run(again);
      return damage;
    },
    pause() { interrupt?.(); interrupt = undefined; },
    close() {
      closed = true;
      interrupt?.();
      closeSync(fd);
    },
  };
}

const NO_WRITING = 'the list of free pages of the store is damaged: it can be read, but nothing more can be written to it';
