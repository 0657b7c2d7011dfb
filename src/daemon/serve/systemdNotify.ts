/**
 * Tells systemd how the daemon is (sd_notify): a datagram to the socket that it names. Node.js has no sockets of that kind,
 * so the system is called directly. Where nobody listens nothing is done; a failure is not an error, the daemon runs
 * without being watched.
 */
import koffi from 'koffi';
import { notifySocket } from '../../config/environment.js';

/** Source: Linux bits/socket.h, bits/socket_type.h, sys/un.h. */
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const LONGEST_PATH = 107;

type Call = (...args: unknown[]) => number;

export class Systemd {
  readonly #send: (text: string) => void = () => {};

  /** @param path of the socket; `@name` is one without a file */
  constructor(path: string | undefined = notifySocket()) {
    if (path === undefined || process.platform !== 'linux') return;
    const address = addressOf(path);
    if (!address) return;
    const libc = koffi.load('libc.so.6');
    const socket: Call = libc.func('int socket(int domain, int type, int protocol)');
    const sendto: Call = libc.func(
      'long sendto(int fd, const uint8_t *bytes, size_t length, int flags, const uint8_t *address, uint32_t size)',
    );
    const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    this.#send = (text) => {
      const bytes = Buffer.from(text);
      sendto(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL, address, address.length);
    };
  }

  /** Does not wait. A line is `READY=1`, `STATUS=what it does`, ...; see sd_notify(3). */
  tell(...lines: readonly string[]): void {
    this.#send(lines.map((line) => line.replaceAll('\n', ' ')).join('\n'));
  }
}

/** struct sockaddr_un; undefined for a path that is none. */
function addressOf(path: string): Uint8Array | undefined {
  const name = Buffer.from(path.startsWith('@') ? `\0${path.slice(1)}` : path);
  if ((!path.startsWith('@') && !path.startsWith('/')) || name.length > LONGEST_PATH) return undefined;
  // A path ends with a zero, a name that begins with one does not.
  const address = new Uint8Array(2 + name.length + (path.startsWith('@') ? 0 : 1));
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, 2);
  return address;
}
