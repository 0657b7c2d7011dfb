/** Thread entry: emulated buses behind pseudo-terminals. It blocks on their wires and looks at its messages between. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { ArmProfile } from '../../contract/arm.js';
import { emulatedArm } from './arm.js';
import type { FaultCommand } from './faults.js';
import { LineTerminal, runTerminals } from './terminal.js';
import type { WireTiming } from './wire.js';

export interface EmulatedBus {
  readonly name: string;
  /** Path under which the terminal can be opened. */
  readonly path: string;
  readonly arm: ArmProfile;
  readonly wire: WireTiming;
  readonly seed: number;
}

export interface EmulatorSetup {
  readonly buses: readonly EmulatedBus[];
}

export type EmulatorMessage =
  { readonly bus: string; readonly command: FaultCommand } | { readonly stop: true };

const port = parentPort!;
const setup: EmulatorSetup = workerData;
const terminals = new Map(
  setup.buses.map(({ name, path, arm, wire, seed }) => [
    name,
    new LineTerminal(path, { ...wire, servos: emulatedArm(arm), seed }),
  ]),
);
port.postMessage('ready');
runTerminals([...terminals.values()], () => {
  for (let received = receiveMessageOnPort(port); received; received = receiveMessageOnPort(port)) {
    const message: EmulatorMessage = received.message;
    if ('stop' in message) return false;
    terminals.get(message.bus)?.apply(message.command);
  }
  return true;
});
// A port that nobody listens to would keep the thread.
port.close();
