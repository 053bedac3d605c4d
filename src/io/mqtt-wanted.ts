// What a client wants to hear of a broker, as topic filters of MQTT: for itself, and where the broker can do it in common with others of its group.

/** Topic filters; each message of those in `shared` is meant for one client of the group. */
export interface Wanted { readonly filters: readonly string[]; readonly shared: { readonly group: string; readonly filters: readonly string[] } | undefined }

/** How a filter in common with a group begins. */
const SHARE = '$share/';
/** Answers to a SUBSCRIBE that may mean the share, not the topic: an error without a name, a rule, a filter that is not valid, and that there is no such thing. */
const MAY_BE_SHARE = [0x80, 0x83, 0x87, 0x8f, 0x9e];

/** The filters to subscribe to. `sharing`: the broker can do it; otherwise everybody has everything. */
export function wantedFilters({ filters, shared }: Wanted, sharing: boolean): ReadonlySet<string> {
  return new Set([...filters, ...(shared?.filters ?? []).map((each) => (sharing ? `${SHARE}${shared!.group}/${each}` : each))]);
}

/** Whether a filter is one in common. With it MQTT forbids to ask that the own messages stay away. */
export function isShared(filter: string): boolean { return filter.startsWith(SHARE); }

/** Whether a filter was refused as one in common and may be granted without: then each client of the group asks for all. */
export function isShareRefused(filter: string, code: number): boolean { return isShared(filter) && MAY_BE_SHARE.includes(code); }

/** Why messages come to each client of a group, for a person who may have to see to it; undefined where the broker simply knows no shared subscriptions. */
export function unshared(code: number): string | undefined {
  if (code === 0x9e) return undefined;
  return code === 0x87
    ? "the broker's ACL does not let this user share a subscription with other processes of its node: each of them takes every message"
    : 'the broker does not share a subscription between processes of a node: each of them takes every message';
}

/** The next filters for one SUBSCRIBE: of one kind, and at most `most`. */
export function nextFilters(fresh: readonly string[], most: number): string[] {
  const kind = fresh.length > 0 && isShared(fresh[0]!);
  return fresh.filter((each) => isShared(each) === kind).slice(0, most);
}
