// Blanks out comments, and strings where wanted, so that rules look at code alone; every line keeps its place.

/** Words after which a slash begins a regular expression. */
const BEFORE_REGEX = /(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|void|delete|await|yield|throw|new|instanceof)$/;

/**
 * The source with comments replaced by spaces; with `strings` also the contents of strings, templates and regular expressions (what stands in `${}` is
 * code and stays). Line breaks are kept. A scanner, not a parser: enough for sources that compile.
 */
export function strip(source: string, strings = true): string {
  let out = '';
  let at = 0;
  /** Depth of braces at which each open template goes on. */
  const templates: number[] = [];
  let braces = 0;
  const keep = (to: number) => { out += source.slice(at, to); at = to; };
  const blank = (to: number) => { out += source.slice(at, to).replace(/[^\n]/g, ' '); at = to; };
  const content = (to: number) => (strings ? blank(to) : keep(to));

  /** The rest of a template up to its end or its next `${`. */
  const template = () => {
    let end = at;
    while (end < source.length && source[end] !== '`' && !(source[end] === '$' && source[end + 1] === '{')) end += source[end] === '\\' ? 2 : 1;
    content(Math.min(end, source.length));
    if (source[at] === '$') { keep(at + 2); templates.push(braces++); } else keep(Math.min(at + 1, source.length));
  };

  while (at < source.length) {
    const c = source[at]!;
    if (source.startsWith('//', at)) {
      const end = source.indexOf('\n', at);
      blank(end < 0 ? source.length : end);
    } else if (source.startsWith('/*', at)) {
      const end = source.indexOf('*/', at + 2);
      blank(end < 0 ? source.length : end + 2);
    } else if (c === "'" || c === '"') {
      let end = at + 1;
      while (end < source.length && source[end] !== c && source[end] !== '\n') end += source[end] === '\\' ? 2 : 1;
      keep(at + 1);
      content(Math.min(end, source.length));
      keep(Math.min(at + 1, source.length));
    } else if (c === '`') {
      keep(at + 1);
      template();
    } else if (c === '/' && regexMayStart(out)) {
      let end = at + 1;
      let set = false;
      while (end < source.length && source[end] !== '\n' && (set || source[end] !== '/')) {
        if (source[end] === '\\') end++;
        else if (source[end] === '[') set = true;
        else if (source[end] === ']') set = false;
        end++;
      }
      keep(at + 1);
      content(Math.min(end, source.length));
      keep(Math.min(at + 1, source.length));
    } else if (c === '{') {
      braces++;
      keep(at + 1);
    } else if (c === '}') {
      braces--;
      keep(at + 1);
      if (templates.at(-1) === braces) { templates.pop(); template(); }
    } else keep(at + 1);
  }
  return out;
}

/** Whether a slash after this code begins a regular expression rather than a division. */
function regexMayStart(before: string): boolean {
  const code = before.slice(-80).trimEnd();
  return code === '' || /[([{,;=:!&|?+\-*%~^<>]$/.test(code) || BEFORE_REGEX.test(code);
}
