// Every maximum of Holdfast, in one place: sizes in bytes, times in milliseconds, counts in pieces.

/** How deep arrays and maps may nest in a value. */
export const VALUE_DEPTH = 32;
/** Bytes of a stream's name. */
export const STREAM_BYTES = 64;
/** UTF-8 bytes of an event's key. */
export const KEY_BYTES = 255;
/** UTF-8 bytes of an event's type. */
export const TYPE_BYTES = 64;
/** Bytes of one canonical event, and of one group of joined events. */
export const EVENT_BYTES = 65_536;
/** Events in one group. */
export const GROUP_EVENTS = 1_024;
/** Milliseconds since 1970 that an event's time may be away, both ways (what ISO 8601 in JavaScript can show). */
export const TIME_MAX = 8_640_000_000_000_000;
/** Largest parts of a stamp. */
export const STAMP_GENERATION_MAX = 0xffff_ffff;
export const STAMP_MS_MAX = 0xffff_ffff_ffff;
export const STAMP_COUNTER_MAX = 0xffff_ffff;
/** A stamp further than this ahead of a trusted clock starts a new generation. */
export const STAMP_AHEAD_MS = 300_000;
/** Events in one segment. */
export const SEGMENT_EVENTS = 8_192;
/** Bytes of one stored segment, at most. */
export const SEGMENT_BYTES = 131_072;
/** What a segment of several events aims at: four LMDB pages with their header. */
export const SEGMENT_AIM = 16_352;
/** Bytes of a segment's columns before deflate. */
export const INFLATED_BYTES = 1_048_576;
/** Canonical bytes of all events of one segment. */
export const RUN_BYTES = 2_097_152;
/** Shapes of bodies that the columns of one segment tell apart, and bytes of the skeleton of one. */
export const COLUMN_SHAPES = 255;
export const COLUMN_SKELETON_BYTES = 4_096;
/** Bytes of a segment's header. */
export const HEADER_BYTES = 8_192;
/** Tips that one opening may cite. */
export const CITES = 64;
/** Runs of one log that may be held beyond holes; further ones wait until holes are filled. */
export const SPANS = 256;
/** Ends of runs of one log that is forked: more than cloned machines make, and few enough for its record to be written with each segment. */
export const BRANCHES = 1_024;
/** Different places at which later logs may cite one log. */
export const CITED = 1_024;
/** Authors of whom something may lie in quarantine. */
export const QUARANTINE_AUTHORS = 4_096;
/** Live segments are sealed after this long at most. */
export const WINDOW_MS = 2_000;
/** Bytes of quarantined segments kept in all, and of one author. */
export const QUARANTINE_BYTES = 64 * 1_048_576;
export const QUARANTINE_AUTHOR_BYTES = 4 * 1_048_576;
/** Bytes of the journal after which its tail is moved into the store. */
export const JOURNAL_BYTES = 1_048_576;
/** Events that may wait for one flush before append pushes back. */
export const APPEND_QUEUE = 65_536;
/** Bytes of one frame on a link, the largest that any link may declare. */
export const FRAME_BYTES = 262_144;
/** UTF-8 bytes of the name of a fleet, a node or an invitation. */
export const NAME_BYTES = 255;
/** Root keys of a fleet. */
export const ROOTS = 16;
/** Patterns in each list of a grant's rights. */
export const PATTERNS = 64;
/** Tips in the `seen` of one `$fleet` event, and in the cut of one revocation or release. */
export const FLEET_TIPS = 256;
/** Wrapped keys in one `$fleet` event. */
export const FLEET_WRAPS = 256;
/** Characters of an invitation's token. */
export const TOKEN_CHARS = 1_048_576;
