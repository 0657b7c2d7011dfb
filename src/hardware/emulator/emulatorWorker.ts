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
  /** False: the arm weighs nothing. */
  readonly gravity?: boolean;
  readonly seed: number;
}

export interface EmulatorSetup {
  readonly buses: readonly EmulatedBus[];
  /** Two words: 1 in the first asks for the end, 1 in the second says that it has come. */
  readonly end: SharedArrayBuffer;
}

export interface EmulatorMessage {
  readonly bus: string;
  readonly command: FaultCommand;
}

const port = parentPort!;
const setup: EmulatorSetup = workerData;
const end = new Int32Array(setup.end);
const terminals = new Map(
  setup.buses.map(({ name, path, arm, wire, gravity, seed }) => [
    name,
    new LineTerminal(path, { ...wire, servos: emulatedArm(arm, gravity), seed }),
  ]),
);
port.postMessage('ready');
runTerminals([...terminals.values()], () => {
  for (let received = receiveMessageOnPort(port); received; received = receiveMessageOnPort(port)) {
    const message: EmulatorMessage = received.message;
    terminals.get(message.bus)?.apply(message.command);
  }
  return Atomics.load(end, 0) === 0;
});
Atomics.store(end, 1, 1);
Atomics.notify(end, 1);
// A port that nobody listens to would keep the thread.
port.close();
