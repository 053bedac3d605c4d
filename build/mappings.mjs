// Decodes the mappings of a source map (ECMA-426: base64 variable-length quantities, each relative to the one before).

const DIGITS = new Map([...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].map((digit, value) => [digit, value]));

/** All mappings in order: line and column in the output, and source (its index), line and column there; all count from 0. */
export function decodeMappings(mappings) {
  const out = [];
  let source = 0, sourceLine = 0, sourceColumn = 0;
  mappings.split(';').forEach((group, line) => {
    let column = 0;
    if (group === '') return;
    for (const segment of group.split(',')) {
      const fields = quantities(segment);
      column += fields[0];
      if (fields.length < 4) { out.push({ line, column }); continue; }
      source += fields[1];
      sourceLine += fields[2];
      sourceColumn += fields[3];
      out.push({ line, column, source, sourceLine, sourceColumn });
    }
  });
  return out;
}

/** The numbers of one segment: five bits a digit, the lowest first; the sixth says that more follow, the lowest of all is the sign. */
function quantities(segment) {
  const out = [];
  let value = 0, shift = 0;
  for (const digit of segment) {
    const bits = DIGITS.get(digit);
    value += (bits & 31) << shift;
    if (bits & 32) { shift += 5; continue; }
    out.push(value & 1 ? -(value >>> 1) : value >>> 1);
    value = shift = 0;
  }
  return out;
}
