// Every maximum of the fan-out, in one place: bytes, milliseconds and counts that bound what a broker and those on it can make us hold or do.

/** Levels of the prefix: with four below it a topic has seven slashes, the most that every broker takes. */
export const PREFIX_LEVELS = 4;
/** Bytes that the seal adds to a payload. */
export const SEAL_BYTES = 28;
/** Keys of topics kept. */
export const TOPIC_KEYS = 1_024;
/** Live segments, and bytes of them, that wait for the broker; what is beyond is left to repair. */
export const OUTBOX_SEGMENTS = 256;
export const OUTBOX_BYTES = 1_048_576;
/** Hashes of messages remembered, so that a repeated one costs a hash. */
export const REMEMBERED_MESSAGES = 4_096;
/** Segments and bytes of one batch for the door, and bytes that may wait for it. */
export const BATCH_SEGMENTS = 64;
export const BATCH_BYTES = 262_144;
export const INTAKE_BYTES = 2_097_152;
/** Messages of one node level that may bring nothing before they are dropped unopened, and how many are forgiven each second. */
export const IDLE_MESSAGES = 256;
export const IDLE_FORGIVEN = 4;
/** Node levels watched for that, and logs whose last end is remembered. */
export const LEVELS = 1_024;
export const LOG_ENDS = 4_096;
/** Heads remembered, and of one node level. */
export const MEMBERS = 1_024;
export const LEVEL_MEMBERS = 32;
/** Tips and streams in one head; bytes of a head. */
export const HEAD_TIPS = 64;
export const HEAD_STREAMS = 64;
export const HEAD_BYTES = 32_768;
/** A changed head is published this long after the last one, and longer for each member; at least after the shorter pause where something was not fanned out. */
export const HEAD_MS = 10_000;
export const HEAD_EACH_MS = 1_500;
export const HEAD_SOON_MS = 2_000;
/** An unchanged head is published this often, as a sign of life. */
export const HEAD_ALIVE_MS = 600_000;
/** A process whose head did not come for so long is forgotten until it does. */
export const SILENT_MS = 2_700_000;
/** A head of this node by another process is cleared unless a newer one comes within this time. */
export const CLEAR_MS = 60_000;
/** It is asked at most so often who the siblings of this process are; and again when one has shown nothing for so long. */
export const SIBLING_ASK_MS = 2_000;
export const SIBLING_STALE_MS = 900_000;
/** Each sibling that is nearer to a peer has so long to settle a difference before this process sees to it. */
export const SIBLING_TURN_MS = 15_000;
/** How long the own states are remembered that heads of others may still show, and how many of one stream. */
export const STATES_MS = 180_000;
export const STATES = 64;
/** How long a tip that is lacking, or a difference, stands before it is a reason to call; a difference while items change all the time, and for each member then. */
export const LACK_MS = 5_000;
export const DIFFER_MS = 10_000;
export const DIFFER_BUSY_MS = 60_000;
export const DIFFER_EACH_MS = 1_500;
/** A call waits at random up to this long, and for each member. */
export const SPREAD_MS = 4_000;
export const SPREAD_EACH_MS = 100;
/** Tips beyond those of its head that are asked of one peer. */
export const GAP_TIPS = 16;
/** How long a call waits for an answer, and how often it is repeated. */
export const CALL_MS = 6_000;
export const CALL_TRIES = 3;
/** How long an answered call may take to begin, and how many wait for that. */
export const BEGIN_MS = 60_000;
export const BEGINNING = 32;
/** Calls and sessions of our own doing, sessions accepted, and of one node level. */
export const OPENED = 2;
export const ACCEPTED = 8;
export const ACCEPTED_OF_LEVEL = 2;
/** Processes named in BUSY, the wait it asks for (and up to twice that at random), and the longest that is believed. */
export const BUSY_NAMES = 4;
export const BUSY_MS = 15_000;
export const BUSY_MOST_MS = 300_000;
/** Sessions that ended, remembered so that their peers are told. */
export const ENDED = 128;
/** Pause after a call or a session that brought nothing; doubles up to the longest. */
export const CALL_PAUSE_MS = 15_000;
export const CALL_PAUSE_MOST_MS = 1_800_000;
/** A session of our own doing is looked at this often: what it was asked for may be there while new events keep it from coming to rest. Then it ends after as long. */
export const REVIEW_MS = 30_000;
