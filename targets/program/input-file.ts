// An input that follows a file as it grows: through renaming, cutting off, deletion, and stops of the node.
//
// What is guaranteed: the place in the file is remembered after what stands before it is durable, so no line is left out, and a clean stop repeats none either. After a
// kill of the process what became durable in the few milliseconds before it may be recorded twice (the place is noted after each batch), after a power cut what did in
// the second or two before it (the place is flushed once a second). Of a copying rotation (copytruncate) the copy is read to its end; what is written after the copying
// and before the cutting cannot be had. A reading that `min_interval` held back at a kill is as if it had been left out.

import { resolve } from 'node:path';
import { Fault } from '../../src/fault.ts';
import type { InputContext, InputKind, NodeContext, RunningInput } from './input.ts';
import { bytesAt, fileAt, findCopy, findRenamed, holds, noPlace, openFile, placeIn, readPlace, TAIL_BYTES, type OpenFile } from './input-file-place.ts';
import { LINE_OPTIONS, openLines, type Lines } from './input-lines.ts';
import { textOption, wordOption, type Options } from './input-option.ts';

/** How often a file is looked at when it does not grow, and how long an old one must have been still before the one in its place is read. */
const LOOK_MS = 250, STILL_MS = 2_000;
/** The place is remembered no more often than this. */
const REMEMBER_MS = 1_000;
const CHUNK_BYTES = 65_536;
/** Files that were renamed one after the other and are still being read. */
const MOST_OLD = 8;
/** How long the last events may take to become durable when the node stops. */
const LAST_MS = 4_000;

export const fileInput: InputKind = {
  options: ['path', 'from', ...LINE_OPTIONS],
  waits: true,
  check(options) {
    pathOf(options);
    wordOption(options, 'from', ['end', 'start']);
    openLines(options, {} as InputContext);
  },
  start: startFile,
};

function pathOf(options: Options): string {
  const path = textOption(options, 'path');
  if (path === undefined) throw new Fault('bad-config', 'an input of kind file needs a path');
  return resolve(path);
}

/** One file that is read: lines of it are on their way. */
interface Source {
  file: OpenFile;
  lines: Lines;
  /** Where in the file the bytes that `lines` counts begin, and where the next ones are read. */
  base: number;
  position: number;
  /** The last bytes before `position`: they tell whether the file was written anew. */
  tail: Buffer;
  /** Where the lines begin whose readings are not settled yet, in their order. */
  open: { at: number; settled: boolean }[];
}

/** Begins to follow the file at `path`. */
async function startFile(options: Options, context: NodeContext): Promise<RunningInput> {
  const path = pathOf(options), fromStart = wordOption(options, 'from', ['end', 'start']) === 'start';
  let source: Source | undefined;
  let following: OpenFile[] = [];
  let stopped = false;
  let wake = () => {};
  let turn: Promise<void> = Promise.resolve();
  let remembered = -Infinity, saved = '', forgetful = '', keeping = false, noting = false;
  const over = () => stopped || context.signal.aborted;
  context.signal.addEventListener('abort', () => wake());

  function begin(file: OpenFile, offset: number): Source {
    const mine: Source = { file, base: offset, position: offset, tail: Buffer.alloc(0), open: [], lines: undefined as unknown as Lines };
    mine.lines = openLines(options, {
      ...context,
      signal: context.signal,
      accept(reading) {
        // Its line begins where the ones before it ended; until it is settled, this is how far a restart may go on from.
        const entry = { at: mine.base + mine.lines.settled, settled: false };
        mine.open.push(entry);
        reading.done = (became) => {
          // What is lost at a stop is read again at the next start.
          if (became === 'lost') return;
          entry.settled = true;
          while (mine.open[0]?.settled) mine.open.shift();
          if (mine === source) notePlace();
        };
        return context.accept(reading);
      },
    });
    return mine;
  }
  async function beginAt(file: OpenFile, offset: number): Promise<Source> {
    const mine = begin(file, offset);
    mine.tail = await bytesAt(file.handle, Math.max(0, offset - TAIL_BYTES), Math.min(offset, TAIL_BYTES));
    if (offset > 0 && mine.lines.wantsHeader) {
      const first = await bytesAt(file.handle, 0, Math.min(offset, CHUNK_BYTES));
      const end = first.indexOf(10);
      if (end >= 0) {
        await mine.lines.push(first.subarray(0, end + 1));
        mine.base = offset - mine.lines.settled;
      }
    }
    return mine;
  }
  /** How far everything is settled. */
  const settledOf = (mine: Source) => mine.open[0]?.at ?? mine.base + mine.lines.settled;

  const here = async () => source === undefined ? noPlace(path) : placeIn(source.file, path, settledOf(source));
  /** One at a time, each with the place as it is then: an older one must not come after a newer one. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    return turn = turn.then(work, work);
  }
  /** Makes the place durable; a failure is shown, and tried again. */
  function keepPlace(now: boolean): Promise<void> {
    if (!now && (performance.now() - remembered < REMEMBER_MS || keeping)) return Promise.resolve();
    keeping = true;
    return inTurn(async () => {
      try {
        const place = await here(), text = JSON.stringify(place);
        if (text !== saved) await context.memory.save(place);
        saved = text;
        forgetful = '';
      } catch (error) {
        forgetful = (error as Error).message;
      }
      remembered = performance.now();
      keeping = false;
    });
  }
  /** Notes the place where it outlives a kill, after each batch. */
  function notePlace(): void {
    if (noting) return;
    noting = true;
    void inTurn(async () => {
      noting = false;
      // A file that cannot be read is told of elsewhere.
      await here().then(context.memory.note).catch(() => {});
    });
  }
  function pause(ms: number): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(done, ms);
      wake = () => {
        clearTimeout(timer);
        done();
      };
      if (over()) wake();
    });
  }
  /** Waits until all that was read is settled: while the node runs, or for so long. */
  async function settle(mine: Source, ms?: number): Promise<void> {
    const until = performance.now() + (ms ?? Infinity);
    while (mine.open.length > 0 && (ms === undefined ? !over() : performance.now() < until)) await new Promise((done) => setTimeout(done, 5));
  }

  /** The first file to read: where it was left; else from the end, if it was there before this input. */
  async function first(): Promise<void> {
    const place = readPlace(await context.memory.load(), path);
    const file = await openFile(path);
    if (place === undefined || place.absent) {
      if (file === undefined) context.state(false, `${path} is not there yet`);
      else source = fromStart || place?.absent === true ? begin(file, 0) : await beginAtEnd(file);
      return keepPlace(true);
    }
    if (file !== undefined && file.id === place.file && await holds(file, place)) {
      source = await beginAt(file, place.offset);
      return;
    }
    let old = await findRenamed(path, place, false);
    if (old.length === 0 && place.offset > 0) {
      // The same contents in another file (put in its place, or on a device that has another number since) go on.
      if (file !== undefined && file.id !== place.file && await holds(file, place)) {
        source = await beginAt(file, place.offset);
        return;
      }
      old = await findRenamed(path, place, true);
    }
    const [found, ...rest] = old;
    if (found !== undefined) {
      source = await beginAt(found, place.offset);
      following = [...rest, ...(file === undefined ? [] : [file])];
    } else if (file !== undefined) source = begin(file, 0);
  }
  /** Begins behind the last line that is whole. */
  async function beginAtEnd(file: OpenFile): Promise<Source> {
    const { size } = await file.handle.stat();
    const length = Math.min(size, CHUNK_BYTES);
    const last = (await bytesAt(file.handle, size - length, length)).lastIndexOf(10);
    if (last >= 0) return beginAt(file, size - length + last + 1);
    const mine = await beginAt(file, length === size ? 0 : size);
    if (length < size) mine.lines.broken(true);
    return mine;
  }

  /** Reads what there is. The bytes before it come with the same reading: had they changed, it would be another file's. */
  async function advance(mine: Source, buffer: Buffer): Promise<'more' | 'end' | 'cut'> {
    const { tail } = mine;
    const { bytesRead } = await mine.file.handle.read(buffer, 0, tail.length + CHUNK_BYTES, mine.position - tail.length);
    if (bytesRead < tail.length || !buffer.subarray(0, tail.length).equals(tail)) return 'cut';
    if (bytesRead === tail.length) return 'end';
    mine.position += bytesRead - tail.length;
    mine.tail = Buffer.from(buffer.subarray(Math.max(0, bytesRead - TAIL_BYTES), bytesRead));
    await mine.lines.push(buffer.subarray(tail.length, bytesRead));
    return 'more';
  }
  /** The file was cut off: the rest of a copy that was made of it before, then the file from its beginning. */
  async function startOver(mine: Source): Promise<void> {
    await settle(mine);
    if (over()) return;
    const settled = mine.base + mine.lines.settled, left = mine.position - settled;
    const copy = mine.tail.length === 0 ? undefined : await findCopy(path, mine.position, mine.tail);
    if (copy !== undefined) {
      following.unshift(mine.file);
      source = await beginAt(copy, settled);
    } else {
      if (left > 0) context.refuse('bad-encoding', `the file was cut off after ${left} bytes of a line without an end`, mine.tail.subarray(-Math.min(left, mine.tail.length)));
      source = begin(mine.file, 0);
    }
    await keepPlace(true);
  }
  /** Turns to the file that is in the place of one that was renamed. */
  async function turnTo(next: OpenFile): Promise<void> {
    const old = source;
    if (old !== undefined) {
      await old.lines.end();
      await settle(old);
      if (over()) return void following.unshift(next);
      await old.file.handle.close();
    }
    source = begin(next, 0);
    await keepPlace(true);
  }

  async function follow(): Promise<void> {
    await first();
    const buffer = Buffer.alloc(TAIL_BYTES + CHUNK_BYTES);
    let still = performance.now(), said = '';
    const say = (ok: boolean, words: string) => {
      if (words !== said) context.state(ok, said = words);
    };
    while (!over()) {
      try {
        // What is in the place of the file now, opened before it is renamed too.
        const last = following.at(-1) ?? source?.file;
        const there = await fileAt(path);
        if (there !== undefined && there !== last?.id && following.length < MOST_OLD) {
          const next = await openFile(path);
          if (next !== undefined) following.push(next);
        }
        if (source !== undefined) {
          let found = await advance(source, buffer);
          for (; found === 'more' && !over(); found = await advance(source, buffer)) {
            still = performance.now();
            void keepPlace(false);
          }
          if (found === 'cut') {
            await startOver(source);
            still = performance.now();
            continue;
          }
        }
        if (following.length > 0 && (source === undefined || performance.now() - still >= STILL_MS)) {
          await turnTo(following.shift()!);
          still = performance.now();
          continue;
        }
        if (forgetful !== '') say(false, `its place cannot be remembered: ${forgetful}`);
        else if (following.length > 0) say(true, `reading the rest of ${source!.file.path}, which was renamed`);
        else if (there === undefined) say(false, `${path} is not there${source === undefined ? ' yet' : ' any more'}`);
        else say(true, `follows ${path}`);
      } catch (error) {
        say(false, `${path} cannot be read: ${(error as Error).message}`);
      }
      await keepPlace(false);
      if (!over()) await pause(LOOK_MS);
    }
  }
  const done = follow();
  done.catch(() => {});
  return {
    ended: done,
    async stop() {
      stopped = true;
      wake();
      await done.catch(() => {});
      if (source !== undefined) await settle(source, LAST_MS);
      await keepPlace(true);
      for (const file of [source?.file, ...following]) await file?.handle.close().catch(() => {});
    },
  };
}
