// Every error that leaves Holdfast: a stable code for programs, a sentence for people.

/** Stable error codes. Messages may change between releases, codes never do. */
export type Code =
  | 'bad-argument' | 'bad-encoding' | 'bad-value' | 'bad-event' | 'bad-segment' | 'bad-signature' | 'bad-message' | 'bad-handshake'
  | 'bad-token' | 'bad-config' | 'bad-url' | 'too-large' | 'too-many'
  | 'not-a-member' | 'not-admin' | 'no-right' | 'no-key' | 'revoked' | 'other-fleet'
  | 'no-fleet' | 'fleet-exists' | 'store-locked' | 'store-full' | 'store-damaged' | 'store-failed' | 'journal-damaged' | 'clock-exhausted'
  | 'input-failed' | 'carrier-full' | 'carrier-failed' | 'link-failed' | 'link-closed' | 'timeout' | 'busy' | 'closed' | 'not-found' | 'unsupported' | 'internal';

/** An error with a stable `code`; `message` says what happened, to what, and what to do. */
export class Fault extends Error {
  readonly code: Code;
  constructor(code: Code, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'Fault';
    this.code = code;
  }
}

/** The code of any thrown thing: a Fault's own, otherwise `internal`. */
export function codeOf(error: unknown): Code {
  return error instanceof Fault ? error.code : 'internal';
}
