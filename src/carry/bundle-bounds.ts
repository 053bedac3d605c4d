// Every maximum of bundles, in one place.

/** Sizes of blocks: powers of two between these. */
export const BLOCK_LEAST = 4_096, BLOCK_USUAL = 65_536, BLOCK_MOST = 262_144;
/** The last block of a volume may be shorter than the others: a power of two from this on. */
export const TAIL_LEAST = 512;
/** What a block of parity has around the bytes that it stands for. */
export const PARITY_EXTRA = 1_024;
/** Volumes that parity can be made over: their lengths stand in each block of parity. */
export const PARITY_VOLUMES = 160;
/** Volumes of one bundle, and bytes of one: FAT32 ends below 4 GiB. */
export const VOLUMES_MOST = 10_000, VOLUME_BYTES_MOST = 4_294_901_760;
/** Members of a stripe as the maker deals them: more rows would cost more work for each byte. */
export const STRIPE_USUAL = 64;
/** Nodes that a bundle names as those it is for, and streams that it is limited to. */
export const WORD_NODES = 1_024, WORD_STREAMS = 1_024;
/** Bundles that a word says were taken in. */
export const WORD_TOOK = 64;
/** Bytes of the words of others that a bundle carries on. */
export const WORDS_BYTES = 262_144;
/** Numbers of blocks above this, and bundles of one import above that, are used but not kept account of. */
export const INDEX_MOST = 16_777_216, BUNDLES_MOST = 4_096;
/** Ranges of logs that one volume is remembered to hold. */
export const RANGES_MOST = 131_072;
/** Bytes of memory that one import keeps account in. */
export const ACCOUNTS_BYTES = 67_108_864;
/** What a report lists of damaged blocks in all, beside the first of each volume, and of ranges that were lost. */
export const DAMAGED_MOST = 65_536, LOST_MOST = 10_000;
