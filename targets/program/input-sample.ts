// The last things that an input said and that could not be used, each with its reason: few, and short.

/** Samples that are kept of an input, bytes of each, and characters of its reason. */
export const SAMPLES = 10, SAMPLE_BYTES = 256, REASON_CHARS = 400;

/** One of them: when it came (ms since 1970), why it was refused, and how it began. Bytes that are no text are shown as \xNN. */
export interface InputSample { at: number; code: string; reason: string; text: string; cut: boolean }

/** Keeps the last samples. */
export function sampleKeeper(): { keep(at: number, code: string, reason: string, raw: string | Uint8Array): void; list(): InputSample[] } {
  const samples: InputSample[] = [];
  return {
    keep(at, code, reason, raw) {
      if (samples.length >= SAMPLES) samples.shift();
      samples.push({ at, code, reason: wellFormed(reason.slice(0, REASON_CHARS)), ...sampleOf(raw) });
    },
    list: () => samples.map((sample) => ({ ...sample })),
  };
}

/** The beginning of what came, as text that holds on to nothing else. */
export function sampleOf(raw: string | Uint8Array): { text: string; cut: boolean } {
  // Cut before it is encoded: what was refused may be large. A copy, since a slice of a text keeps all of it alive.
  const bytes = typeof raw === 'string' ? Buffer.from(raw.slice(0, SAMPLE_BYTES), 'utf8') : Buffer.from(raw.subarray(0, SAMPLE_BYTES));
  const cut = raw.length > SAMPLE_BYTES || bytes.length > SAMPLE_BYTES;
  const kept = bytes.subarray(0, SAMPLE_BYTES);
  try {
    // As a part of a stream: half a character at the end is left out.
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(kept, { stream: cut }), cut };
  } catch {
    return { text: Array.from(kept, (byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`).join(''), cut };
  }
}

/** A text that was cut may end in half a character. */
function wellFormed(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}
