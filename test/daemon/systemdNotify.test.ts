/** What systemd hears of the daemon, on a datagram socket as systemd has one. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import koffi from 'koffi';
import { afterEach, describe, expect, it } from 'vitest';
import { Systemd } from '#alohad/daemon/serve/systemdNotify.js';
import { ServedDaemon } from './servedDaemon.js';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;
type Call = (...args: unknown[]) => number;

const folder = mkdtempSync(join(tmpdir(), 'alohad-systemd-'));
const path = join(folder, 'notify');
const unit = readFileSync(new URL('../../launch/alohad.service', import.meta.url), 'utf8');

/** systemd's end: a socket at `path`, and what came to it. */
class Listener {
  readonly #fd: number;
  readonly #recv: Call;
  readonly #close: Call;
  readonly heard: string[] = [];

  constructor() {
    const libc = koffi.load('libc.so.6');
    this.#recv = libc.func('long recv(int fd, uint8_t *bytes, size_t length, int flags)');
    this.#close = libc.func('int close(int fd)');
    const socket: Call = libc.func('int socket(int domain, int type, int protocol)');
    const bind: Call = libc.func('int bind(int fd, const uint8_t *address, uint32_t size)');
    this.#fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    const address = Buffer.concat([Buffer.of(AF_UNIX, 0), Buffer.from(path), Buffer.of(0)]);
    expect(bind(this.#fd, address, address.length)).toBe(0);
  }

  read(): string[] {
    const bytes = Buffer.alloc(4096);
    for (;;) {
      const length = this.#recv(this.#fd, bytes, bytes.length, MSG_DONTWAIT);
      if (length < 0) return this.heard;
      this.heard.push(bytes.toString('utf8', 0, length));
    }
  }

  async until(line: string): Promise<void> {
    while (!this.read().some((text) => text.split('\n').includes(line)))
      await new Promise((resolve) => setTimeout(resolve, 20));
  }

  close(): void {
    this.#close(this.#fd);
    rmSync(path, { force: true });
  }
}

let listener: Listener | undefined;
afterEach(() => {
  listener?.close();
  listener = undefined;
  delete process.env['NOTIFY_SOCKET'];
  delete process.env['WATCHDOG_USEC'];
});

describe.skipIf(process.platform !== 'linux')('systemd', () => {
  it('is told in one datagram, whose lines nobody can add to', () => {
    listener = new Listener();
    new Systemd(path).tell('READY=1', 'STATUS=the arms hold\nMAINPID=1');
    expect(listener.read()).toEqual(['READY=1\nSTATUS=the arms hold MAINPID=1']);
  });

  it('that does not listen is no error, and neither is a path that is none', () => {
    for (const nowhere of [join(folder, 'nobody'), '@nobody-of-alohad', 'relative', `/${'x'.repeat(200)}`])
      expect(() => new Systemd(nowhere).tell('READY=1')).not.toThrow();
    expect(() => new Systemd(undefined).tell('READY=1')).not.toThrow();
  });

  it('hears that the daemon is ready, lives, does something, and ends', async () => {
    listener = new Listener();
    process.env['NOTIFY_SOCKET'] = path;
    process.env['WATCHDOG_USEC'] = '1000000';
    const daemon = await ServedDaemon.start();
    await listener.until('READY=1');
    await listener.until('WATCHDOG=1');
    expect(await daemon.stop()).toBe(0);
    await listener.until('STOPPING=1');
    const lines = listener.heard.flatMap((text) => text.split('\n'));
    expect(lines.indexOf('READY=1')).toBeLessThan(lines.indexOf('STOPPING=1'));
    expect(lines).toContain('STATUS=connected: sim, the arms hold');
    // Some seconds; much longer where the machine has other things to do.
  }, 180_000);
});

it('the unit file expects what the daemon says', () => {
  expect(unit).toMatch(/^Type=notify$/m);
  expect(unit).toMatch(/^NotifyAccess=main$/m);
  expect(unit).toMatch(/^ExecStart=\S+\/alohad serve /m);
  expect(unit).toMatch(/^WatchdogSec=[1-9]\d*$/m);
});
