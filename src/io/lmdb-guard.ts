// Keeps LMDB away from damage: LMDB stops the process on it (SIGABRT, SIGBUS), so what a crash may have damaged is checked before LMDB reads it.
import { closeSync, existsSync, fstatSync, fsyncSync, ftruncateSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type lmdb from 'node-lmdb';
import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';
import { checkPages, inside, type Findings, type Span, type Wanted } from './lmdb-check.ts';
import { readAt, readMetas, type Meta } from './lmdb-pages.ts';
import { tableOf } from './lmdb-rows.ts';

/** Milliseconds that the check may take while the store is being opened; the rest of it then goes on beside everything else. */
const BUDGET_MS = 150;

export interface Guard {
  /** The open file, for reading past LMDB. */
  readonly fd: number;
  /** True as soon as damage is known: then nothing may be read through LMDB. */
  readonly damaged: boolean;
  /** What is damaged, in words. */
  readonly damage: string[];
  /** Whether LMDB may write (or remove) the row. */
  mayWrite(key: Bytes, remove: boolean): boolean;
  /** Checks every page. Gives `damage`. */
  check(): Promise<string[]>;
  /** Interrupts a check and ends its transaction; it begins again by itself unless the guard was closed. */
  pause(): void;
  /** Ends. `clean`: everything is on stable storage, the next opening need not check. */
  close(clean: boolean): void;
}

/** What an interrupted check of an earlier process leaves: then the next one checks everything before it reads anything. */
const SUSPECT = 'suspect', CLEAN = 'clean';

const shown = (key: Bytes | undefined): string => key === undefined ? 'its end' : Buffer.from(key.subarray(1, 33)).toString('hex') || 'its start';

function named({ from, to }: Span): string {
  const first = from.length === 0 ? 'meta' : tableOf(from), last = to === undefined ? 'alarm' : tableOf(to);
  return first === last ? `table ${first}, from key ${shown(from)} to ${shown(to)}` : `tables ${first} (from key ${shown(from)}) to ${last} (to key ${shown(to)})`;
}

/**
 * Mends the headers of a file that LMDB refuses: if one of the two is sound, it replaces the other. Returns what to say about it.
 * Fault: `store-damaged` when neither is.
 */
export function mendHeaders(folder: string): string {
  const file = join(folder, 'data.mdb'), fd = openSync(file, 'r+');
  try {
    const metas = readMetas(fd), meta = metas[0];
    if (!meta) throw new Fault('store-damaged', `Nothing in the store ${file} can be read: both of its headers are damaged. Move the folder away and start again: the journal and other nodes fill the new one.`);
    if (metas.length === 1) {
      const other = 1 - meta.index, copy = readAt(fd, meta.index * meta.pageSize, meta.pageSize);
      if (fstatSync(fd).size < 2 * meta.pageSize) ftruncateSync(fd, 2 * meta.pageSize);
      copy[0] = other; // its own page number
      writeSync(fd, copy, 0, copy.length, other * meta.pageSize);
      fsyncSync(fd);
    }
    return `one of the two headers of ${file} was damaged and is mended; the last commit may be lost`;
  } finally {
    closeSync(fd);
  }
}

/** Takes an opened environment, whose map nobody has read yet, and checks it if it was not closed in order. `mended`: what `mendHeaders` said. */
export function openGuard(folder: string, env: lmdb.Env, mended: string | undefined): Guard {
  const fd = openSync(join(folder, 'data.mdb'), 'r+');
  const findings: Findings = { damaged: [], near: [], free: false }, damage: string[] = mended ? [mended] : [];
  let told = 0, closed = false, running: Promise<void> | undefined, interrupt: (() => void) | undefined;

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

  async function again(): Promise<void> {
    for (let done = false; !done && !closed;) {
      const meta = newest(), fresh: Findings = { damaged: [], near: [], free: false }, steps = checkPages(meta, fresh);
      done = await goOn(steps, steps.next(), meta, env.beginTxn({ readOnly: true }));
      if (done) { Object.assign(findings, fresh); told = 0; damage.splice(mended ? 1 : 0); tell(); }
    }
    if (!closed) rmSync(join(folder, SUSPECT), { force: true });
  }

  function checkNow(meta: Meta): void {
    const budget = existsSync(join(folder, SUSPECT)) ? Infinity : performance.now() + BUDGET_MS;
    const transaction = env.beginTxn({ readOnly: true }), steps = checkPages(meta, findings);
    let step = steps.next();
    for (; !step.done && performance.now() < budget;) step = steps.next(show(step.value, meta));
    tell();
    if (step.done) { transaction.abort(); rmSync(join(folder, SUSPECT), { force: true }); return; }
    writeFileSync(join(folder, SUSPECT), '');
    running = goOn(steps, step, meta, transaction).then((done) => { if (done) rmSync(join(folder, SUSPECT), { force: true }); else return again(); return undefined; }).finally(() => { running = undefined; });
  }

  const meta = newest(), length = (meta.last + 1) * meta.pageSize, short = fstatSync(fd).size < length, path = join(folder, CLEAN);
  // A file may end early when its last pages are free; LMDB would meet SIGBUS where it should not, so they are there as zeros.
  if (short) ftruncateSync(fd, length);
  const clean = existsSync(path) && readFileSync(path, 'utf8') === String(meta.transaction);
  rmSync(path, { force: true });
  if (!clean || short || mended) checkNow(meta);

  return {
    fd, damage,
    get damaged() { return findings.damaged.length > 0 || findings.free; },
    mayWrite: (key, remove) => !findings.free && !inside(findings.damaged, key) && !(remove && inside(findings.near, key)),
    async check() {
      while (running) await running;
      await (running = again().finally(() => { running = undefined; }));
      return damage;
    },
    pause() { interrupt?.(); interrupt = undefined; },
    close(inOrder) {
      closed = true;
      interrupt?.();
      // Without a flush of its own: if it is lost, the next opening checks; if a commit follows, its number differs.
      try {
        if (inOrder && findings.damaged.length === 0 && !findings.free) writeFileSync(path, String(newest().transaction));
        if (inOrder) rmSync(join(folder, SUSPECT), { force: true });
      } catch {
        // A full disk: the next opening checks the pages, that is all.
        rmSync(path, { force: true });
      }
      closeSync(fd);
    },
  };
}

const NO_WRITING = 'the list of free pages of the store is damaged: it can be read, but nothing more can be written to it';
