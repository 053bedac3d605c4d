// Where words go: results to stdout, everything else to stderr; JSON alone on stdout when that is asked; quiet when the reader has gone.

import { codeOf } from '../../src/fault.ts';

/** Bytes of text gathered before a write. */
const GATHER = 65_536;

/** How a command speaks. */
export interface Output {
  readonly json: boolean;
  /** Adds a line to stdout; wait for it now and then, so that a slow reader slows the command and not the memory. */
  line(text: string): Promise<void> | undefined;
  /** Sends what is gathered. */
  flush(): Promise<void>;
  /** The result: as one JSON document with --json, otherwise as words. */
  result(value: unknown, words: () => string): Promise<void>;
  /** A remark for people, on stderr. */
  note(text: string): void;
  /** A line on stderr that replaces the last such line; nothing unless stderr is a terminal. '' removes it. */
  progress(text: string): void;
  /** What to do when nobody reads stdout any more; by default the program ends quietly. */
  onGone: () => void;
}

/** Makes control characters visible, so that what others wrote cannot drive a terminal. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Text of this program with lines of its own, such as SQL to be copied; what stands in them is printable. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** The output of this process. */
export function processOutput(json: boolean): Output {
  let gathered = '';
  let gone = false;
  let shown = '';
  let lastProgress = 0;
  const output: Output = {
    json,
    onGone: () => process.exit(process.exitCode ?? 0),
    line(text) {
      gathered += `${text}\n`;
      return gathered.length >= GATHER ? output.flush() : undefined;
    },
    async flush() {
      const text = gathered;
      gathered = '';
      if (text === '' || gone) return;
      output.progress('');
      if (!process.stdout.write(text)) {
        await new Promise<void>((resolve) => {
          const done = () => {
            process.stdout.off('drain', done).off('close', done).off('error', done);
            resolve();
          };
          process.stdout.on('drain', done).on('close', done).on('error', done);
        });
      }
    },
    async result(value, words) {
      await output.line(json ? JSON.stringify(value) : words());
      await output.flush();
    },
    note(text) {
      output.progress('');
      process.stderr.write(`${text}\n`);
    },
    progress(text) {
      if (!process.stderr.isTTY || (text === '' && shown === '')) return;
      const now = performance.now();
      if (text !== '' && now - lastProgress < 100) return;
      lastProgress = now;
      shown = text.slice(0, (process.stderr.columns || 80) - 1);
      process.stderr.write(`\r\u001b[K${shown}`);
    },
  };
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (gone) return;
    gone = true;
    // A reader that has had enough (head, less) is no failure; a full disk behind stdout is one.
    if (error.code === 'EPIPE' || error.code === 'EIO') return output.onGone();
    process.stderr.write(`holdfast: stdout cannot be written: ${error.message}\n`);
    process.exit(1);
  });
  process.stderr.on('error', () => {});
  return output;
}

/** One error as stderr shows it. */
export function errorText(error: unknown, json: boolean, extra: { [name: string]: unknown } = {}): string {
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  if (json) return JSON.stringify({ error: { code, message, ...extra } });
  return `holdfast: ${printable(message)} [${code}]`;
}

/** 12345678 as 12,345,678, the same in every locale. */
export function grouped(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** A count of bytes for people: 3.4 MB. */
export function byteText(bytes: number): string {
  let value = bytes;
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    if (value < 1000) return `${value < 10 && unit !== 'B' ? value.toFixed(1) : Math.round(value)} ${unit}`;
    value /= 1000;
  }
  return `${value.toFixed(1)} TB`;
}

/** 1 event, 2 events. */
export function counted(number: number, noun: string): string {
  return `${grouped(number)} ${noun}${number === 1 ? '' : 's'}`;
}
