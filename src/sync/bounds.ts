// Every maximum of a session, in one place: bytes, milliseconds and counts that bound what a peer can make us hold or do.

/** Version of the session protocol. */
export const SESSION_VERSION = 1;
/** Bytes of a unit in the handshake, and of a sealed unit after it (a segment of 131,072 bytes and its neighbours fit). */
export const HANDSHAKE_BYTES = 256;
export const UNIT_BYTES = 196_608;
/** Channels: talk overtakes urgent segments, they overtake the rest. */
export const TALK = 0, URGENT = 1, BULK = 2;
export const CHANNELS = 3;
/** Plain bytes that short messages are gathered to before they are sealed as one unit. */
export const GATHER_BYTES = 16_384;
/**
 * Bytes waiting for the link above which no more segments are asked of the node: what the link takes in AHEAD_MS, within OUTBOX_LEAST and OUTBOX_AIM; OUTBOX_FIRST until that is known. What is made
 * and not sent when the link breaks was made in vain, and what is made when another link takes over is sent twice.
 */
export const OUTBOX_AIM = 131_072;
export const OUTBOX_FIRST = 8_192;
export const OUTBOX_LEAST = 1_024;
export const AHEAD_MS = 1_000;
/** The link's rate is measured over so much time in which something waited, or so many bytes; where every byte counts over time alone, since the first bytes only fill what the link holds. */
export const RATE_MS = 2_000;
export const RATE_BYTES = 65_536;
/** Bytes of answers waiting for a peer that does not read: more ends the session. */
export const OUTBOX_MOST = 4 * 1_048_576;
/** Bytes of segments on their way to us and not durable, unless the node says otherwise, and the most that we use of what a peer grants. */
export const WINDOW = 1_048_576;
export const WINDOW_MOST = 4 * 1_048_576;
/** Bytes of one message of segments, and of what one question to the node for segments aims at. */
export const SEGMENTS_AIM = 49_152;
/** Bytes of columns sent packed in one message. */
export const PACKED_BYTES = 131_072;
/** A segment of at most this many bytes travels thin on any link; longer ones only where every byte counts. */
export const THIN_BYTES = 4_096;
/** Opening a payload only to leave more out costs its events' time: on links that are not thin this many events are opened at once, and each second. */
export const OPENED_EVENTS = 4_096;
export const OPENED_EACH_SECOND = 1_024;
/** What opening any segment costs, in events. */
export const OPENED_BASE = 16;
/** Bytes of an introduction, and segments in it. */
export const INTRO_BYTES = 65_536;
export const INTRO_SEGMENTS = 256;
/** Hashes of keys told to a peer, and streams of an interest. */
export const KEYS = 256;
export const INTEREST = 1_024;
/** Sets up to this size are compared by their ids alone. */
export const PROBE_IDS = 16;
export const SKETCH_BYTES = 128;
/** Coded symbols in one message, ids in one message of a list. */
export const SYMBOLS_BATCH = 4_096;
export const LIST_BATCH = 8_192;
/** Items of a set that a session will compare. */
export const SET_ITEMS = 4_194_304;
/** Ids in each half of a DIFF; what is left waits for the next comparison. */
export const DIFF_IDS = 8_192;
/** Items of one page, and pages that may wait for their answer. */
export const PAGE_ITEMS = 256;
export const PAGES_OPEN = 4;
/** Earlier tips looked at for each tip that the peer lacks. */
export const OLDER_TIPS = 32;
/** Own tips told with a want. */
export const HAVE_TIPS = 16;
/** Wants of a peer that may wait to be served; segment jobs of our own doing (above, a later comparison finds them). */
export const WANTS_OPEN = 16_384;
export const JOBS = 16_384;
/** Logs and ids remembered about a peer. */
export const REMEMBERED = 65_536;
/** Handles of logs, and of nodes and streams, in one channel. */
export const HANDLES = 4_096;
export const NAMES = 256;
/** Segments that the door found forged before the session ends. */
export const STRIKES = 8;
/** Comparisons within COMPARE_SPAN_MS that an accepter stands. */
export const COMPARES = 64;
export const COMPARE_SPAN_MS = 10_000;
/** Pauses between comparisons that do not bring the sets together. */
export const PAUSE_MS = 250;
export const PAUSE_MOST_MS = 60_000;
/** A set that is settled but not equal is compared again after this, and after twice as long each time: the other side may have changed its mind. */
export const SETTLED_MS = 90_000;
export const SETTLED_MOST_MS = 3_600_000;
/** Quiet before a changed root is told, and pause between two tellings; ten times that on thin links. */
export const QUIET_MS = 300;
export const TELL_MS = 2_000;
/** Pause between two receipts; ten times that on thin links. */
export const RECEIPT_MS = 5_000;
/** Pause between receipts while there is no quiet, and receipts of the peer within COMPARE_SPAN_MS. */
export const RECEIPT_BUSY_MS = 60_000;
export const RECEIPTS = 64;
/** Streams in one receipt. */
export const RECEIPT_STREAMS = 64;
/** A handshake or an introduction may take this long; silence this long ends a session. */
export const PATIENCE_MS = 20_000;
export const SILENCE_MS = 90_000;
