/**
 * What the system knows of a serial device: whether it is there, what it is, and the latency timer of an FTDI chip.
 * Read from sysfs and /dev/serial, as `SerialPort.list` crashes where udevadm is absent (facts/hardware.md).
 */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';

export interface SerialDevice {
  /** What the path leads to, such as /dev/ttyUSB0. */
  readonly device: string;
  readonly kind: 'usb' | 'pseudo-terminal' | 'other';
  /** Name by which it can be found whatever it is plugged into; absent where udev gives none. */
  readonly byId?: string;
  /** Serial number of the USB adapter. */
  readonly serial?: string;
  /** FTDI only: longest time that the adapter keeps bytes back [ms]. */
  readonly latencyMs?: number;
}

const BY_ID = '/dev/serial/by-id';

/** Serial devices that have names of their own, by path. */
export function namedSerialDevices(folder = BY_ID): string[] {
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}

/** Undefined when there is no such device. */
export function serialDevice(path: string, sysfs = '/sys', byIdFolder = BY_ID): SerialDevice | undefined {
  let device: string;
  try {
    device = realpathSync(path);
  } catch {
    return undefined;
  }
  const name = basename(device);
  if (device.startsWith('/dev/pts/')) return { device, kind: 'pseudo-terminal' };
  const byId = namedSerialDevices(byIdFolder).find((link) => realpathSync(link) === device);
  const tty = join(sysfs, 'class/tty', name, 'device');
  const latency = read(join(tty, 'latency_timer'));
  const serial = serialOf(tty);
  return {
    device,
    kind: /^tty(?:USB|ACM)/.test(name) ? 'usb' : 'other',
    ...(byId !== undefined && { byId }),
    ...(serial !== undefined && { serial }),
    ...(latency !== undefined && { latencyMs: Number(latency) }),
  };
}

/** The udev line that gives an adapter its name and the shortest latency; source: facts/hardware.md 3. */
export const udevRule = (serial: string, name: string): string =>
  `SUBSYSTEM=="tty", ATTRS{serial}=="${serial}", ENV{ID_MM_DEVICE_IGNORE}="1", ATTR{device/latency_timer}="1", SYMLINK+="${name}"`;

/** Some folders above the terminal lies the USB device. */
function serialOf(tty: string): string | undefined {
  if (!existsSync(tty)) return undefined;
  let folder = realpathSync(tty);
  for (let up = 0; up < 4; up++) {
    const serial = read(join(folder, 'serial'));
    if (serial !== undefined) return serial;
    folder = join(folder, '..');
  }
  return undefined;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
