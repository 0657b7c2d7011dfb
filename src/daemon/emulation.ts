/** `alohad emulate`: the servo buses of a rig as pseudo-terminals, and a socket through which they can be made to fail. */
import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { loadArmProfile } from '../config/armFiles.js';
import type { Rig } from '../config/rig.js';
import { AlohadError, RigError } from '../contract/errors.js';
import { Emulator, type EmulatedBus } from '../hardware/emulator/emulator.js';
import { parseFaultCommand } from '../hardware/emulator/faultCommand.js';

export interface EmulationListener {
  /** Everything can be opened now. */
  onReady(buses: readonly EmulatedBus[], controlPath: string): void;
  onLine(text: string): void;
}

/** Runs until `signal`. Throws RigError when the rig has no buses. */
export async function emulate(rig: Rig, listener: EmulationListener, signal: AbortSignal): Promise<void> {
  const buses = emulatedBuses(rig);
  const emulator = await Emulator.start(buses);
  const controlPath = join(dirname(buses[0]!.path), 'control.sock');
  const server = await listen(controlPath, (line) => {
    const { bus, command } = parseFaultCommand(line);
    emulator.apply(bus, command);
    listener.onLine(`${bus}: ${JSON.stringify(command)}`);
  });
  try {
    listener.onReady(buses, controlPath);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  } finally {
    server.close();
    rmSync(controlPath, { force: true });
    await emulator.close();
  }
}

/** The buses of a rig, as the emulator wants them. Throws RigError, UsageError. */
export function emulatedBuses(rig: Rig): EmulatedBus[] {
  const { wire, latencyMs, seed } = rig.emulator;
  const buses = Object.entries(rig.buses).map(([name, { port, arm: profile }], n) => {
    const arm = loadArmProfile(profile);
    return { name, path: port, arm, wire: wire ? { baudRate: arm.baudRate, latencyMs } : {}, seed: seed + n };
  });
  if (buses.length === 0) {
    throw new RigError('this rig has no servo buses to emulate; see launch/rigs/aloha.yaml for one that has');
  }
  return buses;
}

/** A Unix socket that takes one command per line and answers each with `ok` or `error: ...`. */
async function listen(path: string, act: (line: string) => void): Promise<Server> {
  rmSync(path, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    createInterface(socket).on('line', (line) => {
      try {
        act(line);
        socket.write('ok\n');
      } catch (error) {
        if (!(error instanceof AlohadError)) throw error;
        socket.write(`error: ${error.message}\n`);
      }
    });
  });
  server.on('close', () => sockets.forEach((socket) => socket.destroy()));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return server;
}
