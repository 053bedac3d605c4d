// How the URL of a broker is made up, and how it is shown without its password: what a node without a broker needs as well, to say what it was given.

/** Scheme, user and password, IPv6 address, host, port, parameters. */
export const BROKER_URL = /^(mqtts?):\/\/(?:([^\s@/?#]*)@)?(?:\[([0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?)\]|([^\s:/?#@[\]]+))(?::(\d{1,5}))?\/?(?:\?([^\s#]*))?$/i;

/** The URL with *** for the password, to be shown wherever a person or a log may see it. Never fails: of what is no broker's URL, everything that could be a password is hidden. */
export function printableBroker(url: string): string {
  const hidden = url.replace(/([?&]pass(?:word)?=)[^&]*/gi, '$1***');
  const parts = BROKER_URL.exec(hidden);
  // What cannot be read may hold an @ or / in its password: hide up to the last @.
  if (parts === null) return hidden.replace(/^([a-z][a-z0-9+.-]*:\/\/)?([^:@]*):.*@/is, '$1$2:***@');
  return parts[2]?.includes(':') === true ? hidden.replace(/:\/\/([^:@]*):[^@]*@/, '://$1:***@') : hidden;
}
