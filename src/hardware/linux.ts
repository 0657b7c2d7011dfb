/**
 * The few system calls that neither Node nor serialport offers: waiting for bytes with a deadline on a thread that may
 * block, and pseudo-terminals. Called through koffi, which is prebuilt. Linux only.
 */
import koffi from 'koffi';
import { constants } from 'node:fs';
import { AlohadError } from '../contract/errors.js';

/** This machine cannot drive or emulate servos. */
export class PlatformError extends AlohadError {}

/** Source: Linux asm-generic/poll.h, asm-generic/ioctls.h, asm-generic/termbits.h, bits/fcntl-linux.h. */
const POLLIN = 0x1;
const POLLOUT = 0x4;
const POLLHUP_OR_ERR = 0x8 | 0x10 | 0x20;
const TCGETS2 = 0x802c542a;
const TCSETS2 = 0x402c542b;
const RAW_CFLAG = 0x8b0; // CS8 | CREAD | CLOCAL

const BOTHER = 0x1000;
/** Offsets in struct termios2: four flag words, c_line, c_cc[19], two speeds [bytes]. */
const TERMIOS2_BYTES = 44;
const C_CFLAG = 8;
const C_CC_VTIME = 17 + 5;
const C_CC_VMIN = 17 + 6;
const C_OSPEED = 40;

type Call = (...args: unknown[]) => number;

interface Libc {
  readonly ppoll: Call;
  readonly read: Call;
  readonly write: Call;
  readonly ioctl: Call;
  readonly posixOpenpt: Call;
  readonly grantpt: Call;
  readonly unlockpt: Call;
  readonly ptsname: Call;
  readonly open: Call;
  readonly close: Call;
}

let loaded: Libc | undefined;

function libc(): Libc {
  if (loaded) return loaded;
  if (process.platform !== 'linux') {
    throw new PlatformError(
      `Servo buses, real or emulated, need Linux; this is ${process.platform}. Use --backend sim here.`,
    );
  }
  const library = koffi.load('libc.so.6');
  loaded = {
    ppoll: library.func('int ppoll(uint8_t *fds, unsigned long count, uint8_t *timeout, void *mask)'),
    read: library.func('long read(int fd, void *bytes, size_t length)'),
    write: library.func('long write(int fd, void *bytes, size_t length)'),
    ioctl: library.func('int ioctl(int fd, unsigned long request, uint8_t *argument)'),
    posixOpenpt: library.func('int posix_openpt(int flags)'),
    grantpt: library.func('int grantpt(int fd)'),
    unlockpt: library.func('int unlockpt(int fd)'),
    ptsname: library.func('int ptsname_r(int fd, uint8_t *name, size_t length)'),
    open: library.func('int open(const char *path, int flags)'),
    close: library.func('int close(int fd)'),
  };
  return loaded;
}

/** What became of a wait. */
export type Readiness = 'ready' | 'timeout' | 'closed';

/** Waits for one of several file descriptors. Reused: it does not allocate. */
export class Poller {
  readonly #libc = libc();
  readonly #fds: Uint8Array;
  readonly #view: DataView;
  readonly #timeout = new Uint8Array(16);
  readonly #timeoutView = new DataView(this.#timeout.buffer);
  readonly #count: number;

  constructor(fds: readonly number[], direction: 'in' | 'out' = 'in') {
    this.#count = fds.length;
    this.#fds = new Uint8Array(8 * fds.length);
    this.#view = new DataView(this.#fds.buffer);
    for (const [index, fd] of fds.entries()) {
      this.#view.setInt32(8 * index, fd, true);
      this.#view.setInt16(8 * index + 4, direction === 'in' ? POLLIN : POLLOUT, true);
    }
  }

  /** Blocks this thread at most `timeoutMs` [ms], to the microsecond. Data that is there counts before a hang-up. */
  wait(timeoutMs: number): Readiness {
    const micros = Math.max(0, Math.round(timeoutMs * 1000));
    this.#timeoutView.setInt32(0, Math.floor(micros / 1e6), true);
    this.#timeoutView.setInt32(8, (micros % 1e6) * 1000, true);
    const ready = this.#libc.ppoll(this.#fds, this.#count, this.#timeout, null);
    if (ready <= 0) return 'timeout'; // An interrupted wait is a short one.
    for (let index = 0; index < this.#count; index++) if (this.isReady(index)) return 'ready';
    return 'closed';
  }

  /** Whether the last wait ended for this descriptor. */
  isReady(index: number): boolean {
    return (this.#view.getInt16(8 * index + 6, true) & (POLLIN | POLLOUT)) !== 0;
  }

  /** Whether the other end of this descriptor is gone, as of the last wait. */
  isClosed(index: number): boolean {
    return (this.#view.getInt16(8 * index + 6, true) & POLLHUP_OR_ERR) !== 0;
  }
}

/** Bytes read into `into`, 0 at the end of the file, -1 when there is nothing now or the device is gone. */
export const readNow = (fd: number, into: Uint8Array, length: number): number =>
  libc().read(fd, into, length);

/** Bytes taken of `bytes`, -1 when none could be taken now or the device is gone. */
export const writeNow = (fd: number, bytes: Uint8Array, length: number): number =>
  libc().write(fd, bytes, length);

/** A pseudo-terminal: what its owner writes to `master` a client reads from the device at `path`, and the reverse. */
export interface Pty {
  readonly master: number;
  readonly path: string;
  /** Baud rate that the client set [bit/s]. */
  baudRate(): number;
  close(): void;
}

/** Opens a raw pseudo-terminal that stays open while clients come and go. Throws PlatformError. */
export function openPty(): Pty {
  const { posixOpenpt, grantpt, unlockpt, ptsname, open, close, ioctl } = libc();
  const master = posixOpenpt(constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  const name = new Uint8Array(64);
  if (
    master < 0 ||
    grantpt(master) !== 0 ||
    unlockpt(master) !== 0 ||
    ptsname(master, name, name.length) !== 0
  ) {
    throw new PlatformError('The system gives no pseudo-terminal (is /dev/pts mounted, its limit reached?).');
  }
  const path = new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
  // Held open here: without a client the kernel would report a hang-up, and forget that the line is raw.
  const slave = open(path, constants.O_RDWR | constants.O_NOCTTY);
  const termios = new Uint8Array(TERMIOS2_BYTES);
  const view = new DataView(termios.buffer);
  view.setUint32(C_CFLAG, RAW_CFLAG | BOTHER, true);
  view.setUint8(C_CC_VTIME, 0);
  view.setUint8(C_CC_VMIN, 1);
  view.setUint32(C_OSPEED - 4, 57_600, true);
  view.setUint32(C_OSPEED, 57_600, true);
  ioctl(slave, TCSETS2, termios);
  return {
    master,
    path,
    baudRate() {
      ioctl(master, TCGETS2, termios);
      return view.getUint32(C_OSPEED, true);
    },
    close() {
      close(slave);
      close(master);
    },
  };
}
