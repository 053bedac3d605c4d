// Takes bundles in: whatever block opens is used at once, by the one door; what does not is named, and restored where parity allows.
import type { Bytes } from './ports.ts';
import type { Deal } from './carry/bundle-parity.ts';
import type { Found } from './carry/bundle-scan.ts';
import type { Segment } from './event/segment.ts';
import type { Word } from './carry/bundle-word.ts';
import type { Node } from './node.ts';
import { Fault } from './fault.ts';
import { equal, hex, unhex } from './event/bytes.ts';
import { logId } from './event/chain.ts';
import { logNameOf } from './event/header.ts';
import { parseSegment } from './event/segment.ts';
import { ACCOUNT_BYTES, PLACE_BYTES, VolumeAccount, takeRoom, type AccountRoom, type Place } from './carry/bundle-account.ts';
import { INDEX, PARITY, partsOf, SEGMENTS, WORD, WORDS, bundleKey, openBlock } from './carry/bundle-block.ts';
import { ACCOUNTS_BYTES, BUNDLES_MOST, DAMAGED_MOST, LOST_MOST } from './carry/bundle-bounds.ts';
import { entriesOf } from './carry/bundle-index.ts';
import { membersOf, readRow, restoreStripe } from './carry/bundle-parity.ts';
import { BundleScan } from './carry/bundle-scan.ts';
import { recordOf, type Archive } from './log/archive.ts';
import { soundGet } from './log/damage.ts';
import { segmentKey } from './log/place.ts';
import { hashesAt } from './log/supply.ts';
import { noteTook } from './node-bundles.ts';
import { keepWord } from './node-words.ts';

/** Something that blocks were found in and that can be asked again for them. `name`: as people know it. */
export interface Carried { name: string; read(at: number, length: number): Promise<Bytes> }

/** Events that lay in blocks that were lost and that are not held here: positions of a log. */
export interface LostRange { stream: string; log: string; first: number; last: number; volume: number }

/** One volume as it was found. `blocks`: those that opened; `damaged`: numbers of those that did not, as far as the volume goes (of all volumes 65,536 at most, but always the first); `complete`: its last block was met. */
export interface VolumeReport { bundle: string; volume: number; source: string; blocks: number; damaged: number[]; restored: number; complete: boolean }

/** What an import did. `events`: added; `segments`: of these, and those that were held before, or refused; `unknownBytes`: that opened nothing at all; `lost`: 10,000 ranges at most; `missing`: volumes that later ones or parity tell of, and of which nothing was there (of each bundle the first 1,000). */
export interface ImportReport { events: number; segments: { added: number; held: number; refused: number }; words: { node: string; name: string; made: number }[]; volumes: VolumeReport[]; lost: LostRange[]; missing: { bundle: string; volumes: number[] }[]; unknownBytes: number }

interface Bundle { volumes: Map<number, VolumeAccount<Carried>>; rows: Map<number, Map<number, Place<Carried>>>; deal: Deal | undefined }

/** Segments that go through the door together. */
const BATCH_BYTES = 1_048_576;
/** Volumes of one bundle that a report names as missing. */
const MISSING_LISTED = 1_000;
/** Words that a report names. */
const WORDS_LISTED = 1_000;

/** One import, of any number of sources. Call `take` for each, then `finish`. Holds a batch of segments, and a bit for each block. */
export class BundleImport {
  readonly #node: Node;
  readonly #key: Bytes;
  readonly #bundles = new Map<string, Bundle>();
  #batch: Segment[] = [];
  #bytes = 0;
  #listed = 0;
  readonly #room: AccountRoom = { bytes: ACCOUNTS_BYTES };
  readonly #report: ImportReport = { events: 0, segments: { added: 0, held: 0, refused: 0 }, words: [], volumes: [], lost: [], missing: [], unknownBytes: 0 };

  constructor(node: Node) {
    this.#node = node;
    this.#key = bundleKey(node.options.crypto, node.fleet);
  }

  /** As far as it has come. */
  get report(): ImportReport { return this.#report; }

  /** Reads a source from its beginning, taking in what opens. Faults: those of reading and of the store; what came before is kept. */
  async take(source: Carried, chunks: AsyncIterable<Bytes>): Promise<void> {
    const scan = new BundleScan(this.#node.options.crypto, this.#key);
    try {
      try {
        for await (const chunk of chunks) for (const found of scan.push(chunk)) await this.#found(source, found);
      } finally {
        // A stick that was pulled out: what had been read of it by then is of use, also what the scan still holds back.
        for (const found of scan.end()) await this.#found(source, found);
      }
    } finally {
      await this.#flush();
    }
  }

  /** Restores what can be restored, and says what was done. */
  async finish(): Promise<ImportReport> {
    for (const bundle of this.#bundles.values()) await this.#restore(bundle);
    await this.#flush();
    for (const [name, { volumes }] of this.#bundles) for (const [number, volume] of [...volumes].sort((a, b) => a[0] - b[0])) await this.#volume(name, number, volume);
    for (const [bundle, { volumes, deal }] of this.#bundles) {
      const missing: number[] = [];
      for (let number = 0, end = Math.max(deal?.blocks.length ?? 0, ...volumes.keys()); number < end && missing.length < MISSING_LISTED; number++) if (!volumes.has(number)) missing.push(number);
      if (missing.length > 0) this.#report.missing.push({ bundle, volumes: missing });
      // A bundle arrived when all that is known of it did; what comes after its last volume here, the next word tells.
      else if (this.#report.volumes.every((one) => one.bundle !== bundle || (one.complete && one.damaged.length === 0))) await noteTook(this.#node, unhex(bundle));
    }
    return this.#report;
  }

  async #found(source: Carried, found: Found): Promise<void> {
    if (found.kind === 'damaged') {
      this.#report.unknownBytes += found.length;
      return;
    }
    const { block, at, bytes } = found, bundle = this.#bundle(hex(block.bundle)), place = { source, at, length: bytes.length };
    if (block.kind === PARITY) {
      const row = readRow(block.body);
      if (!row || !bundle) return;
      bundle.deal ??= row.deal;
      // Of one bundle there is one deal: rows of another one restore nothing.
      if (JSON.stringify(bundle.deal) !== JSON.stringify(row.deal) || !takeRoom(this.#room, PLACE_BYTES)) return;
      const rows = bundle.rows.get(row.stripe);
      if (rows) rows.set(row.row, place); else bundle.rows.set(row.stripe, new Map([[row.row, place]]));
      return;
    }
    if (bundle) {
      let volume = bundle.volumes.get(block.volume);
      if (!volume && takeRoom(this.#room, ACCOUNT_BYTES)) bundle.volumes.set(block.volume, volume = new VolumeAccount<Carried>(this.#room, source, block.index, at, bytes.length));
      if (block.kind === INDEX && volume?.has(block.index) === false) volume.index.push(block.index);
      // The same volume may come twice, and each copy may have what the other has lost.
      volume?.note(block.index, block.last, place);
    }
    await this.#use(block.kind, block.body);
  }

  /** The account of a bundle; undefined for one too many. */
  #bundle(name: string): Bundle | undefined {
    let bundle = this.#bundles.get(name);
    if (!bundle && this.#bundles.size < BUNDLES_MOST) this.#bundles.set(name, bundle = { volumes: new Map(), rows: new Map(), deal: undefined });
    return bundle;
  }

  async #use(kind: number, body: Bytes): Promise<void> {
    if (kind === SEGMENTS) for (const bytes of partsOf(body) ?? []) await this.#segment(bytes);
    else if (kind === WORD) await this.#word(body, true);
    else if (kind === WORDS) for (const word of partsOf(body) ?? []) await this.#word(word, false);
  }

  async #word(body: Bytes, maker: boolean): Promise<void> {
    // Who says so may be a member only by what came before.
    await this.#flush();
    let word: Word;
    try {
      word = await keepWord(this.#node, body);
    } catch (error) {
      if (error instanceof Fault && (error.code === 'bad-encoding' || error.code === 'bad-signature')) return;
      throw error;
    }
    const node = hex(word.node), { words } = this.#report;
    if (maker && words.length < WORDS_LISTED && !words.some((one) => one.node === node && one.made === word.made)) words.push({ node, name: word.name, made: word.made });
  }

  async #segment(bytes: Bytes): Promise<void> {
    try {
      this.#batch.push(parseSegment(bytes));
    } catch {
      this.#report.segments.refused++;
      return;
    }
    this.#bytes += bytes.length;
    if (this.#bytes >= BATCH_BYTES) await this.#flush();
  }

  async #flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#bytes = 0;
    const { events, added, held, refused } = await takeSegments(this.#node, batch), { segments } = this.#report;
    this.#report.events += events;
    segments.added += added;
    segments.held += held;
    segments.refused += refused;
  }

  /** Restores missing blocks stripe by stripe. */
  async #restore({ volumes, rows, deal }: Bundle): Promise<void> {
    if (!deal) return;
    const { crypto } = this.#node.options;
    for (const [stripe, found] of rows) {
      if (membersOf(deal, stripe).every(({ volume, index }) => volumes.get(volume)?.has(index))) continue;
      const back = restoreStripe(deal, stripe, {
        has: (volume, index) => volumes.get(volume)?.has(index) === true,
        block: async (volume, index) => {
          const place = volumes.get(volume)?.place(index);
          return place?.source.read(place.at, place.length);
        },
        rows: [...found.keys()],
        row: async (row) => {
          const { source, at, length } = found.get(row)!, block = openBlock(crypto, this.#key, await source.read(at, length));
          return block && readRow(block.body)?.bytes;
        },
      });
      for await (const { volume, index, bytes } of back) {
        const block = openBlock(crypto, this.#key, bytes);
        if (!block || block.volume !== volume || block.index !== index) continue;
        let one = volumes.get(volume);
        if (!one) volumes.set(volume, one = new VolumeAccount<Carried>(this.#room, { name: 'parity', read: () => Promise.resolve(new Uint8Array(0)) }, index, -1, bytes.length));
        if (one.has(index)) continue;
        one.note(index, block.last, undefined);
        one.restored++;
        if (block.kind === INDEX) { one.index.push(index); one.keepIndex(index, block.body); }
        await this.#use(block.kind, block.body);
      }
    }
  }

  async #volume(bundle: string, number: number, volume: VolumeAccount<Carried>): Promise<void> {
    const damaged = volume.missing(Math.max(1, DAMAGED_MOST - this.#listed)), { lost } = this.#report, { crypto } = this.#node.options;
    this.#report.volumes.push({ bundle, volume: number, source: volume.source.name, blocks: volume.blocks, damaged, restored: volume.restored, complete: volume.last !== undefined });
    this.#listed += damaged.length;
    if (!damaged.length) return;
    for (const index of volume.index) {
      const place = volume.place(index), body = volume.keptIndex(index) ?? (place && openBlock(crypto, this.#key, await place.source.read(place.at, place.length))?.body);
      for (const { stream, log, first, last, block } of body ? entriesOf(body) : []) {
        // Held by now, from elsewhere: nothing is lost.
        if (volume.has(block) || (await recordOf(this.#node.archive, log))?.spans.some((span) => span.from <= first && last <= span.to)) continue;
        const end = lost[lost.length - 1], name = hex(log);
        if (end && end.volume === number && end.log === name && end.last === first - 1) end.last = last;
        else if (lost.length < LOST_MOST) lost.push({ stream, log: name, first, last, volume: number });
      }
    }
  }
}

/** Takes parsed segments in by the one door; what is held already costs a look and no check of signatures. Counts events that are new here, and what became of the segments. Faults: those of the store. */
export async function takeSegments(node: Node, batch: Segment[]): Promise<{ events: number; added: number; held: number; refused: number }> {
  const { archive } = node, wanted: Segment[] = [], done = { events: 0, added: 0, held: 0, refused: 0 };
  for (const segment of batch) {
    const { first, count, after } = segment.header, last = first + count - 1;
    const log = logId(archive.crypto, logNameOf(archive.fleet, segment.header));
    const spans = (await recordOf(archive, log))?.spans.filter((span) => span.from <= first && last <= span.to) ?? [];
    if (spans.some((span) => span.to === last && equal(span.after, after)) || (spans.length && await isStored(archive, log, segment)) || (spans.length && (await hashesAt(archive, log, last)).some((e) => equal(e, after)))) done.held++;
    else wanted.push(segment);
  }
  for (const { events, refused } of wanted.length ? await node.admit(wanted) : []) {
    done.events += events;
    if (refused) done.refused++;
    else if (events > 0) done.added++;
    else done.held++;
  }
  return done;
}

/** Whether this very segment is stored: the usual case of an import that is done again, and told without looking inside. */
async function isStored(archive: Archive, log: Bytes, { header, bytes }: Segment): Promise<boolean> {
  const row = await soundGet(archive.store, 'segment', segmentKey(log, header.first, header.count, header.after));
  return row !== undefined && equal(row, bytes);
}
