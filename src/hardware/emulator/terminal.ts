/**
 * Emulated lines behind pseudo-terminals: what a client opens instead of a U2D2. The stable name is a link, which
 * points at another terminal after a replug, as udev's links do.
 */
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { openPty, Poller, readNow, writeNow, type Pty } from '../linux.js';
import type { FaultCommand } from './faults.js';
import { EmulatedLine, type LineSettings } from './line.js';

/** Longest time between two looks at the servos when no client speaks [ms]. */
const IDLE_MS = 5;
/** The last part of a wait for a wire is spun [ms]. */
const SPIN_MS = 0.06;

export class LineTerminal {
  readonly line: EmulatedLine;
  /** The stable name. */
  readonly link: string;
  /** How often it was plugged or unplugged. */
  plugs = 0;
  readonly #received = new Uint8Array(4096);
  #pty: Pty | undefined;

  constructor(link: string, settings: LineSettings) {
    this.link = link;
    this.line = new EmulatedLine(settings);
    this.plug();
  }

  /** The terminal's file descriptor; undefined while unplugged. */
  get fd(): number | undefined {
    return this.#pty?.master;
  }

  plug(): void {
    if (this.#pty) return;
    this.#pty = openPty();
    this.plugs++;
    mkdirSync(dirname(this.link), { recursive: true });
    rmSync(this.link, { force: true });
    symlinkSync(this.#pty.path, this.link);
  }

  unplug(): void {
    if (!this.#pty) return;
    this.plugs++;
    this.#pty.close();
    this.#pty = undefined;
    this.line.wire.clear();
    rmSync(this.link, { force: true });
  }

  apply(command: FaultCommand): void {
    if (command.kind === 'unplug') this.unplug();
    else if (command.kind === 'replug') this.plug();
    else this.line.apply(command);
  }

  /** Takes what the client sent. */
  listen(nowMs: number): void {
    if (!this.#pty) return;
    const count = readNow(this.#pty.master, this.#received, this.#received.length);
    if (count > 0) this.line.receive(this.#received, count, nowMs, this.#pty.baudRate());
  }

  /** Hands over what is due. */
  speak(nowMs: number): void {
    for (let bytes = this.line.wire.take(nowMs); bytes; bytes = this.line.wire.take(nowMs)) {
      // A client that does not read loses the rest, as on a real line.
      if (this.#pty) writeNow(this.#pty.master, bytes, bytes.length);
    }
  }
}

/** Runs terminals until `round`, called between all work, says to stop, or throws. Blocks its thread. */
export function runTerminals(terminals: readonly LineTerminal[], round: () => boolean): void {
  let plugs = -1;
  let poller = new Poller([]);
  while (round()) {
    const plugsNow = terminals.reduce((sum, terminal) => sum + terminal.plugs, 0);
    if (plugsNow !== plugs) {
      plugs = plugsNow;
      poller = new Poller(terminals.flatMap(({ fd }) => fd ?? []));
    }
    const dueMs = Math.min(...terminals.map(({ line }) => line.wire.nextDueMs)) - performance.now();
    if (dueMs > SPIN_MS || dueMs < 0 || dueMs === Infinity) {
      poller.wait(dueMs < 0 ? 0 : Math.min(IDLE_MS, dueMs - SPIN_MS));
    }
    const nowMs = performance.now();
    for (const terminal of terminals) {
      terminal.listen(nowMs);
      terminal.line.advance(nowMs);
      terminal.speak(performance.now());
    }
  }
}
