// "Did you mean": the word from a list that a mistyped one is nearest to.

/** Optimal string alignment distance: insertions, deletions, changes and swaps of neighbours that turn one word into the other. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(row[j - 1]! + 1, last[j]! + 1, change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j]!, before[j - 2]! + 1);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}

/** The nearest of `words` to `word`, or undefined when none is near: one typing error in three letters, or the start of just one word. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  const typed = word.toLowerCase().slice(0, 64);
  const begun = typed.length >= 2 ? words.filter((each) => each.startsWith(typed)) : [];
  if (begun.length === 1) return begun[0];
  let best: string | undefined;
  let least = Math.max(1, Math.floor(Math.max(typed.length, 3) / 3)) + 1;
  for (const each of words) {
    const far = distance(typed, each);
    if (far < least) {
      least = far;
      best = each;
    }
  }
  return best;
}

/** ` Did you mean X?`, or nothing when no word is near. `prefix` stands before the word, for flags. */
export function didYouMean(word: string, words: readonly string[], prefix = ''): string {
  const near = nearest(word, words);
  return near === undefined ? '' : ` Did you mean ${prefix}${near}?`;
}
