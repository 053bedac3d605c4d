// The URL of a database as people may see it.

/** The URL without its password: for words, and for psql, which asks for it. */
export function shownDatabase(url: string): string {
  // Keywords and values.
  if (!/^\w+:\//.test(url)) return url.replace(/\s*\bpassword\s*=\s*('(?:[^'\\]|\\.)*'|\S*)/gi, '');
  try {
    const { protocol, username, host, pathname, searchParams } = new URL(url);
    searchParams.delete('password');
    const more = decodeURIComponent(searchParams.toString()).replaceAll(' ', '%20');
    return `${protocol}//${username === '' ? '' : `${username}@`}${host}${pathname}${more === '' ? '' : `?${more}`}`;
  } catch {
    return 'of DATABASE_URL';
  }
}

/** The words of a command line as people may see them: without the password of `--database`. */
export function shownArguments(args: readonly string[]): string[] {
  return args.map((word, at) => args[at - 1] === '--database' ? shownDatabase(word) : word.startsWith('--database=') ? `--database=${shownDatabase(word.slice('--database='.length))}` : word);
}
