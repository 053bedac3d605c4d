// As whom a program is run that refuses to be root, so that it reaches its files all the same.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { Fault } from '../fault.ts';

/** How a program is started: the words before its own, the user and group that the process takes on by itself, whose its files must be, and what that user is called. */
export interface Guise { before: string[]; as: { uid: number; gid: number } | undefined; owner: { uid: number; gid: number } | undefined; name: string }

/** Users that such a program may be, the best first; every system has one of them. */
const USERS = ['postgres', 'nobody', 'daemon'];

/**
 * The guise in which a program reaches `folder`, and in which the words `trial` run with success. Who is not root needs none. Root becomes another user; where that one may not look into the folders on the way (a home
 * directory, for example) it keeps the right to (CAP_DAC_OVERRIDE; never where that user itself may look into `folder`), or is root under another number (a user namespace): what the machine allows. Fault `unsupported`: nothing of that works.
 */
export function guiseFor(folder: string, trial: string[]): Guise {
  if (process.getuid?.() !== 0) return { before: [], as: undefined, owner: undefined, name: userInfo().username };
  const user = accounts().sort((a, b) => USERS.indexOf(a.name) - USERS.indexOf(b.name))[0];
  if (user === undefined) throw new Fault('unsupported', `PostgreSQL does not run as root, and this machine has no other user (${USERS.join(', ')}) that it could be. Run holdfast as an ordinary user, or name a database by DATABASE_URL.`);
  const { uid, gid, name } = user, owner = { uid, gid };
  // With these secure bits access(2), by which PostgreSQL looks at its own files, goes by the same rights as all else; what is executed has no capability but the ambient one.
  const ways: Guise[] = [
    { before: [], as: owner, owner, name },
    { before: ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--securebits=+no_setuid_fixup', '--inh-caps=+dac_override', '--ambient-caps=+dac_override', '--'], as: undefined, owner, name },
    { before: ['unshare', '--user', `--map-user=${uid}`, `--map-group=${gid}`, '--'], as: undefined, owner: { uid: 0, gid: 0 }, name },
  ];
  const works = ({ before, as }: Guise, words: string[]): boolean => {
    const [command, ...args] = [...before, '/bin/sh', '-c', 'cd "$1" && shift && "$@"', 'sh', folder, ...words];
    return spawnSync(command!, args, { stdio: 'ignore', cwd: '/', ...as }).status === 0;
  };
  // Whoever else is that user would reach the server's files and its socket, and by them the files of all users.
  const open = works(ways[0]!, ['true']), found = ways.find((way, i) => !(i === 1 && open) && works(way, trial));
  if (found === undefined) {
    throw new Fault('unsupported', `PostgreSQL does not run as root, and as ${name} it cannot reach ${open ? '' : `${folder} or `}${trial[0]}. Run holdfast as an ordinary user, put ${open ? `the program where ${name} may go, let nobody else into the data (chmod 700 ${folder})` : `the data where ${name} may go`}, or name a database by DATABASE_URL.`);
  }
  return found;
}

/** Those of the users that there are. */
function accounts(): { name: string; uid: number; gid: number }[] {
  try {
    return readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':')).filter(([name]) => USERS.includes(name!))
      .map(([name, , uid, gid]) => ({ name: name!, uid: Number(uid), gid: Number(gid) })).filter(({ uid }) => uid > 0);
  } catch {
    return [];
  }
}
