// Takes bundles in: whatever block opens is used at once, by the one door; what does not is named, and restored where parity allows.
import type { Bytes } from './ports.ts';
import type { Deal } from './carry/bundle-parity.ts';
import type { Found } from './carry/bundle-scan.ts';
import type { Segment } from './event/segment.ts';
import type { Word } from './carry/bundle-word.ts';
import type { Node } from './node.ts';
import { Fault } from './fault.ts';
import { equal, hex } from './event/bytes.ts';
import { Reader } from './event/reader.ts';
import { logId } from './event/chain.ts';
import { logNameOf } from './event/header.ts';
import { parseSegment } from './event/segment.ts';
import { INDEX, PARITY, partsOf, SEGMENTS, WORD, WORDS, bundleKey, openBlock } from './carry/bundle-block.ts';
import { membersOf, readRow, restoreStripe } from './carry/bundle-parity.ts';
import { BundleScan } from './carry/bundle-scan.ts';
import { recordOf } from './log/archive.ts';
import { hashesAt } from './log/supply.ts';
import { keepWord } from './node-words.ts';

/** Something that blocks were found in and that can be asked again for them. `name`: as people know it. */
export interface Carried { name: string; read(at: number, length: number): Promise<Bytes> }

/** Events that lay in blocks that were lost and that are not held here: positions of a log. */
export interface LostRange { stream: string; log: string; first: number; last: number; volume: number }

/** One volume as it was found. `blocks`: those that opened; `damaged`: numbers of those that did not, as far as the volume goes; `complete`: its last block was met. */
export interface VolumeReport { bundle: string; volume: number; source: string; blocks: number; damaged: number[]; restored: number; complete: boolean }

/** What an import did. `events`: added; `segments`: of these, and those that were held before, or refused. `bytes`: that opened nothing at all. */
export interface ImportReport { events: number; segments: { added: number; held: number; refused: number }; words: { node: string; name: string; made: number }[]; volumes: VolumeReport[]; lost: LostRange[]; unknownBytes: number }

interface Volume { source: Carried; size: number; places: Map<number, { at: number; length: number }>; index: Bytes[]; last: number | undefined; restored: number }
interface Bundle { volumes: Map<number, Volume>; rows: Map<number, Map<number, { source: Carried; at: number; length: number }>>; deal: Deal | undefined }

/** Segments that go through the door together. */
const BATCH_BYTES = 1_048_576;

/** One import, of any number of sources. Call `take` for each, then `finish`. */
export class BundleImport {
  readonly #node: Node;
  readonly #key: Bytes;
  readonly #look: boolean;
  readonly #held: { log: Bytes; first: number; last: number }[] = [];
  readonly #bundles = new Map<string, Bundle>();
  #batch: Segment[] = [];
  #bytes = 0;
  readonly #report: ImportReport = { events: 0, segments: { added: 0, held: 0, refused: 0 }, words: [], volumes: [], lost: [], unknownBytes: 0 };

  /** `look`: takes nothing in, and only sees what is there (`held`). */
  constructor(node: Node, o: { look?: boolean } = {}) {
    this.#node = node;
    this.#look = o.look === true;
    this.#key = bundleKey(node.options.crypto, node.fleet);
  }

  /** What the blocks that opened hold. */
  held(): { log: Bytes; first: number; last: number }[] { return this.#held; }

  /** As far as it has come. */
  get report(): ImportReport { return this.#report; }

  /** Reads a source from its beginning, `length` bytes (undefined: until `read` gives nothing), taking in what opens. Faults: those of reading and of the store. */
  async take(source: Carried, chunks: AsyncIterable<Bytes>): Promise<void> {
    const scan = new BundleScan(this.#node.options.crypto, this.#key);
    for await (const chunk of chunks) for (const found of scan.push(chunk)) await this.#found(source, found);
    for (const found of scan.end()) await this.#found(source, found);
    await this.#flush();
  }

  /** Restores what can be restored, and says what was done. */
  async finish(): Promise<ImportReport> {
    for (const bundle of this.#bundles.values()) await this.#restore(bundle);
    await this.#flush();
    for (const [name, { volumes }] of this.#bundles) for (const [number, volume] of [...volumes].sort((a, b) => a[0] - b[0])) await this.#volume(name, number, volume);
    return this.#report;
  }

  async #found(source: Carried, found: Found): Promise<void> {
    if (found.kind === 'damaged') {
      this.#report.unknownBytes += found.length;
      return;
    }
    const { block, at, bytes } = found, name = hex(block.bundle);
    let bundle = this.#bundles.get(name);
    if (!bundle) this.#bundles.set(name, bundle = { volumes: new Map(), rows: new Map(), deal: undefined });
    if (block.kind === PARITY) {
      const row = readRow(block.body);
      if (!row) return;
      bundle.deal ??= row.deal;
      const rows = bundle.rows.get(row.stripe);
      if (rows) rows.set(row.row, { source, at, length: bytes.length }); else bundle.rows.set(row.stripe, new Map([[row.row, { source, at, length: bytes.length }]]));
      return;
    }
    let volume = bundle.volumes.get(block.volume);
    if (!volume) bundle.volumes.set(block.volume, volume = { source, size: bytes.length, places: new Map(), index: [], last: undefined, restored: 0 });
    // The same volume may come twice, and each copy may have what the other has lost; blocks are read again only for restoring, from the copy that was whole.
    if (volume.source !== source && !volume.places.has(block.index)) volume.places.set(block.index, { at: -1, length: 0 });
    else volume.places.set(block.index, { at, length: bytes.length });
    volume.size = Math.max(volume.size, bytes.length);
    if (block.last) volume.last = block.index;
    await this.#use(volume, block.kind, block.body);
  }

  async #use(volume: Volume, kind: number, body: Bytes): Promise<void> {
    if (this.#look && kind !== SEGMENTS) return;
    if (kind === SEGMENTS) for (const bytes of partsOf(body) ?? []) await this.#segment(bytes);
    else if (kind === INDEX) volume.index.push(body);
    else if (kind === WORD) await this.#word(body);
    else if (kind === WORDS) for (const word of partsOf(body) ?? []) await this.#word(word);
  }

  async #word(body: Bytes): Promise<void> {
    let word: Word;
    try {
      word = await keepWord(this.#node, body);
    } catch (error) {
      if (error instanceof Fault && (error.code === 'bad-encoding' || error.code === 'bad-signature')) return;
      throw error;
    }
    const node = hex(word.node);
    if (!this.#report.words.some((one) => one.node === node && one.made === word.made)) this.#report.words.push({ node, name: word.name, made: word.made });
  }

  async #segment(bytes: Bytes): Promise<void> {
    let segment: Segment;
    try {
      segment = parseSegment(bytes);
    } catch {
      this.#report.segments.refused++;
      return;
    }
    if (this.#look) {
      const { first, count } = segment.header;
      this.#held.push({ log: logId(this.#node.options.crypto, logNameOf(this.#node.fleet, segment.header)), first, last: first + count - 1 });
      return;
    }
    this.#batch.push(segment);
    this.#bytes += bytes.length;
    if (this.#bytes >= BATCH_BYTES) await this.#flush();
  }

  async #flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#bytes = 0;
    const wanted: Segment[] = [];
    for (const segment of batch) {
      const { first, count, after } = segment.header, { archive } = this.#node, last = first + count - 1;
      // What is held, an import that was broken off for instance, costs a look and no check of signatures.
      const log = logId(archive.crypto, logNameOf(archive.fleet, segment.header));
      const held = (await recordOf(archive, log))?.spans.some((span) => span.from <= first && last <= span.to) === true;
      if (held && (await hashesAt(archive, log, last)).some((e) => equal(e, after))) this.#report.segments.held++;
      else wanted.push(segment);
    }
    if (!wanted.length) return;
    for (const { events, refused } of await this.#node.admit(wanted)) {
      this.#report.events += events;
      if (refused) this.#report.segments.refused++;
      else if (events > 0) this.#report.segments.added++;
      else this.#report.segments.held++;
    }
  }

  /** Restores missing blocks stripe by stripe. */
  async #restore({ volumes, rows, deal }: Bundle): Promise<void> {
    if (!deal) return;
    const { crypto } = this.#node.options;
    for (const [stripe, found] of rows) {
      if (membersOf(deal, stripe).every(({ volume, index }) => volumes.get(volume)?.places.has(index))) continue;
      const kept = new Map<number, Bytes>();
      for (const [row, { source, at, length }] of found) {
        const block = openBlock(crypto, this.#key, await source.read(at, length)), bytes = block && readRow(block.body)?.bytes;
        if (bytes) kept.set(row, bytes);
      }
      const back = await restoreStripe(deal, stripe, kept, async (volume, index) => {
        const held = volumes.get(volume), place = held?.places.get(index);
        return held && place && place.at >= 0 ? held.source.read(place.at, place.length) : undefined;
      });
      for (const { volume, index, bytes } of back ?? []) {
        const block = openBlock(crypto, this.#key, bytes);
        if (!block || block.volume !== volume || block.index !== index) continue;
        let one = volumes.get(volume);
        if (!one) volumes.set(volume, one = { source: { name: 'parity', read: () => Promise.resolve(new Uint8Array(0)) }, size: bytes.length, places: new Map(), index: [], last: undefined, restored: 0 });
        one.places.set(index, { at: -1, length: 0 });
        one.restored++;
        if (block.last) one.last = index;
        await this.#use(one, block.kind, block.body);
      }
    }
  }

  async #volume(bundle: string, number: number, volume: Volume): Promise<void> {
    const end = volume.last ?? Math.max(...volume.places.keys()), damaged: number[] = [];
    for (let index = 0; index <= end; index++) if (!volume.places.has(index)) damaged.push(index);
    this.#report.volumes.push({ bundle, volume: number, source: volume.source.name, blocks: volume.places.size, damaged, restored: volume.restored, complete: volume.last !== undefined });
    if (!damaged.length) return;
    const gone = new Set(damaged);
    for (const body of volume.index) {
      for (const bytes of partsOf(body) ?? []) {
        const entry = readEntry(bytes);
        if (!entry || !gone.has(entry.block)) continue;
        const { stream, log, first, last } = entry;
        // Held by now, from elsewhere: nothing is lost.
        const record = await recordOf(this.#node.archive, log);
        if (record?.spans.some((span) => span.from <= first && last <= span.to)) continue;
        this.#report.lost.push({ stream, log: hex(log), first, last, volume: number });
      }
    }
  }
}

function readEntry(bytes: Bytes): { stream: string; log: Bytes; first: number; last: number; block: number } | undefined {
  try {
    const r = new Reader(bytes);
    if (r.array() < 5) return undefined;
    return { stream: r.text(), log: r.copy(16), first: r.uint(), last: r.uint(), block: r.uint() };
  } catch {
    return undefined;
  }
}
