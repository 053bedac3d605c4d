// `node build/go.mjs ready`: installs what is missing and does nothing else, so that other preparations can go on beside it.

/** Returns the exit code: 0, as the way in has made everything ready by the time this runs. */
export function main() {
  return 0;
}
